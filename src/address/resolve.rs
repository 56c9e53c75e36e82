//! An [`Endpoint`] in, the socket addresses to bind or to connect to out.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};

use super::{Endpoint, Host, canonical};
use crate::error::{Cause, CauseKind};

/// Why an [`Endpoint`] has no socket address.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The system's resolver, getaddrinfo(3), has no address for the name.
    #[error("cannot resolve {name}")]
    Name {
        /// The name as it was given.
        name: String,
        /// What the resolver said.
        #[source]
        source: Cause,
    },
    /// The zone of a link-local address is no interface of this host.
    #[error("no interface named {zone}")]
    Zone {
        /// The zone as it was given.
        zone: String,
    },
    /// There was no thread to look the name up on.
    #[error("cannot resolve {name}: no thread for it")]
    Thread {
        /// The name as it was given.
        name: String,
        /// What the system said.
        #[source]
        source: Cause,
    },
    /// `:7000` says where to listen, not whom to call.
    #[error("no host in {endpoint}")]
    NoHost {
        /// The endpoint as it was given.
        endpoint: Endpoint,
    },
}

impl ResolveError {
    /// The resolver did not answer within a time that the caller set.
    #[must_use]
    pub fn timed_out(name: String) -> Self {
        Self::Name { name, source: std::io::Error::from(std::io::ErrorKind::TimedOut).into() }
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn cause(&self) -> CauseKind {
        match self {
            Self::Name { .. } | Self::Zone { .. } => CauseKind::Resolve,
            Self::Thread { .. } => CauseKind::Here,
            Self::NoHost { .. } => CauseKind::Usage,
        }
    }

    /// The likely fix, as a phrase.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Name { source, .. } if is_temporary(source) => {
                "no name server answered: try again, or give the address itself".to_owned()
            }
            Self::Name { .. } => "check the spelling, or give the address itself".to_owned(),
            Self::Zone { .. } => "name an interface of this host".to_owned(),
            Self::Thread { .. } => {
                "raise the limit on processes, or give the address itself".to_owned()
            }
            Self::NoHost { endpoint } => format!("for this host, write localhost{endpoint}"),
        }
    }
}

/// Says whether nobody answered for the name, so that nothing is known of it: EAI_AGAIN of
/// getaddrinfo(3), of which std keeps only the words (of glibc, of musl and Windows, of the BSDs), or
/// a time limit.
fn is_temporary(source: &Cause) -> bool {
    let words = source.to_string().to_lowercase();
    let temporary = ["temporary failure", "try again", "temporary error"];
    source.kind() == std::io::ErrorKind::TimedOut
        || temporary.iter().any(|phrase| words.contains(phrase))
}

impl Endpoint {
    /// Looks up the socket addresses behind the endpoint, in the system's order, each once. A
    /// literal is its own address, an IPv4-mapped one being IPv4; a zone becomes its interface's
    /// index; a name goes to getaddrinfo(3), which **blocks**, for seconds if the network is down.
    ///
    /// # Errors
    ///
    /// If the name has no address, the zone is no interface, or there is no host at all.
    pub fn resolve(&self) -> Result<Vec<SocketAddr>, ResolveError> {
        let look_up = |host: &str| Ok((host, self.port()).to_socket_addrs()?.collect::<Vec<_>>());
        let found = match self.host() {
            Host::Any => return Err(ResolveError::NoHost { endpoint: self.clone() }),
            Host::V4(ip) => vec![SocketAddrV4::new(*ip, self.port()).into()],
            Host::V6(ip) => vec![SocketAddrV6::new(*ip, self.port(), 0, 0).into()],
            // getaddrinfo is the one call that knows a zone's name or number on every system.
            Host::Zoned(ip, zone) => look_up(&format!("{ip}%{zone}"))
                .map_err(|_: std::io::Error| ResolveError::Zone { zone: zone.clone() })?,
            Host::Name(name) => look_up(name)
                .map_err(|error| ResolveError::Name { name: name.clone(), source: error.into() })?,
        };
        let mut addresses = Vec::with_capacity(found.len());
        for address in found.into_iter().map(canonical) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    #[test]
    fn a_literal_is_its_own_address_and_a_mapped_one_is_ipv4() {
        let resolve = |text| endpoint(text).resolve().unwrap();
        assert_eq!(resolve("[::1]:7"), ["[::1]:7".parse().unwrap()]);
        assert_eq!(resolve("[::ffff:127.0.0.1]:7"), ["127.0.0.1:7".parse().unwrap()]);
    }

    #[test]
    fn a_name_server_that_does_not_answer_says_nothing_of_the_spelling() {
        let help = |words: &str| {
            let source = std::io::Error::other(words.to_owned()).into();
            ResolveError::Name { name: "a.example".to_owned(), source }.help()
        };
        let lookup = "failed to lookup address information: ";
        for words in ["Temporary failure in name resolution", "Try again"] {
            assert!(help(&format!("{lookup}{words}")).starts_with("no name server answered"));
        }
        assert!(help(&format!("{lookup}Name or service not known")).starts_with("check the spel"));
    }

    #[test]
    fn what_cannot_be_resolved_is_named() {
        let error = |text| endpoint(text).resolve().unwrap_err().to_string();
        assert_eq!(error("[fe80::1%nosuch0]:7"), "no interface named nosuch0");
        assert_eq!(error("nosuch.invalid:7"), "cannot resolve nosuch.invalid");
        assert_eq!(error(":7"), "no host in :7");
    }
}
