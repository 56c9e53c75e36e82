//! What can go wrong on purpose: a row for each fault, with the words it is written in.

use crate::kind::kind;

kind! {
    /// What a fault does. The phrase describes it for a list of all faults.
    pub enum FaultKind {
        /// Holds back every echoed byte, or every datagram, for a time.
        Delay = "delay", "echoes later";
        /// Limits how many bytes a second are echoed.
        Rate = "rate", "echoes at most VALUE bytes a second";
        /// Limits how many bytes are written at once.
        Slice = "slice", "writes at most VALUE bytes at a time";
        /// Inverts the lowest bit of a byte.
        Flip = "flip", "inverts the lowest bit of a byte";
        /// Leaves bytes out, or a datagram.
        Drop = "drop", "leaves out one byte or VALUE bytes";
        /// Adds bytes that the client did not send.
        Add = "add", "adds bytes that the client did not send";
        /// Echoes bytes a second time, or a datagram.
        Twice = "twice", "echoes one byte or VALUE bytes twice";
        /// Stops echoing, and keeps reading.
        Stall = "stall", "stops echoing but keeps reading, forever or for VALUE";
        /// Stops reading and echoing.
        Hang = "hang", "stops reading and echoing";
        /// Ends the stream and closes the connection.
        Close = "close", "ends the stream and closes the connection";
        /// Ends the stream and keeps reading.
        HalfClose = "half_close", "ends the stream but keeps reading";
        /// Resets the connection.
        Reset = "reset", "resets the connection";
        /// Keeps all bytes until the client's half-close.
        Late = "late", "echoes only after the client's half-close";
        /// Sends bytes before the client has sent any.
        Greet = "greet", "speaks first";
        /// Accepts no connection.
        NoAccept = "no_accept", "fills the backlog and accepts nobody: a connect hangs";
        /// Answers with the bytes of another connection.
        MixUp = "mix_up", "answers with the bytes of another connection";
        /// Sends a datagram behind the next one.
        Reorder = "reorder", "sends the datagram after the next one, or after VALUE (1s)";
        /// Shortens a datagram.
        Cut = "cut", "shortens the datagram";
        /// Answers a datagram from another port.
        WrongSource = "wrong_source", "answers the datagram from another port";
    }
}

/// What stands behind the `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Time,
    TimeOrNothing,
    Size,
    SizeOrNothing,
    Text,
    TextOrNothing,
}

/// What stands behind the `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offset {
    Nothing,
    Byte,
    ByteOrEnd,
}

/// How a fault is written, and where it applies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) takes: Takes,
    pub(super) offset: Offset,
    pub(super) streams: bool,
    pub(super) datagrams: bool,
    pub(super) example: &'static str,
}

