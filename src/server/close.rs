//! A client that is done in; its socket closed, its slot free, and what the connection came to
//! reported.

use std::sync::Arc;

use super::clients::Client;
use super::ends::Ends;
use super::event::Event;
use super::outcome::{Closed, Ending, Reason};
use crate::error::Cause;

/// Closes the socket and frees the slot, then reports what the connection came to. If the server
/// has been ending the client, the reason is the one given then, else it is `reason`.
pub(super) fn close(client: Arc<Client>, reason: Reason, ending: Ending, error: Option<Cause>) {
    let Ends { peer, local, via } = Ends::of(&client);
    let key = client.key();
    let mut closed = Closed {
        id: client.id(),
        peer,
        local,
        via,
        bytes_in: client.flow.received(),
        bytes_out: client.returned(),
        duration: client.since().elapsed(),
        reason,
        ending,
        error,
        faults: Vec::new(),
    };
    client.leave(|table| {
        table.close(key, &mut closed);
        Some(Event::Closed(closed))
    });
}
