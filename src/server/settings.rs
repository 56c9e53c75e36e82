//! What a server is to serve, to whom, and within which limits: said one call at a time.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};

use super::event::{Event, Listening, Observer};
use super::faults::Faults;
use super::gate::Gate;
use super::limits::Limits;
use crate::address::{AddressError, Endpoint, Families, Prefix};
use crate::fault::Fault;
use crate::socket::{DatagramSocket, ListenError, ListenOptions, Listener, Transports, listen};

/// An echo server (RFC 862), ready to run.
///
/// The caller needs no runtime for it: [`start`](Self::start) it beside whatever the program does,
/// on a thread of its own, or await [`run`](Self::run) on any executor. `run` has its clients on the
/// executor of async-std, which has a thread for each core unless the environment variable
/// `ASYNC_STD_THREAD_COUNT` says otherwise; for echoing, one is best.
///
/// # Examples
///
/// ```
/// use echo6::Server;
///
/// let server = Server::bind("127.0.0.1:0")?.start();
/// let client = std::net::TcpStream::connect(server.address())?;
/// # drop(client);
/// let totals = server.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a server does nothing until it runs"]
pub struct Server {
    pub(super) listeners: Vec<Listener>,
    pub(super) datagrams: Vec<DatagramSocket>,
    pub(super) clients: Vec<TcpStream>,
    pub(super) limits: Limits,
    pub(super) any_source_port: bool,
    pub(super) gate: Gate,
    pub(super) busy_poll: Duration,
    pub(super) faults: Faults,
    pub(super) observer: Option<Observer>,
    /// When to report the totals.
    pub(super) asks: BoxStream<'static, ()>,
}

