//! What can go wrong between a client and its server.

mod connect;
mod send;

pub use connect::ConnectError;
pub use send::SendError;
