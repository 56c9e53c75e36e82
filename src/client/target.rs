//! Addresses or `HOST:PORT` in, the addresses to connect to out.

use std::io;
use std::net::SocketAddr;
use std::thread;

use futures::channel::oneshot;

use super::error::ConnectError;
use crate::address::{AddressError, Endpoint, Host, ResolveError};

/// Whom a client calls: one or more socket addresses, of which the first that accepts is enough, or
/// an [`Endpoint`], also as text such as `localhost:7000`, whose addresses are looked up first.
///
/// A text that is no endpoint is told when the client connects.
#[derive(Clone, Debug, PartialEq)]
pub struct Target(Form);

#[derive(Clone, Debug, PartialEq)]
enum Form {
    Addresses(Vec<SocketAddr>),
    Endpoint(Endpoint),
    Wrong(AddressError),
}

impl Target {
    /// The addresses, in the resolver's order.
    pub(super) async fn addresses(self) -> Result<Vec<SocketAddr>, ConnectError> {
        match self.0 {
            Form::Addresses(addresses) => Ok(addresses),
            Form::Endpoint(endpoint) => resolve(&endpoint).await.map_err(ConnectError::Resolve),
            Form::Wrong(error) => Err(ConnectError::Address(error)),
        }
    }

    /// The name that has to be looked up, if there is one.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.0 {
            Form::Endpoint(endpoint) => match endpoint.host() {
                Host::Name(name) => Some(name),
                _ => None,
            },
            Form::Addresses(_) | Form::Wrong(_) => None,
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self(Form::Addresses(vec![address]))
    }
}

impl From<&[SocketAddr]> for Target {
    fn from(addresses: &[SocketAddr]) -> Self {
        Self(Form::Addresses(addresses.to_vec()))
    }
}

impl<const N: usize> From<&[SocketAddr; N]> for Target {
    fn from(addresses: &[SocketAddr; N]) -> Self {
        Self::from(&addresses[..])
    }
}

impl From<Vec<SocketAddr>> for Target {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self(Form::Addresses(addresses))
    }
}

impl From<&Vec<SocketAddr>> for Target {
    fn from(addresses: &Vec<SocketAddr>) -> Self {
        Self::from(&addresses[..])
    }
}

impl From<Endpoint> for Target {
    fn from(endpoint: Endpoint) -> Self {
        Self(Form::Endpoint(endpoint))
    }
}

impl From<&Endpoint> for Target {
    fn from(endpoint: &Endpoint) -> Self {
        Self::from(endpoint.clone())
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        Self(text.parse().map_or_else(Form::Wrong, Form::Endpoint))
    }
}

impl From<&String> for Target {
    fn from(text: &String) -> Self {
        Self::from(&text[..])
    }
}

/// Looks up the addresses of `endpoint` as [`Endpoint::resolve`] does, but on a thread of its own,
/// so that no executor is held up, nor started for it.
///
/// If the future is dropped, the thread ends when the resolver answers, which may take seconds.
///
/// # Errors
///
/// As for [`Endpoint::resolve`], and if the thread cannot be started.
pub async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ResolveError> {
    let (Host::Name(name) | Host::Zoned(_, name)) = endpoint.host() else {
        return endpoint.resolve(); // nothing to ask the system for
    };
    let (answer, answered) = oneshot::channel();
    let asked = endpoint.clone();
    let started = thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        // Whoever asked may be gone.
        let _ = answer.send(asked.resolve());
    });
    let no_thread = |source: io::Error| {
        let (name, source) = (name.clone(), source.into());
        ResolveError::Thread { name, source }
    };
    started.map_err(no_thread)?;
    answered.await.unwrap_or_else(|_| Err(no_thread(io::Error::other("it ended too early"))))
}
