//! Addresses in, one connection out.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use async_io::Async;
use async_std::future::timeout;

use super::Client;
use super::error::ConnectError;

/// A connection to an echo server.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connection {
    pub(super) stream: Async<TcpStream>,
    /// The server.
    pub peer: SocketAddr,
    /// The local end.
    pub local: SocketAddr,
    /// Time to connect.
    pub duration: Duration,
}

impl Client {
    /// Connects to the first of `addresses` that accepts, each in turn.
    ///
    /// # Errors
    ///
    /// If none does within the connect timeout: what became of each.
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<Connection, ConnectError> {
        let mut attempts = Vec::new();
        for &address in addresses {
            match timeout(self.connect_timeout, attempt(address)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => attempts.push((address, error.into())),
                Err(_) => attempts.push((address, io::Error::from(io::ErrorKind::TimedOut).into())),
            }
        }
        Err(ConnectError { attempts })
    }
}

async fn attempt(peer: SocketAddr) -> io::Result<Connection> {
    let start = Instant::now();
    let stream = Async::<TcpStream>::connect(peer).await?;
    let duration = start.elapsed();
    // A probe must not wait for the acknowledgement of the one before (Nagle's algorithm).
    stream.get_ref().set_nodelay(true)?;
    let local = stream.get_ref().local_addr()?;
    Ok(Connection { stream, peer, local, duration })
}
