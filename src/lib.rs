//! An RFC 862 echo server and client for IPv4 and IPv6: do bytes come back, unchanged, and how fast?
//!
//! The peer of a test, in two lines, beside any runtime:
//!
//! ```
//! let peer = echo6::Server::bind("127.0.0.1:0")?.start(); // stops and drains when it is dropped
//! let stream = std::net::TcpStream::connect(peer.address())?; // or tokio's, or smol's
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```toml
//! [dev-dependencies]
//! echo6 = { version = "0.1", default-features = false }
//! ```
//!
//! # The map
//!
//! ```text
//!    "[::]:7000"                                          bytes in
//!        |                                                   |
//!     address ──> socket ──> server ── a task per client ──> echo ──> bytes out
//!        |       (socket2)     ^             (async-std)
//!        |                     └─ limits, accept errors, drain
//!        └──────> client ──> times
//! ```
//!
//! - [`address`]: text to addresses and back, endpoints, prefixes
//! - [`proxy`]: the header with which a balancer names its client, read and written; no sockets
//! - [`socket`]: endpoints to bound sockets, dual-stack ones too
//! - [`echo`]: the byte pump, which knows no sockets
//! - [`fault`]: what goes wrong on purpose, how often and where; no sockets
//! - [`times`]: durations to percentiles; no I/O
//! - [`server`]: the accept loop, one task per client, and how it all stops
//! - [`client`]: connects, sends, compares what comes back, measures round trips, loads servers
//!
//! Imports go one way: `error < address < proxy, socket < echo, fault, times < server | client`.
//!
//! [`how_it_works`] follows one connection from `listen` to `close`.
//!
//! The library never prints, exits, or reads a signal or an environment variable: it is handed its
//! listeners and a future that resolves when it is to stop, and it reports through [`Event`](server::Event)s.
//!
//! # Examples
//!
//! One socket for both families, and a message over each:
//!
//! ```
//! use echo6::{Client, Server};
//!
//! # futures::executor::block_on(async {
//! let server = Server::bind("[::]:0")?.start();
//! let port = server.address().port();
//! for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
//!     let reply = Client::new().send(&[address.parse()?], b"hello").await?;
//!     assert_eq!(reply.bytes, b"hello");
//! }
//! assert_eq!(server.stop().connections, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

#![warn(clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)] // tests and examples may

mod kind;
#[cfg(feature = "serde")]
mod schema;

pub mod address;
pub mod client;
pub mod echo;
pub mod error;
pub mod fault;
pub mod how_it_works;
pub mod proxy;
pub mod server;
pub mod socket;
pub mod times;

pub use client::Client;
pub use server::Server;
