//! A TCP socket in, the beginning of what Linux knows of its connection out: struct tcp_info of
//! linux/tcp.h, which each kernel appends to.

use std::net::TcpStream;
use std::sync::LazyLock;

use nix::libc; // the macro writes libc::getsockopt
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::GetStruct;

/// Words of eight bytes up to tcpi_bytes_acked: the first 128 bytes, which Linux 4.1 has.
pub(super) fn eights(socket: &TcpStream) -> Option<[u64; 16]> {
    static ARE_KNOWN: LazyLock<bool> = LazyLock::new(|| has_release((4, 1)));
    // nix panics if the kernel's struct does not reach that far.
    if *ARE_KNOWN { getsockopt(socket, Eights).ok() } else { None }
}

/// Words of four bytes up to tcpi_rcv_ooopack: the first 232 bytes, which Linux 5.4 has.
pub(super) fn fours(socket: &TcpStream) -> Option<[u32; 58]> {
    static ARE_KNOWN: LazyLock<bool> = LazyLock::new(|| has_release((5, 4)));
    if *ARE_KNOWN { getsockopt(socket, Fours).ok() } else { None }
}

#[derive(Clone, Copy)]
struct Eights;

#[derive(Clone, Copy)]
struct Fours;

nix::getsockopt_impl!(Eights, libc::IPPROTO_TCP, libc::TCP_INFO, [u64; 16], GetStruct<[u64; 16]>);
nix::getsockopt_impl!(Fours, libc::IPPROTO_TCP, libc::TCP_INFO, [u32; 58], GetStruct<[u32; 58]>);

/// Says whether the kernel is of at least that release.
fn has_release(wanted: (u32, u32)) -> bool {
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
