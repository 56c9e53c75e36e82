//! What was found of datagrams at an address in, what is wrong there out, and what that means.

use std::fmt;

use super::checked::{DatagramChecked, Marks};
use crate::client::datagram::error::DatagramError;
use crate::error::CauseKind;
use crate::kind::kind;

/// What is spoken of when a flow was silent.
pub(super) const SILENT: &str = "a silent flow";

kind! {
    /// What is wrong with datagrams at an address, in one word.
    pub enum DatagramDiagnosis {
        /// Nothing.
        Works = "works", "works";
        /// The check was stopped before anything was found to be wrong.
        Interrupted = "interrupted", "interrupted before all was checked";
        /// Nothing listens there, says ICMP.
        Refused = "refused", "refused: nothing listens there, or a firewall rejects it";
        /// There is no way there.
        Unreachable = "unreachable", "unreachable";
        /// Nothing comes back, though TCP connects.
        SilentTcpWorks = "silent_tcp_works", "silent, TCP works: UDP is filtered, or not served";
        /// Nothing comes back, and TCP does not connect either.
        Silent = "silent", "silent, and TCP does not connect either: the host is down, filtered, or \
            serves neither";
        /// Replies come from another address, or those to datagrams over some length.
        Foreign = "foreign", "answers from another address";
        /// Only from a new port.
        NewPortOnly = "new_port_only", "answers a new source port only: a stale entry of a NAT or \
            firewall, or one of several paths is broken";
        /// Datagrams come back changed: small ones, or those over some length.
        Mismatch = "mismatch", "other bytes came back: is it an echo server?";
        /// Datagrams over some length come back cut.
        Truncates = "truncates", "datagrams over some length come back cut";
        /// No fragments come through.
        NoFragments = "no_fragments", "fragments are dropped on the way";
        /// Some sizes vanish, others return.
        SizesVanish = "sizes_vanish", "some sizes vanish";
        /// This host's link does not take datagrams over some length.
        Unsent = "unsent", "datagrams over some length are refused on the way out";
        /// Long packets vanish and nobody says so.
        BlackHole = "black_hole", "a path MTU black hole";
        /// A flow that is silent for a while stops working.
        Idle = "idle", "silent flows end";
        /// Empty datagrams do not come back.
        NoEmpty = "no_empty", "empty datagrams do not come back";
        /// Marked datagrams do not come back.
        MarksDropped = "marks_dropped", "datagrams with ECN or DSCP marks vanish";
        /// This host could not do it.
        Here = "here", "this host could not send";
    }
}

impl DatagramChecked {
    /// What is wrong: the first thing that a person should know.
    #[must_use]
    pub fn diagnosis(&self) -> DatagramDiagnosis {
        use DatagramDiagnosis as D;
        if let Some(error) = &self.failure {
            return match (error, error.cause()) {
                (DatagramError::Foreign { .. }, _) => D::Foreign,
                (_, CauseKind::Refused) => D::Refused,
                (_, CauseKind::Timeout) if self.tcp_connects == Some(true) => D::SilentTcpWorks,
                (_, CauseKind::Timeout) => D::Silent,
                (_, CauseKind::Mismatch) => D::Mismatch,
                (_, CauseKind::Truncated) => D::Truncates,
                (_, CauseKind::Here) => D::Here,
                _ => D::Unreachable,
            };
        }
        let mtu = self.path_mtu.map(|mtu| mtu - self.headers());
        match (self.vanishes, mtu) {
            _ if self.new_port_only => D::NewPortOnly,
            _ if self.truncates_at.is_some() => D::Truncates,
            // Over IPv6 longer ones vanish too then, fragmented or not.
            _ if self.black_hole => D::BlackHole,
            _ if self.unsent => D::Unsent,
            (Some(_), Some(mtu)) if self.longest.is_none_or(|longest| longest <= mtu) => {
                D::NoFragments
            }
            (Some(_), _) => D::SizesVanish,
            _ if self.idle.is_some_and(|idle| !idle.is_alive()) => D::Idle,
            _ if self.empty == Some(false) => D::NoEmpty,
            _ if self.marks == Some(Marks::Dropped) => D::MarksDropped,
            _ if !self.finished => D::Interrupted,
            _ => D::Works,
        }
    }

    /// One word for a table, as of [`Checked`](crate::client::Checked::verdict): `ok`, `interrupted`,
    /// or else the code of the [diagnosis](Self::diagnosis).
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match self.diagnosis() {
            DatagramDiagnosis::Works => "ok",
            other => other.code(),
        }
    }

    /// Says whether everything works.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.finished && self.diagnosis() == DatagramDiagnosis::Works
    }
}