impl FaultKind {
    /// The word that the fault is written with: `half-close`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HalfClose => "half-close",
            Self::NoAccept => "no-accept",
            Self::MixUp => "mix-up",
            Self::WrongSource => "wrong-source",
            Self::Delay
            | Self::Rate
            | Self::Slice
            | Self::Flip
            | Self::Drop
            | Self::Add
            | Self::Twice
            | Self::Stall
            | Self::Hang
            | Self::Close
            | Self::Reset
            | Self::Late
            | Self::Greet
            | Self::Reorder
            | Self::Cut => self.code(),
        }
    }

    /// A fault of this kind, as an example.
    #[must_use]
    pub const fn example(self) -> &'static str {
        self.form().example
    }

    /// Says whether a connection can have it.
    #[must_use]
    pub const fn suits_streams(self) -> bool {
        self.form().streams
    }

    /// Says whether a datagram can have it.
    #[must_use]
    pub const fn suits_datagrams(self) -> bool {
        self.form().datagrams
    }

    /// What it does to a datagram, as a phrase.
    #[must_use]
    pub fn of_datagrams(self) -> String {
        match self {
            Self::Drop => "leaves out the datagram".to_owned(),
            Self::Twice => "echoes the datagram twice".to_owned(),
            kind => kind.to_string(),
        }
    }

    pub(super) const fn form(self) -> Form {
        use Offset::{Byte, ByteOrEnd, Nothing};
        use Takes as T;
        let (takes, offset, streams, datagrams, example) = match self {
            Self::Delay => (T::Time, Byte, true, true, "delay=100ms~20ms"),
            Self::Rate => (T::Size, Byte, true, false, "rate=64k"),
            Self::Slice => (T::Size, Byte, true, false, "slice=1"),
            Self::Flip => (T::Nothing, Byte, true, true, "10%flip@1000"),
            Self::Drop => (T::SizeOrNothing, Byte, true, true, "drop@7"),
            Self::Add => (T::TextOrNothing, ByteOrEnd, true, false, "add=!@5"),
            Self::Twice => (T::SizeOrNothing, Byte, true, true, "twice=5"),
            Self::Stall => (T::TimeOrNothing, ByteOrEnd, true, false, "stall@64k"),
            Self::Hang => (T::Nothing, ByteOrEnd, true, false, "hang"),
            Self::Close => (T::Nothing, ByteOrEnd, true, false, "2*close"),
            Self::HalfClose => (T::Nothing, Byte, true, false, "half-close@1M"),
            Self::Reset => (T::Nothing, ByteOrEnd, true, false, "reset@10k"),
            Self::Late => (T::Nothing, Nothing, true, false, "late"),
            Self::Greet => (T::Text, Nothing, true, false, r"greet=HELLO\r\n"),
            Self::NoAccept => (T::Nothing, Nothing, true, false, "no-accept"),
            Self::MixUp => (T::Nothing, Byte, true, false, "1%mix-up"),
            Self::Reorder => (T::TimeOrNothing, Byte, false, true, "5%reorder"),
            Self::Cut => (T::Nothing, Byte, false, true, "cut@4k"),
            Self::WrongSource => (T::Nothing, Byte, false, true, "wrong-source"),
        };
        Form { takes, offset, streams, datagrams, example }
    }

    /// Reads a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The kind that a wrong name most likely stands for: what other tools call so, else the
    /// nearest one, if it is near.
    pub(super) fn nearest(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace('_', "-");
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|&(_, kind)| kind);
        alias.or_else(|| {
            let distances = Self::ALL.iter().map(|&kind| (distance(&name, kind.name()), kind));
            let (changes, kind) = distances.min_by_key(|&(changes, _)| changes)?;
            (changes <= kind.name().len().div_ceil(3)).then_some(kind)
        })
    }
}

/// What fault proxies and netem(8) call the same.
const ALIASES: &[(&str, FaultKind)] = &[
    ("banner", FaultKind::Greet),
    ("bandwidth", FaultKind::Rate),
    ("corrupt", FaultKind::Flip),
    ("dribble", FaultKind::Slice),
    ("duplicate", FaultKind::Twice),
    ("fin", FaultKind::HalfClose),
    ("freeze", FaultKind::Hang),
    ("insert", FaultKind::Add),
    ("lag", FaultKind::Delay),
    ("latency", FaultKind::Delay),
    ("loss", FaultKind::Drop),
    ("lose", FaultKind::Drop),
    ("reset-peer", FaultKind::Reset),
    ("rst", FaultKind::Reset),
    ("slicer", FaultKind::Slice),
    ("swap", FaultKind::MixUp),
    ("throttle", FaultKind::Rate),
    ("timeout", FaultKind::Stall),
    ("truncate", FaultKind::Cut),
];

/// How many bytes to insert, remove or replace to make one word of the other (Levenshtein, 1965).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, byte) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(byte != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn each_name_is_its_own_and_each_example_is_one_of_its_kind() {
        for &kind in FaultKind::ALL {
            assert_eq!(FaultKind::named(kind.name()), Some(kind));
            assert_eq!(kind.name(), kind.code().replace('_', "-"));
            let example: Fault = kind.example().parse().unwrap();
            assert_eq!((example.kind(), &example.to_string()[..]), (kind, kind.example()));
            assert!(kind.suits_streams() || kind.suits_datagrams(), "{kind:?}");
        }
    }

    #[test]
    fn a_wrong_name_stands_for_the_nearest_or_for_what_others_call_so() {
        for (wrong, kind) in [
            ("flp", Some(FaultKind::Flip)),
            ("halfclose", Some(FaultKind::HalfClose)),
            ("half_close", Some(FaultKind::HalfClose)),
            ("Reset", Some(FaultKind::Reset)),
            ("mixup", Some(FaultKind::MixUp)),
            ("latency", Some(FaultKind::Delay)),
            ("corrupt", Some(FaultKind::Flip)),
            ("dorp", Some(FaultKind::Drop)),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(FaultKind::nearest(wrong), kind, "{wrong}");
        }
    }

    #[test]
    fn a_distance_counts_the_changes() {
        for (from, to, changes) in [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)] {
            assert_eq!(distance(from, to), changes);
        }
    }
}
