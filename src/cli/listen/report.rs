//! A server's event in, a line of the log out, or none.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use echo6::error::Cause;
use echo6::server::{Connected, Event, Paused};

use super::refusals::Refusals;
use crate::cli::log::{Format, Log};
use crate::cli::text;

/// What of a server's events is logged.
pub(super) struct Reporter {
    format: Format,
    quiet: bool,
    verbose: bool,
    log: Log,
    refusals: Mutex<Refusals>,
}

impl Reporter {
    pub(super) fn new(format: Format, quiet: bool, verbose: bool, log: Log) -> Self {
        let refusals = Mutex::new(Refusals::new(Instant::now()));
        Self { format, quiet, verbose, log, refusals }
    }

    pub(super) fn report(&self, event: &Event) {
        let Self { format, log, .. } = self;
        match event {
            Event::Listening(_) => {} // announced before
            Event::Paused(Paused { error: Some(error), .. }) => {
                log.line(format.stream(), format.line(event, way_out(error)));
            }
            _ if self.quiet || self.is_said_already(event) => {}
            Event::Stopped(_) => log.last_line(format.line(event, "")),
            Event::Connected(connected) if self.verbose => {
                log.line(format.stream(), format.line(event, &details(connected)));
            }
            _ => log.line(format.stream(), format.line(event, "")),
        }
    }

    /// Says whether the log has lately spoken of a refusal of the same source.
    fn is_said_already(&self, event: &Event) -> bool {
        let Event::Refused(refused) = event else { return false };
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        !refusals.tell(refused.peer.ip(), Instant::now())
    }
}

/// What a balancer says of a client beside addresses.
fn details(connected: &Connected) -> String {
    let fields = connected.announced.as_ref().map(|header| header.fields()).unwrap_or_default();
    let fields = fields.iter().map(|(name, text)| format!(" {name}={}", text::line(text)));
    let fields = fields.collect::<String>();
    if fields.is_empty() { fields } else { format!(":{fields}") }
}

/// What can be done about a failure of accept(2), where this process can be helped.
fn way_out(error: &Cause) -> &'static str {
    #[cfg(unix)]
    match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::MFILE) => {
            return " (raise the limit with \"ulimit -n\", or lower --max-conns)";
        }
        Some(rustix::io::Errno::NFILE) => {
            return " (all processes together have too many: raise fs.file-max)";
        }
        _ => {}
    }
    #[cfg(not(unix))]
    let _ = error;
    ""
}
