//! A TCP socket in, how many of its bytes the other end has acknowledged out.

use std::net::TcpStream;

/// How many bytes sent on `socket` the other end has acknowledged: what send(2) took may wait in
/// this host's buffers for minutes. `None` where the system does not say.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn acknowledged(socket: &TcpStream) -> Option<u64> {
    linux::acknowledged(socket)
}

/// How many bytes sent on `socket` the other end has acknowledged. This system does not say.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn acknowledged(_: &TcpStream) -> Option<u64> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::has_release;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::net::TcpStream;
    use std::sync::LazyLock;

    use nix::libc; // the macro writes libc::getsockopt
    use nix::sys::socket::getsockopt;
    use nix::sys::socket::sockopt::GetStruct;
    /// The first 128 bytes of struct tcp_info (linux/tcp.h), up to tcpi_bytes_acked, in words of
    /// eight bytes. The rest of the struct grows with each kernel.
    #[derive(Clone, Copy)]
    struct TcpInfo;

    nix::getsockopt_impl!(
        TcpInfo,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        [u64; WORDS],
        GetStruct<[u64; WORDS]>
    );

    const WORDS: usize = 16;

    /// Whether the kernel's struct reaches that far: Linux 4.1. nix panics if it does not.
    static IS_KNOWN: LazyLock<bool> = LazyLock::new(|| has_release((4, 1)));

    pub(super) fn acknowledged(socket: &TcpStream) -> Option<u64> {
        if !*IS_KNOWN {
            return None;
        }
        let info = getsockopt(socket, TcpInfo).ok()?;
        Some(info[WORDS - 1])
    }

    /// Says whether the kernel is of at least that release.
    pub(crate) fn has_release(wanted: (u32, u32)) -> bool {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        is_at_least(&release, wanted)
    }

    fn is_at_least(release: &str, wanted: (u32, u32)) -> bool {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
        let version: (u32, u32) = (next(), next());
        version >= wanted
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn releases_are_told_by_their_first_two_numbers() {
            for release in ["4.1.0", "4.19.0-6-amd64", "6.18", "5.10.0+", "10.0"] {
                assert!(is_at_least(release, (4, 1)), "{release}");
            }
            for release in ["", "4.0.9", "3.10.0-1160.el7.x86_64", "unknown"] {
                assert!(!is_at_least(release, (4, 1)), "{release}");
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_the_other_end_has_read_is_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut writer, _) = listener.accept().unwrap();
        let before = acknowledged(&writer).unwrap();
        writer.write_all(&[7; 1000]).unwrap();
        reader.read_exact(&mut [0; 1000]).unwrap();
        assert_eq!(acknowledged(&writer).unwrap() - before, 1000);
    }
}
