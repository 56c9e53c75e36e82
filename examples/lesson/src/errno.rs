//! The errors that the lesson meets: one table for the programs and for the text.

/// An error of the system: its name, and its number on each of three systems.
///
/// The numbers are those of Linux' `errno.h` (x86 and ARM), of macOS' `sys/errno.h` and of Windows'
/// `winsock2.h`, where the names begin with `WSA`. Windows has no EPIPE and says WSAESHUTDOWN; for
/// EPERM it says WSAEACCES.
#[derive(Clone, Copy, Debug)]
pub struct Errno {
    /// The name in C, which the manual pages use.
    pub name: &'static str,
    /// The number on Linux.
    pub linux: i32,
    /// The number on macOS, and on the BSDs but for EOPNOTSUPP.
    pub macos: i32,
    /// The number on Windows.
    pub windows: i32,
    /// What it says about a socket.
    pub meaning: &'static str,
}

impl Errno {
    /// The number on the system that the program was built for.
    pub fn here(&self) -> i32 {
        if cfg!(windows) {
            self.windows
        } else if cfg!(any(target_os = "linux", target_os = "android")) {
            self.linux
        } else {
            self.macos
        }
    }
}

const fn errno(name: &'static str, numbers: [i32; 3], meaning: &'static str) -> Errno {
    let [linux, macos, windows] = numbers;
    Errno { name, linux, macos, windows, meaning }
}

/// Each error that the lesson meets. Where a number stands twice, the first name is the usual one.
pub const ERRNOS: [Errno; 21] = [
    errno(
        "EACCES",
        [13, 13, 10013],
        "permission denied: a port below 1024, or a firewall rule of this host",
    ),
    errno("EPERM", [1, 1, 10013], "not allowed for this user, as SOCK_RAW is"),
    errno("EBADF", [9, 9, 10009], "the number is no open descriptor"),
    errno(
        "EINVAL",
        [22, 22, 10022],
        "an argument makes no sense, or not in this state of the socket",
    ),
    errno("EMFILE", [24, 24, 10024], "this process has no descriptor left"),
    errno(
        "EAGAIN",
        [11, 35, 10035],
        "a non-blocking call has nothing to do right now; also called EWOULDBLOCK",
    ),
    errno("EINPROGRESS", [115, 36, 10036], "a non-blocking connect has begun"),
    errno("EMSGSIZE", [90, 40, 10040], "a datagram is larger than the network or the buffer takes"),
    errno("EPROTONOSUPPORT", [93, 43, 10043], "no such protocol for this domain and type"),
    errno("EAFNOSUPPORT", [97, 47, 10047], "no such domain: on some hosts, IPv6"),
    errno("EOPNOTSUPP", [95, 102, 10045], "this kind of socket has no such call"),
    errno("EADDRINUSE", [98, 48, 10048], "the port is taken"),
    errno("EADDRNOTAVAIL", [99, 49, 10049], "no interface of this host has the address"),
    errno("ENETUNREACH", [101, 51, 10051], "no route to the network"),
    errno(
        "EHOSTUNREACH",
        [113, 65, 10065],
        "a router, or this host's own routing table, says that the host cannot be reached",
    ),
    errno("ECONNREFUSED", [111, 61, 10061], "nobody listens on that port"),
    errno("ETIMEDOUT", [110, 60, 10060], "no answer, after many tries"),
    errno("ECONNABORTED", [103, 53, 10053], "the client left before it was accepted"),
    errno("ECONNRESET", [104, 54, 10054], "the peer threw the connection away"),
    errno(
        "EPIPE",
        [32, 32, 10058],
        "you send after the end of your own direction, or to a peer that is gone",
    ),
    errno("ENOTCONN", [107, 57, 10057], "the socket is not connected"),
];
