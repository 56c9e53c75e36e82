//! An admitted client in, a task of its own out: an honest echo, or one with faults.

use std::sync::Arc;

use super::clients::Client;
use super::connection::serve_honest;
use super::faulty::serve_faulty;

/// Serves a client in a task of its own, with the faults that are drawn for it, if there are any.
pub(super) fn serve(client: Arc<Client>) {
    let clients = Arc::clone(client.clients());
    match clients.draw_faults() {
        None => clients.spawn(serve_honest(client)),
        Some(plan) => clients.spawn(serve_faulty(client, plan)),
    }
}
