//! An event in, a line of the log out, in the form that was asked for.

use echo6::server::Event;
use serde::Serialize;

use crate::cli::journal::Priority;
use crate::cli::sink::{now, object};
use crate::cli::stdio::Stream;
use crate::cli::text::count;

/// How events are written, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Words, on stderr.
    Text,
    /// Words behind the time, on stderr, which is a terminal: nothing else dates them.
    Dated,
    /// Words with their priority in front, on stderr, which is the journal.
    Journal,
    /// One JSON object a line, on stdout.
    Json,
}

/// That lines are missing at this point of the log.
#[derive(Serialize)]
struct Dropped {
    event: &'static str,
    lines: u64,
}

impl Format {
    /// An event as a line, with a `hint` for people.
    pub(crate) fn line(self, event: &Event, hint: &str) -> String {
        match self {
            Self::Text => format!("{event}{hint}\n"),
            Self::Dated => format!("{} {event}{hint}\n", now()),
            Self::Journal => Priority::of(event).mark(&format!("{event}{hint}")),
            Self::Json => object(event),
        }
    }

    /// Says that lines are missing here.
    pub(super) fn dropped(self, lines: u64) -> String {
        match self {
            Self::Text => format!("{} dropped here\n", count(lines, "log line")),
            Self::Dated => format!("{} {}", now(), Self::Text.dropped(lines)),
            Self::Journal => Priority::Warning.mark(&Self::Text.dropped(lines)),
            Self::Json => object(&Dropped { event: "dropped", lines }),
        }
    }

    /// Where the lines go.
    pub(crate) fn stream(self) -> Stream {
        match self {
            Self::Text | Self::Dated | Self::Journal => Stream::Stderr,
            Self::Json => Stream::Stdout,
        }
    }
}
