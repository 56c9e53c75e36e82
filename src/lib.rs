//! An RFC 862 echo server and client for IPv4 and IPv6: do bytes come back, unchanged, and how fast?
//!
//! ```text
//!    "[::]:7000"                                             bytes in
//!        |                                                      |
//!     address ── listener ──> server ── one task per client ──> echo ──> bytes out
//!        |        (socket2)     ^                (async-std)
//!        |                      └─ limits, accept errors, drain
//!        └──> client ──> report
//! ```
//!
//! A module imports only what lies to its left or below it in this picture; [`error`] and [`event`]
//! are named by all.
//!
//! - [`address`]: text to addresses and back, endpoints, dual-stack listeners
//! - [`echo`]: the byte pump, which knows no sockets
//! - [`server`]: the accept loop, one task per client, and how it all stops
//! - [`client`]: connects, sends, compares what comes back, measures round trips
//! - [`report`]: counts and round-trip times to figures; no I/O
//!
//! [`how_it_works`] follows one connection from `listen` to `close`.
//!
//! The library never prints, exits, or reads a signal or an environment variable: it is handed its
//! listeners and a future that resolves when it shall stop, and it reports through [`event`]s.
//!
//! # Examples
//!
//! One socket for both families, and a message over each:
//!
//! ```
//! use echo6::address::{ListenOptions, listen};
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

pub mod address;
pub mod client;
pub mod echo;
pub mod error;
pub mod event;
pub mod how_it_works;
pub mod report;
pub mod server;

pub use client::Client;
pub use server::Server;
