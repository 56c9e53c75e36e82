//! What a client says before its first byte, as a balancer does: a PROXY header.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use async_io::Timer;
use futures::AsyncWriteExt;

use super::wire::Wire;
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

    /// Sends it over a connection between `local` and `peer`.
    pub(super) async fn send(
        &self,
        wire: &Wire,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> io::Result<()> {
        let bytes = self.bytes(local, peer)?;
        let piece = self.piece.map_or(bytes.len(), NonZeroUsize::get);
        for (index, piece) in bytes.chunks(piece).enumerate() {
            if index > 0 {
                Timer::after(PAUSE).await;
            }
            (&*wire).write_all(piece).await?;
        }
        Ok(())
    }

    fn bytes(&self, local: SocketAddr, peer: SocketAddr) -> io::Result<Vec<u8>> {
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
