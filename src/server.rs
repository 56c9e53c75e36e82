//! Listeners in, echoes out: an accept loop, one task per client, limits, and an orderly end.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::pin;
use std::time::Duration;

use async_std::future::timeout;
use futures::future::{join, select};

use crate::address::Prefix;
use crate::socket::{DatagramSocket, Listener, Transports};

mod accept;
mod access;
mod clients;
mod connection;
mod event;
mod gate;
mod introduction;
mod linger;
mod reflect;
mod shortage;
mod sources;
mod sweep;
mod turn;
mod wire;

pub use event::{Event, Introduction, Obstacle, Reason, Refusal, Totals};
pub use reflect::{DatagramTotals, Ignored, Tally, Unsent};

use accept::accept_all;
use clients::Clients;
use gate::Gate;
use reflect::{DatagramLimits, Reflectors};
use sweep::sweep;

/// An echo server (RFC 862), ready to run.
///
/// It runs on async-std's executor, which has a thread for each core unless the environment
/// variable `ASYNC_STD_THREAD_COUNT` says otherwise; for echoing, one is best.
///
/// # Examples
///
/// ```
/// use echo6::Server;
/// use echo6::socket::{ListenOptions, listen};
///
/// # futures::executor::block_on(async {
/// let server = Server::new(listen(&["127.0.0.1:0".parse()?], ListenOptions::default())?);
/// let totals = server.run(async { /* until this is ready */ }).await;
/// assert_eq!(totals.connections, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[must_use = "a server does nothing until it runs"]
pub struct Server {
    listeners: Vec<Listener>,
    datagrams: Vec<DatagramSocket>,
    limits: Limits,
    datagram_limits: DatagramLimits,
    gate: Gate,
    observer: Option<Observer>,
}

type Observer = Box<dyn Fn(Event) + Send + Sync>;

/// What each client may have, and all of them together.
#[derive(Clone, Copy, Debug)]
struct Limits {
    connections: Option<NonZeroUsize>,
    per_source: Option<NonZeroUsize>,
    bytes: Option<u64>,
    time: Option<Duration>,
    idle: Option<Duration>,
    grace: Duration,
    busy_poll: Duration,
}

/// How long clients have to take their last bytes before they are reset.
const GRACE: Duration = Duration::from_secs(5);

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: None,
            per_source: None,
            bytes: None,
            time: None,
            idle: None,
            grace: GRACE,
            busy_poll: Duration::ZERO,
        }
    }
}

