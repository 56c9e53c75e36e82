//! An accepted connection in, a client with a slot out, or a refusal. A balancer has its slot at
//! once, and counts as the client that it speaks for as soon as it has said which.

use std::net::{SocketAddr, SocketAddrV6, TcpStream};
use std::sync::Arc;

use async_io::Async;

use super::clients::{Client, Clients};
use super::ends::{Ends, mapped};
use super::event::{Connected, Event};
use super::gate::Knock;
use super::refusal::{Refusal, Refused};
use crate::address::canonical;
use crate::proxy::Header;

/// What an accepted connection is.
pub(super) enum Admitted {
    Client(Arc<Client>),
    /// Who is to send a PROXY header first.
    Balancer(Arc<Client>),
    Refused,
}

/// Gives an accepted client its slot, or closes it at once if it may not connect.
pub(super) fn admit(
    clients: &Arc<Clients>,
    socket: Async<TcpStream>,
    peer: SocketAddr,
) -> Admitted {
    let knock = clients.keeper.knock(peer.ip());
    let mut table = clients.table();
    let refusal = match knock {
        Knock::Balancer => {
            let balancer = clients.seat(&mut table, socket, mapped(peer));
            table.expect_introduction(balancer.key());
            return Admitted::Balancer(balancer);
        }
        Knock::Client => match table.grant(mapped(peer)) {
            Ok(()) => {
                let client = clients.seat(&mut table, socket, mapped(peer));
                drop(table);
                report_connected(&client, None);
                return Admitted::Client(client);
            }
            Err(refusal) => refusal,
        },
        Knock::Denied(denied) => Some(Refusal::Denied { by: denied.by }),
    };
    table.refuse();
    drop(table);
    if let Some(refusal) = refusal {
        let peer = canonical(peer);
        clients.report(|| Event::Refused(Refused { peer, via: None, refusal }));
    }
    Admitted::Refused
}

/// Takes note of whom a balancer speaks for, and tells the observer of that client; closes the
/// connection if it may not connect.
pub(super) fn introduce(balancer: Arc<Client>, header: Header) -> Option<Arc<Client>> {
    let real = balancer.peer();
    let announced = header.addresses.map_or(real, |addresses| mapped(addresses.source));
    let clients = balancer.clients();
    let granted = match clients.keeper.introduce((*real.ip()).into(), &header) {
        Ok(()) => clients.table().introduce(balancer.key(), announced),
        Err(denied) => Err(Some(Refusal::Denied { by: denied.by })),
    };
    match granted {
        Ok(()) => {
            report_connected(&balancer, Some(header));
            Some(balancer)
        }
        Err(refusal) => {
            refuse(balancer, announced, refusal);
            None
        }
    }
}

/// Closes a balancer that has not said whom it speaks for.
pub(super) fn dismiss(balancer: Arc<Client>, refusal: Refusal) {
    let peer = balancer.peer();
    refuse(balancer, peer, Some(refusal));
}

/// Closes a balancer that spoke for `peer`, frees its slot, and then tells the observer, if there
/// is anything to tell.
fn refuse(balancer: Arc<Client>, peer: SocketAddrV6, refusal: Option<Refusal>) {
    let (peer, real) = (canonical(peer.into()), canonical(balancer.peer().into()));
    let via = (peer != real).then_some(real);
    balancer.leave(|table| {
        table.refuse();
        refusal.map(|refusal| Event::Refused(Refused { peer, via, refusal }))
    });
}

/// Tells the observer of a client, and what the balancer between says of it.
fn report_connected(client: &Client, announced: Option<Header>) {
    client.clients().report(|| {
        let (id, Ends { peer, local, via }) = (client.id(), Ends::of(client));
        Event::Connected(Connected { id, peer, local, via, announced: announced.map(Box::new) })
    });
}
