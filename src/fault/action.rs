//! What a plan cannot do by itself, because it takes a socket.

use std::io;

use crate::kind::kind;

kind! {
    /// What a fault demands of whoever has the socket. It comes as the error of a
    /// [`Faulty`](super::Faulty) stream; [`Action::of`] finds it there.
    pub enum Action {
        /// End the stream and close the connection.
        Close = "close", "close the connection";
        /// End the stream, and read until the client ends too.
        HalfClose = "half_close", "end the stream and keep reading";
        /// Close with a reset.
        Reset = "reset", "reset the connection";
        /// Stay connected, read and drop what comes, and write nothing more.
        Stall = "stall", "stop echoing and keep reading";
        /// Stay connected, and neither read nor write.
        Hang = "hang", "stop reading and echoing";
    }
}

impl Action {
    /// The action that an error of a [`Faulty`](super::Faulty) stream stands for, if it is none of
    /// the stream's own.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().map(|Demanded(action)| *action)
    }
}

impl From<Action> for io::Error {
    fn from(action: Action) -> Self {
        Self::other(Demanded(action))
    }
}

/// An action on its way through an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("a fault says: {0}")]
struct Demanded(Action);
