//! An admitted client in, a task of its own out: an honest echo, or one with faults.

use std::sync::Arc;

use super::clients::{Client, Clients};
use super::connection::serve;
use super::faulty::serve_faulty;

impl Clients {
    /// Serves a client in a task of its own, with the faults that are drawn for it, if there are any.
    pub(super) fn serve(&self, client: Arc<Client>) {
        match self.draw_faults() {
            None => self.spawn(serve(client)),
            Some(plan) => self.spawn(serve_faulty(client, plan)),
        }
    }
}
