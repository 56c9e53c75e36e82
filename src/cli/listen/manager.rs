//! What a service manager is told: sd_notify(3). Where none asks, nothing is sent.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use async_std::future::timeout;
use echo6::server::{Closed, Event};
use futures::channel::oneshot;

use crate::cli::text::count;

/// The service manager that started this process, if it wants to be told. A thread of its own tells
/// it, because it may be slow to listen; that it cannot be told is no reason not to serve.
#[derive(Clone)]
pub(super) struct Manager(Option<Told>);

#[derive(Clone)]
struct Told {
    tally: Arc<Tally>,
    states: Sender<State>,
}

/// Lines for sd_notify(3), and who waits until they are sent.
type State = (String, oneshot::Sender<()>);

/// How often the status may change. It is for people.
const STATUS: Duration = Duration::from_secs(5);

/// How long the end takes beside the grace of the clients: the last lines of the log.
const END: Duration = Duration::from_secs(3);

/// How long the server waits for a manager to hear that it stops.
const HEARD: Duration = Duration::from_millis(100);

impl Manager {
    /// Finds the manager by `NOTIFY_SOCKET`.
    pub(super) fn find() -> io::Result<Self> {
        if !cfg!(target_os = "linux") || std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self(None));
        }
        let tally = Arc::<Tally>::default();
        let (states, queue) = channel();
        let counted = Arc::clone(&tally);
        thread::Builder::new().name("manager".to_owned()).spawn(move || tell(&queue, &counted))?;
        Ok(Self(Some(Told { tally, states })))
    }

    /// Counts an event for the status.
    pub(super) fn note(&self, event: &Event) {
        if let Some(told) = &self.0 {
            told.tally.note(event);
        }
    }

    /// Says that clients are served from now on. How many they are is then said by itself.
    pub(super) fn ready(&self) {
        if let Some(told) = &self.0 {
            drop(told.say("READY=1".to_owned()));
        }
    }

    /// Says that the server stops, and that it may take as long as `grace` lets it.
    pub(super) async fn stopping(&self, grace: Duration) {
        if let Some(told) = &self.0 {
            let patience = grace.saturating_add(END).as_micros();
            let said = told.say(format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={patience}"));
            let _ = timeout(HEARD, said).await;
        }
    }
}

impl Told {
    fn say(&self, state: String) -> oneshot::Receiver<()> {
        let (sent, is_sent) = oneshot::channel();
        let _ = self.states.send((state, sent));
        is_sent
    }
}

/// Tells the manager each state as it comes, and the status when it has changed.
fn tell(queue: &Receiver<State>, tally: &Tally) {
    let mut status = String::new();
    loop {
        let state = queue.recv_timeout(STATUS);
        let mut lines = Vec::new();
        let now = format!("STATUS={tally}");
        if now != status {
            lines.push(now.clone());
            status = now;
        }
        let sent = match state {
            Ok((state, sent)) => {
                lines.push(state);
                Some(sent)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if !lines.is_empty() {
            send(&lines.join("\n"));
        }
        drop(sent);
    }
}

#[cfg(target_os = "linux")]
fn send(lines: &str) {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Custom(lines)]);
}

#[cfg(not(target_os = "linux"))]
fn send(_lines: &str) {}

/// What the status says.
#[derive(Debug, Default)]
struct Tally {
    connected: AtomicU64,
    closed: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    fn note(&self, event: &Event) {
        match event {
            Event::Connected(_) => {
                self.connected.fetch_add(1, Ordering::Relaxed);
            }
            Event::Closed(Closed { bytes_out, .. }) => {
                self.closed.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(*bytes_out, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let closed = self.closed.load(Ordering::Relaxed);
        let now = self.connected.load(Ordering::Relaxed).saturating_sub(closed);
        let bytes = count(self.bytes.load(Ordering::Relaxed), "byte");
        write!(f, "{} now, {closed} before, {bytes} echoed", count(now, "client"))
    }
}
