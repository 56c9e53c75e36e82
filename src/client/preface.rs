//! What a client says before its first byte, as a balancer does: a PROXY header.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use async_io::Timer;
use futures::io::{AsyncWrite, AsyncWriteExt};

use crate::proxy::{Header, Version};

/// A PROXY header that a client sends on each connection before anything else, which shows whether a
/// server that stands behind a balancer understands it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyHeader {
    content: Content,
    piece: Option<NonZeroUsize>,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    /// The two ends of the connection itself.
    Own(Version),
    Given(Header),
}

/// How long a piece of a header is ahead of the next: so long that they are segments of their own,
/// and a server reads them one by one.
const PAUSE: Duration = Duration::from_millis(10);

impl ProxyHeader {
    /// Announces the addresses of the connection itself.
    #[must_use]
    pub fn own(version: Version) -> Self {
        Self { content: Content::Own(version), piece: None }
    }

    /// Sends the header in pieces of so many bytes, each in a segment of its own 10 ms after the one
    /// before.
    #[must_use]
    pub fn split(self, piece: NonZeroUsize) -> Self {
        Self { piece: Some(piece), ..self }
    }

    /// Sends its `bytes`.
    pub(super) async fn send(
        &self,
        mut writer: impl AsyncWrite + Unpin,
        bytes: &[u8],
    ) -> io::Result<()> {
        let piece = self.piece.map_or(bytes.len(), NonZeroUsize::get);
        for (index, piece) in bytes.chunks(piece).enumerate() {
            if index > 0 {
                Timer::after(PAUSE).await;
            }
            writer.write_all(piece).await?;
        }
        Ok(())
    }

    /// The header as it is sent over a connection between `local` and `peer`.
    pub(super) fn bytes(&self, local: SocketAddr, peer: SocketAddr) -> io::Result<Vec<u8>> {
        let bytes = match &self.content {
            Content::Own(version) => Header::new(*version, local, peer).to_bytes(),
            Content::Given(header) => header.to_bytes(),
        };
        bytes.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }
}

impl From<Header> for ProxyHeader {
    fn from(header: Header) -> Self {
        Self { content: Content::Given(header), piece: None }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Instant;

    use futures::executor::block_on;

    use super::*;

    /// What was written at a time, and when.
    #[derive(Default)]
    struct Writes(Vec<(Instant, Vec<u8>)>);

    impl AsyncWrite for &mut Writes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.push((Instant::now(), bytes.to_vec()));
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_header_leaves_whole_or_piece_by_piece() {
        let (local, peer) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let line = b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n";
        for (piece, pieces) in [(None, 1), (Some(10), 4), (Some(36), 1), (Some(35), 2)] {
            let header = ProxyHeader::own(Version::V1);
            let header = match piece.and_then(NonZeroUsize::new) {
                Some(piece) => header.split(piece),
                None => header,
            };
            let mut writes = Writes::default();
            let sent = header.bytes(local, peer).unwrap();
            block_on(header.send(&mut writes, &sent)).unwrap();
            let (times, bytes): (Vec<_>, Vec<_>) = writes.0.into_iter().unzip();
            assert_eq!((bytes.len(), bytes.concat()), (pieces, line.to_vec()), "{piece:?}");
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= PAUSE), "{piece:?}");
        }
    }
}