impl Server {
    /// Makes a server of bound listeners, from [`listen`](crate::socket::listen).
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self {
            listeners,
            datagrams: Vec::new(),
            limits: Limits::default(),
            datagram_limits: DatagramLimits::default(),
            gate: Gate::default(),
            observer: None,
        }
    }

    /// Answers datagrams too, on bound UDP sockets, from
    /// [`listen_both`](crate::socket::listen_both) or
    /// [`listen_datagrams`](crate::socket::listen_datagrams).
    ///
    /// Each datagram of up to 65,507 bytes over IPv4, or 65,527 over IPv6, comes back from the
    /// address that was asked, the empty one too. [`Ignored`] says which are not answered: an echo
    /// server must not take part in a conversation that never ends, nor answer for a group.
    pub fn datagrams(mut self, sockets: Vec<DatagramSocket>) -> Self {
        self.datagrams = sockets;
        self
    }

    /// Limits how many datagrams a second one source has answered: an IPv4 address, or the /64 of
    /// an IPv6 address. As many are answered in a burst. The table of sources has a fixed size; when
    /// it is full, all the others share what one source may have. Unlimited unless set.
    pub fn max_rate(mut self, datagrams: NonZeroU32) -> Self {
        self.datagram_limits.rate = Some(datagrams);
        self
    }

    /// Answers also datagrams from ports below 1024 and from the ports of this server, as it must
    /// not where strangers can send to it: with a forged source, two echo servers would send one
    /// datagram back and forth for ever.
    pub fn any_source_port(mut self) -> Self {
        self.datagram_limits.any_source_port = true;
        self
    }

    /// Limits how many clients are connected at the same time. Further ones are not accepted: they
    /// wait in the kernel, up to the backlog, until a client has gone. Unlimited unless set.
    pub fn max_connections(mut self, max: NonZeroUsize) -> Self {
        self.limits.connections = Some(max);
        self
    }

    /// Limits how many connections one source has at the same time: an IPv4 address, or the /64 of
    /// an IPv6 address, which is what one subscriber has (RFC 6177). The surplus is accepted and
    /// closed at once. Unlimited unless set.
    pub fn max_per_source(mut self, max: NonZeroUsize) -> Self {
        self.limits.per_source = Some(max);
        self
    }

    /// Limits how many bytes are echoed on one connection, after which it is closed. Unlimited
    /// unless set.
    pub fn max_bytes(mut self, max: u64) -> Self {
        self.limits.bytes = Some(max);
        self
    }

    /// Limits how long a connection lasts. A client then gets back what it has sent so far. It ends
    /// up to a twentieth late. Unlimited unless set.
    pub fn max_time(mut self, max: Duration) -> Self {
        self.limits.time = Some(max);
        self
    }

    /// Closes a client that has neither sent nor taken a byte for `timeout`, up to a tenth late. A
    /// client that does not read what it is sent is idle too. On Linux a client takes what it
    /// acknowledges (`TCP_INFO`, since 4.1), so that one on a slow path is not idle; elsewhere what
    /// the system's buffer takes for it counts. Never unless set, and then it costs nothing.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle = Some(timeout);
        self.datagram_limits.quiet = Some(timeout);
        self
    }

    /// Sets how long clients have to take their last bytes, when the server stops or their time is
    /// up, before they are reset; with zero they are reset at once. 5 seconds unless set.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.limits.grace = grace;
        self
    }

    /// Has each client's task look again and again for that long before it waits: round trips
    /// become shorter, at the price of a core that is never idle while clients talk. Never unless
    /// set.
    pub fn busy_poll(mut self, duration: Duration) -> Self {
        self.limits.busy_poll = duration;
        self
    }

    /// Lets clients of these prefixes connect, and no others but for those of longer prefixes that
    /// are allowed too. May be called again for more.
    ///
    /// Of all prefixes that an address is in, the longest decides; one that is both allowed and
    /// denied is denied. An IPv4-mapped peer counts as IPv4.
    pub fn allow(mut self, prefixes: impl IntoIterator<Item = Prefix>) -> Self {
        self.gate.clients.allow(prefixes);
        self
    }

    /// Closes clients of these prefixes at once, unless a longer prefix that they are in is
    /// [allowed](Self::allow). May be called again for more.
    pub fn deny(mut self, prefixes: impl IntoIterator<Item = Prefix>) -> Self {
        self.gate.clients.deny(prefixes);
        self
    }

    /// Takes peers of these prefixes for balancers, which must send a PROXY header of version 1 or 2
    /// first, within 5 seconds; no header is read from others. May be called again for more.
    ///
    /// The address that a header announces is the client's: in events, for
    /// [`max_per_source`](Self::max_per_source), [`allow`](Self::allow) and [`deny`](Self::deny). A
    /// balancer that speaks for itself (LOCAL) is let in as it is. Connections whose header is not
    /// whole count as clients for [`max_connections`](Self::max_connections).
    pub fn accept_proxy(mut self, prefixes: impl IntoIterator<Item = Prefix>) -> Self {
        self.gate.balancers.extend(prefixes);
        self
    }

    /// Has `observer` called with every [`Event`], from the tasks that cause it: it must not block.
    pub fn observe(mut self, observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// What it serves, as it reports it when it runs: an [`Event::Listening`] for each address.
    #[must_use]
    pub fn listening(&self) -> Vec<Event> {
        let tcp = self.listeners.iter().map(|listener| {
            let address = listener.address();
            let both = self.datagrams.iter().any(|socket| socket.address() == address);
            let transports = if both { Transports::Both } else { Transports::Tcp };
            Event::Listening { address, families: listener.families(), transports }
        });
        let alone = |socket: &&DatagramSocket| {
            self.listeners.iter().all(|listener| listener.address() != socket.address())
        };
        let udp = self.datagrams.iter().filter(alone).map(|socket| Event::Listening {
            address: socket.address(),
            families: socket.families(),
            transports: Transports::Udp,
        });
        tcp.chain(udp).collect()
    }

    /// Serves until `shutdown` is ready, then drains: the listeners close, each client gets back
    /// what it had sent so far and end of stream, and the future is ready when the last one is gone.
    ///
    /// No error of a client or of accept(2) ends it. If the future is dropped, its clients are
    /// reset.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Totals {
        let listening = self.listening();
        let clients = Clients::new(self.limits, self.gate.keeper(), self.observer);
        for event in listening {
            clients.report(|| event);
        }
        let dropped = CutOnDrop(&clients);
        let served = self.listeners.iter().map(|listener| listener.address().port()).collect();
        let mut reflectors =
            Reflectors::start(self.datagrams, self.datagram_limits, &clients, served);
        let serves = async {
            // Whatever the accept loop is waiting for when `shutdown` comes, it is dropped there,
            // and the listening sockets close with it.
            let accepts = join(accept_all(self.listeners, &clients), reflectors.watch());
            select(pin!(shutdown), pin!(accepts)).await;

            clients.finish_all();
            reflectors.finish().await;
            if timeout(self.limits.grace, clients.gone()).await.is_err() {
                clients.cut_all();
                clients.gone().await;
            }
        };
        select(pin!(serves), pin!(sweep(&clients))).await; // the sweep has no end
        drop(dropped);
        let totals = Totals { datagrams: reflectors.totals(), ..clients.totals() };
        clients.report(|| Event::Stopped { totals });
        totals
    }
}

/// Resets all clients when the server's future is dropped before its end.
struct CutOnDrop<'a>(&'a Clients);

impl Drop for CutOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cut_all();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &self.listeners)
            .field("limits", &self.limits)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
