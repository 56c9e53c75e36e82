//! What can go wrong between a client and its server.

mod connect;
mod send;

pub use connect::ConnectError;
pub(super) use connect::no_way;
pub use send::SendError;