/// Why [`Server::bind`] made no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The text is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl Server {
    /// Makes a server that listens on `address`, a HOST:PORT as [`Endpoint`] has it: `[::1]:0` is a
    /// port of this host that the system chooses, `:7000` is that port of every address of it. A
    /// name is looked up: that **blocks**.
    ///
    /// # Errors
    ///
    /// If the text is no address, or the address cannot be bound.
    pub fn bind(address: &str) -> Result<Self, BindError> {
        let endpoint: Endpoint = address.parse()?;
        Ok(Self::new(listen(&[endpoint], ListenOptions::default())?))
    }

    /// Makes a server of bound listeners, from [`listen`] or from
    /// [sockets that somebody else bound](Listener::adopt).
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self {
            listeners,
            datagrams: Vec::new(),
            clients: Vec::new(),
            limits: Limits::default(),
            busy_poll: Duration::ZERO,
            any_source_port: false,
            gate: Gate::default(),
            faults: Faults::default(),
            observer: None,
            asks: stream::pending().boxed(),
        }
    }

    /// Answers datagrams too, on bound UDP sockets, from
    /// [`listen_both`](crate::socket::listen_both) or
    /// [`listen_datagrams`](crate::socket::listen_datagrams).
    ///
    /// Each datagram of up to 65,507 bytes over IPv4, or 65,527 over IPv6, comes back from the
    /// address that was asked, the empty one too. [`Ignored`](super::Ignored) says which are not answered: an echo
    /// server must not take part in a conversation that never ends, nor answer for a group.
    pub fn datagrams(mut self, sockets: Vec<DatagramSocket>) -> Self {
        self.datagrams = sockets;
        self
    }

    /// Serves a client that somebody else accepted, inetd(8) for one. A server of nothing but such
    /// clients ends with the last of them. May be called again for more.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::{Shutdown, TcpListener, TcpStream};
    ///
    /// use echo6::Server;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// let (accepted, _) = listener.accept()?;
    /// client.write_all(b"hello")?;
    /// client.shutdown(Shutdown::Write)?;
    ///
    /// let server = Server::new(Vec::new()).client(accepted);
    /// async_io::block_on(server.run(std::future::pending::<()>()));
    ///
    /// let mut reply = String::new();
    /// client.read_to_string(&mut reply)?;
    /// assert_eq!(reply, "hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn client(mut self, accepted: TcpStream) -> Self {
        self.clients.push(accepted);
        self
    }

    /// Sets [`Limits::max_rate`].
    pub fn max_rate(mut self, datagrams: NonZeroU32) -> Self {
        self.limits.max_rate = Some(datagrams);
        self
    }

    /// Answers also datagrams from ports below 1024 and from the ports of this server, as it must
    /// not where strangers can send to it: with a forged source, two echo servers would send one
    /// datagram back and forth for ever.
    pub fn any_source_port(mut self) -> Self {
        self.any_source_port = true;
        self
    }

    /// Sets all limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`Limits::max_connections`].
    pub fn max_connections(mut self, max: NonZeroUsize) -> Self {
        self.limits.max_connections = Some(max);
        self
    }

    /// Sets [`Limits::max_per_source`].
    pub fn max_per_source(mut self, max: NonZeroUsize) -> Self {
        self.limits.max_per_source = Some(max);
        self
    }

    /// Sets [`Limits::max_bytes`].
    pub fn max_bytes(mut self, max: u64) -> Self {
        self.limits.max_bytes = Some(max);
        self
    }

    /// Sets [`Limits::max_time`].
    pub fn max_time(mut self, max: Duration) -> Self {
        self.limits.max_time = Some(max);
        self
    }

    /// Sets [`Limits::idle_timeout`].
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle_timeout = Some(timeout);
        self
    }

    /// Sets [`Limits::grace`].
    pub fn grace(mut self, grace: Duration) -> Self {
        self.limits.grace = grace;
        self
    }

    /// Has each client's task look again and again for that long before it waits: round trips
    /// become shorter, at the price of a core that is never idle while clients talk. Never unless
    /// set.
    pub fn busy_poll(mut self, duration: Duration) -> Self {
        self.busy_poll = duration;
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

    /// Closes clients of these prefixes immediately, unless a longer prefix that they are in is
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

    /// Deals a fault on purpose. Several are combined in the order in which they were given. What
    /// was dealt where is reported when a connection has [closed](super::Closed::faults).
    ///
    /// Which connections have it is drawn as they are accepted, so that a seed makes a run
    /// reproducible if the clients come in the same order. A connection that a fault holds open is
    /// closed when the client has gone, which keep-alive probes find out within some minutes, when
    /// a limit says so, or when the server stops.
    ///
    /// # Examples
    ///
    /// ```
    /// use echo6::Server;
    /// use std::io::{Read, Write};
    ///
    /// let server = Server::bind("[::1]:0")?.fault("1*flip@1".parse()?).start();
    /// let mut reply = [0; 5];
    /// for expected in [b"hdllo", b"hello"] {
    ///     let mut client = std::net::TcpStream::connect(server.address())?;
    ///     client.write_all(b"hello")?;
    ///     client.read_exact(&mut reply)?;
    ///     assert_eq!(&reply, expected);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.add(fault, &self.listeners);
        self
    }

    /// Sets the seed by which faults are drawn. Unless set, it is random, and
    /// [`Listening::fault_seed`] tells it.
    pub fn fault_seed(mut self, seed: u64) -> Self {
        self.faults.set_seed(seed);
        self
    }

    /// Has `observer` called with every [`Event`], from the tasks that cause it: it must not block.
    pub fn observe(mut self, observer: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Reports [`Event::Totals`] for each item of `asks`, also while it drains.
    pub fn report_totals(mut self, asks: impl Stream<Item = ()> + Send + 'static) -> Self {
        self.asks = asks.boxed();
        self
    }

    /// What it serves, as it reports it when it runs: an [`Event::Listening`] for each address.
    #[must_use]
    pub fn listening(&self) -> Vec<Listening> {
        let tcp = self.listeners.iter().map(|listener| {
            let address = listener.address();
            let both = self.datagrams.iter().any(|socket| socket.address() == address);
            let transports = if both { Transports::Both } else { Transports::Tcp };
            self.listening_on(address, listener.families(), transports)
        });
        let alone = |socket: &&DatagramSocket| {
            self.listeners.iter().all(|listener| listener.address() != socket.address())
        };
        let udp =
            self.datagrams.iter().filter(alone).map(|socket| {
                self.listening_on(socket.address(), socket.families(), Transports::Udp)
            });
        tcp.chain(udp).collect()
    }

    fn listening_on(
        &self,
        address: SocketAddr,
        families: Families,
        transports: Transports,
    ) -> Listening {
        let (faults, fault_seed) = (self.faults.list().to_vec(), self.faults.seed());
        Listening { address, families, transports, faults, fault_seed }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &self.listeners)
            .field("clients", &self.clients)
            .field("limits", &self.limits)
            .field("gate", &self.gate)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
