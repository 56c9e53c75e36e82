//! An RFC 862 echo server and client for IPv4 and IPv6: do bytes come back, unchanged, and how fast?
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
//! - [`client`]: connects, sends, compares what comes back, measures round trips
//!
//! Imports go one way: `error, address < proxy, socket < echo, fault, times < server |
//! client`.
//!
//! [`how_it_works`] follows one connection from `listen` to `close`.
//!
//! The library never prints, exits, or reads a signal or an environment variable: it is handed its
//! listeners and a future that resolves when it shall stop, and it reports through [`Event`](server::Event)s.
//!
//! # Examples
//!
//! One socket for both families, and a message over each:
//!
//! ```
//! use echo6::socket::{ListenOptions, listen};
//! use echo6::{Client, Server};
//! use futures::FutureExt;
//! use futures::channel::oneshot;
//!
//! # futures::executor::block_on(async {
//! let listeners = listen(&["[::]:0".parse()?], ListenOptions::default())?;
//! let port = listeners[0].address().port();
//! let (stop, stopped) = oneshot::channel::<()>();
//! let server = async_std::task::spawn(Server::new(listeners).run(stopped.map(drop)));
//!
//! for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
//!     let reply = Client::new().send(&[address.parse()?], b"hello").await?;
//!     assert_eq!(reply.bytes, b"hello");
//! }
//!
//! drop(stop);
//! assert_eq!(server.await.connections, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

#![warn(clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)] // tests and examples may

mod kind;
#[cfg(feature = "serde")]
#[allow(dead_code)]
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
