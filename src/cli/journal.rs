//! Lines for the journal, which reads a priority at the beginning of each: sd-daemon(3).

use echo6::server::Event;

/// A priority of syslog(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Info = 6,
}

impl Priority {
    pub(crate) fn of(event: &Event) -> Self {
        match event {
            Event::Paused(paused) if paused.error.is_some() => Self::Warning,
            Event::Paused(_) | Event::Resumed | Event::Refused(_) => Self::Notice,
            _ => Self::Info,
        }
    }

    /// Puts the priority in front of each line.
    pub(crate) fn mark(self, lines: &str) -> String {
        lines.lines().map(|line| format!("<{}>{line}\n", self as u8)).collect()
    }
}

/// Says whether stderr is the journal (`JOURNAL_STREAM` in systemd.exec(5)).
#[cfg(unix)]
pub(crate) fn is_stderr() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = rustix::fs::fstat(rustix::stdio::stderr());
    stderr.is_ok_and(|stderr| stream == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

#[cfg(not(unix))]
pub(crate) fn is_stderr() -> bool {
    false
}
