//! Which of the two transports of RFC 862 an address is served over.

use std::fmt;

/// The transports that an address is served over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transports {
    /// TCP: bytes.
    #[default]
    Tcp,
    /// UDP: datagrams.
    Udp,
    /// Both, on the same port.
    Both,
}

impl Transports {
    /// The stable words for programs: `tcp`, `udp`.
    #[must_use]
    pub const fn codes(self) -> &'static [&'static str] {
        match self {
            Self::Tcp => &["tcp"],
            Self::Udp => &["udp"],
            Self::Both => &["tcp", "udp"],
        }
    }
}

impl fmt::Display for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Both => "TCP and UDP",
        })
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Transports {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.codes())
    }
}
