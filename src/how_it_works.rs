//! How it works: the life of one connection, from `listen` to `close`.
//!
//! Nothing to call here. This page walks through the code in the order in which a connection meets
//! it, and says what each part is for. The lesson in `examples/README.md` shows the
//! same system calls one at a time.
//!
//! ```text
//!      client                        kernel                        server
//!                                                    socket, bind, listen   (1)
//!      connect ───────── SYN ───────> queue ───────> accept                 (2)
//!                                                      └─> a task, a slot   (3)
//!      send ──────────── bytes ─────> receive buffer ─> read  ┐
//!      recv <─────────── bytes ────── send buffer <──── write ┘ the pump    (4)
//!      shutdown ──────── FIN ───────> end of stream ──> read returns 0
//!      recv returns 0 <─ FIN ──────────────────────── shutdown              (5)
//!      close                                           close, slot is free
//! ```
//!
//! # 1. A listener
//!
//! [`socket::listen`](crate::socket::listen) turns text that was parsed once into sockets that
//! cannot be wrong: socket(2), `IPV6_V6ONLY`, `SO_REUSEADDR`, bind(2), listen(2). The options are
//! set explicitly on every system, because the defaults differ:
//!
//! | | Linux | macOS | the BSDs | Windows |
//! |---|---|---|---|---|
//! | `[::]` serves IPv4, unless told | yes | yes | no; on OpenBSD never | no |
//! | `SO_REUSEADDR` | bind in spite of TIME_WAIT | the same | the same | take a port that is in use: so it is not set |
//! | a full backlog | the SYN is dropped, and sent again after a second | dropped | FreeBSD may connect, then reset | refused |
//! | close with bytes unread | reset | in good order, until more comes | in good order, until more comes | reset |
//!
//! On OpenBSD a socket serves one family: list `[::]` and `0.0.0.0` there. The backlog is large
//! (4,096), because a client that finds the queue full waits a second.
//!
//! # 2. The accept loop
//!
//! [`Server::run`](crate::Server::run) waits for two things at the same time: for the future it was handed
//! to be ready, and for the next client of any listener. The loop never waits for a client's bytes,
//! so no client can hold it up. No error of accept(2) ends it either. One that concerns a single
//! client, such as ECONNABORTED, passes by. A shortage, such as EMFILE, makes it wait, from 5 ms
//! doubling to a second: Linux answers EMFILE before it looks at the queue, so a loop that tried
//! again immediately would spin. [`Event::Paused`](crate::server::Event::Paused) and
//! [`Event::Resumed`](crate::server::Event::Resumed) report such a shortage once.
//! Until it ends, clients wait in the kernel's queue.
//!
//! # 3. A task and a slot
//!
//! Each client gets a task, and a slot in a table that lives exactly as long as its socket. "All
//! are gone" is then the same as "the table is empty", which is what the drain waits for. The peer
//! is named by its [`canonical`](crate::address::canonical) address, because a dual-stack socket
//! calls an IPv4 client `::ffff:192.0.2.7`. `TCP_NODELAY` keeps an echo from waiting for the
//! acknowledgement of the one before.
//!
//! A full server holds its [limit](crate::Server::max_connections) by not accepting, so that the queue
//! stays in the kernel. Idle clients, and those whose time is up, are found by one coarse sweep over
//! the table: a timer for each would add work to every turn of the reactor.
//!
//! # 4. The pump, and why it yields
//!
//! [`echo()`](crate::echo::echo) is handed a reader and a writer and knows nothing of sockets. Each
//! turn reads once, into a buffer that all pumps of the thread share, and writes straight from
//! there. What the socket does not take immediately is copied aside and sent first next time; until it
//! is sent, nothing more is read, so a client that sends and never reads costs at most one buffer,
//! and TCP itself makes it wait. A client that is silent costs no buffer at all.
//!
//! After each echo the pump wakes itself and returns `Pending`. That is a yield. It gives every
//! other client a turn, so that a busy one cannot starve the rest. And it is faster: reading again
//! immediately would mostly find nothing and arm the reactor, while one turn of the run queue later the
//! next message is often there.
//!
//! # 5. The end
//!
//! A read of 0 is the end of the client's stream, not of the connection: the client may have shut
//! its sending side only, and still wait for its bytes. So the pump writes all it has and then
//! shuts down the server's sending side; the close follows when the task ends. A reset, from either
//! side or from something on the way, is an error instead, and throws away what was under way.
//! [`Closed`](crate::server::Closed) says why a connection ended and how.
//!
//! # The drain
//!
//! ```text
//!     shutdown is ready
//!        │  the accept loop ends, who waits in the queue is accepted, the listeners close
//!        │  every pump is asked to finish: it takes what has arrived, writes it, half-closes
//!        │  what still comes is read and dropped, because to close over it would be a reset
//!        ├─ table empty ───────────> done
//!        └─ grace period over ─────> those left are cut (SO_LINGER 0: a reset), then done
//! ```
//!
//! [`Flow::finish`](crate::echo::Flow::finish) and [`Flow::cut`](crate::echo::Flow::cut) are the
//! two orders that a pump knows. [`Server::grace`](crate::Server::grace) sets the time between
//! them, and [`Totals::cut_at_stop`](crate::server::Totals::cut_at_stop) counts the clients for which it was too
//! short. A server whose future is dropped cuts them all immediately.
//!
//! # The other end
//!
//! [`Client::send`](crate::Client::send) connects, sends and reads at the same time, and
//! half-closes after its last byte. Both directions must move at the same time: a client that sent
//! everything before it read anything would fill all four buffers on the way, and then both ends
//! would wait for ever.