/// What was found, with its numbers, as a phrase.
impl fmt::Display for DatagramChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DatagramDiagnosis as D;
        let asked = self.address;
        let mtu = self.path_mtu.unwrap_or_default();
        if let (D::Idle, Some(idle)) = (self.diagnosis(), self.idle) {
            return f.write_str(&idle.phrase(SILENT));
        }
        match (self.diagnosis(), &self.failure) {
            (D::Foreign, Some(DatagramError::Foreign { from, .. })) => match self.wrong {
                Some(wrong) => {
                    write!(f, "{} come back from {from}, you asked {asked}", self.those_from(wrong))
                }
                None => write!(f, "answers from {from}, you asked {asked}"),
            },
            (D::Mismatch, Some(DatagramError::Mismatch { offset, .. })) => match self.wrong {
                Some(wrong) => {
                    write!(f, "{} come back changed at byte {offset}", self.those_from(wrong))
                }
                None => D::Mismatch.fmt(f),
            },
            (D::Unreachable | D::Here, Some(error)) => fmt_unreachable(f, error),
            (D::Truncates, _) => {
                let length = self.truncates_at.unwrap_or_default();
                write!(f, "datagrams over {length} bytes come back cut: the server truncates them")
            }
            (D::NoFragments, _) => {
                let longest = mtu.saturating_sub(self.headers());
                write!(
                    f,
                    "datagrams over {longest} bytes vanish, small ones return: fragments are \
                     dropped on the way, "
                )?;
                // The reply to a fragmented datagram may be whole.
                f.write_str(match self.path_mtu_by {
                    Some(_) => "or the way back has a smaller MTU than the server knows",
                    None => "there or back",
                })
            }
            (D::SizesVanish, _) => {
                let (longest, vanishes) =
                    (self.longest.unwrap_or_default(), self.vanishes.unwrap_or_default());
                write!(f, "datagrams of {vanishes} bytes vanish, of {longest} return")?;
                // Else it is the length of the last fragment that matters.
                if longest < vanishes {
                    f.write_str(": the way back may have a smaller MTU than the server knows")?;
                }
                Ok(())
            }
            (D::Unsent, _) => {
                let vanishing = self.vanishes.unwrap_or_default();
                write!(
                    f,
                    "{} are refused on the way out (no buffer space), packets of up to {mtu} bytes \
                     pass: the two ends of the link may have different MTUs",
                    self.those_from(vanishing)
                )
            }
            (D::BlackHole, _) => {
                write!(f, "path MTU {mtu}, but no router reports it: a black hole")?;
                // Over IPv4 a router may fragment what is not sent whole.
                if let Some(vanishes) = self.vanishes {
                    write!(f, ", {} vanish", self.those_from(vanishes))?;
                }
                let icmp = if asked.is_ipv6() { "ICMPv6 type 2" } else { "ICMP type 3 code 4" };
                write!(f, ": let {icmp} pass")
            }
            (diagnosis, _) => diagnosis.fmt(f),
        }
    }
}

impl DatagramChecked {
    /// Datagrams of this length and longer ones, or of this length alone if longer ones fare better.
    fn those_from(&self, length: usize) -> String {
        match self.longest {
            Some(longest) if longest < length => format!("datagrams over {longest} bytes"),
            Some(_) | None => format!("datagrams of {length} bytes"),
        }
    }
}

/// What a check of connections says where there is no way, or else the error.
fn fmt_unreachable(f: &mut fmt::Formatter<'_>, error: &DatagramError) -> fmt::Result {
    let (cause, by) = match error {
        DatagramError::Connect(connect) => (connect.likeliest().map(|(_, cause)| cause), None),
        DatagramError::Undelivered { source, by, .. } => (Some(source), *by),
        DatagramError::TooLarge { .. }
        | DatagramError::Here { .. }
        | DatagramError::Timeout { .. }
        | DatagramError::Truncated { .. }
        | DatagramError::Mismatch { .. }
        | DatagramError::Foreign { .. } => (None, None),
    };
    match (cause, by, error.help()) {
        (Some(cause), Some(by), Some(help)) => write!(f, "{cause}, says {by}: {help}"),
        (Some(cause), None, Some(help)) => write!(f, "{cause}: {help}"),
        (None, ..) | (_, _, None) => f.write_str(&crate::error::chain(error)),
    }
}
