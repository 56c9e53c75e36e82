//! A TCP socket in, how many of its bytes the other end has acknowledged out.

use std::net::TcpStream;

/// How many bytes sent on `socket` the other end has acknowledged: what send(2) took may wait in
/// this host's buffers for minutes. `None` where the system does not say.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn acknowledged(socket: &TcpStream) -> Option<u64> {
    super::tcp_info::eights(socket).map(|info| info[15]) // tcpi_bytes_acked
}

/// How many bytes sent on `socket` the other end has acknowledged. This system does not say.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn acknowledged(_: &TcpStream) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_the_other_end_has_read_is_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut writer, _) = listener.accept().unwrap();
        let before = acknowledged(&writer).unwrap();
        writer.write_all(&[7; 1000]).unwrap();
        reader.read_exact(&mut [0; 1000]).unwrap();
        // The reader may be woken before the acknowledgement has come in.
        let end = Instant::now() + Duration::from_secs(20);
        while acknowledged(&writer).unwrap() - before < 1000 && Instant::now() < end {
            std::thread::yield_now();
        }
        assert_eq!(acknowledged(&writer).unwrap() - before, 1000);
    }
}
