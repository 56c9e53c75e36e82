//! What is wrong with a text that should have been an address, and at which byte.

use std::fmt;

/// A text that is not an address: what was expected, what is wrong, and where.
///
/// [`Display`](fmt::Display) is one lower-case line with the text in it, escaped; an error is as
/// large as the text it speaks of.
///
/// # Examples
///
/// ```
/// use echo6::address::{AddressErrorKind, pton4};
///
/// let error = pton4("256.1.1.1").unwrap_err();
/// assert_eq!(error.kind(), AddressErrorKind::OctetOutOfRange);
/// assert_eq!(error.position(), 2);
/// assert_eq!(
///     error.to_string(),
///     r#"invalid IPv4 address "256.1.1.1": octet greater than 255 at byte 2"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0)]
pub struct AddressError(Box<Details>); // one pointer, so that a Result stays small where all is well

#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    subject: Subject,
    fault: Fault,
    input: String,
    help: Option<String>,
}

/// What the text should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Ipv4,
    Ipv6,
    Endpoint,
    Prefix,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
            Self::Endpoint => "address",
            Self::Prefix => "prefix",
        }
    }
}

/// A kind of error and the byte it stands at: all that a parser knows before it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: AddressErrorKind,
    pub(super) position: usize,
}

impl AddressError {
    #[cold]
    pub(super) fn new(subject: Subject, fault: Fault, input: &str) -> Self {
        Self(Box::new(Details { subject, fault, input: input.to_owned(), help: None }))
    }

    pub(super) fn with_help(mut self, help: String) -> Self {
        self.0.help = Some(help);
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> AddressErrorKind {
        self.0.fault.kind
    }

    /// The index of the first byte that cannot stand where it stands, given what comes before it,
    /// or the length of the text if it ends too early.
    #[must_use]
    pub fn position(&self) -> usize {
        self.0.fault.position
    }

    /// The text, as it was given.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.0.input
    }

    /// What the text should have been: `IPv4 address`, `IPv6 address`, `address` or `prefix`.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        self.0.subject.name()
    }

    /// The likely fix, as a phrase: the text as it was probably meant, where that can be told, else
    /// the rule it breaks.
    #[must_use]
    pub fn help(&self) -> &str {
        match (&self.0.help, self.kind(), self.0.subject) {
            (Some(help), ..) => help,
            (None, AddressErrorKind::UnexpectedCharacter, Subject::Ipv4) => {
                "an IPv4 address is four numbers with dots between: 192.0.2.1"
            }
            (None, AddressErrorKind::UnexpectedCharacter, Subject::Ipv6)
                if self.input()[self.position()..].starts_with(':') =>
            {
                "at most two colons stand in a row: ::"
            }
            (None, AddressErrorKind::UnexpectedCharacter, Subject::Ipv6) => {
                "a zone or a port belongs to an endpoint: [fe80::1%eth0]:7000"
            }
            (None, AddressErrorKind::UnexpectedCharacter, Subject::Prefix) => {
                "prefixes look like 10.0.0.0/8 or 2001:db8::/32"
            }
            (None, kind, _) => kind.rule(),
        }
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject.name();
        write!(f, "invalid {subject} {:?}: {}", self.input, self.fault.kind)?;
        if self.fault.position < self.input.len() {
            write!(f, " at byte {}", self.fault.position)
        } else {
            f.write_str(" at the end")
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident: $phrase:literal, $rule:literal;)+) => {
        /// The ways in which a text fails to be an address.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AddressErrorKind {
            $($(#[$doc])+ $kind,)+
        }

        impl fmt::Display for AddressErrorKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$kind => $phrase,)+
                })
            }
        }

        impl AddressErrorKind {
            /// The rule that the text breaks, as a phrase.
            fn rule(self) -> &'static str {
                match self {
                    $(Self::$kind => $rule,)+
                }
            }
        }
    };
}

kinds! {
    /// There is no text.
    Empty: "empty", "write an address such as 127.0.0.1:7000 or [::1]:7000";
    /// A byte that no address has at this place.
    UnexpectedCharacter: "unexpected character",
        "addresses look like 127.0.0.1:7000, [::1]:7000 or name:7000";
    /// An IPv4 octet is greater than 255.
    OctetOutOfRange: "octet greater than 255", "each of the four numbers is 0 to 255";
    /// An IPv4 octet of several digits starts with 0, which some systems read as octal.
    LeadingZero: "octet with a leading zero", "write the numbers in decimal, without leading zeros";
    /// An IPv4 address ends before its fourth octet.
    TooFewOctets: "fewer than four octets", "an IPv4 address has four numbers: 192.0.2.1";
    /// An IPv4 address goes on after its fourth octet.
    TooManyOctets: "more than four octets", "an IPv4 address has four numbers: 192.0.2.1";
    /// An IPv6 group has more than four hexadecimal digits.
    GroupTooLong: "group of more than four digits", "a group has one to four hexadecimal digits";
    /// An IPv6 address without `::` ends before its eighth group.
    TooFewGroups: "fewer than eight groups",
        "an IPv6 address has eight groups; \"::\" stands for those that are zero";
    /// An IPv6 address has a ninth group, or an eighth beside `::`.
    TooManyGroups: "too many groups",
        "an IPv6 address has eight groups, or at most seven beside \"::\"";
    /// `::` may stand only once.
    SecondDoubleColon: "second \"::\"",
        "\"::\" may stand only once: write the other zero groups as 0";
    /// An IPv6 address starts with one `:`.
    LoneLeadingColon: "lone leading \":\"", "start with a group or with \"::\"";
    /// An IPv6 address ends with one `:`.
    LoneTrailingColon: "lone trailing \":\"", "end with a group or with \"::\"";
    /// A dotted IPv4 tail does not stand in the last 32 bits.
    MisplacedIpv4Tail: "IPv4 part in the wrong place",
        "a dotted part may only be the last 32 bits: ::ffff:192.0.2.1";
    /// `[` without `]`.
    UnmatchedBracket: "missing \"]\"", "close the bracket before the port: [::1]:7000";
    /// An IPv6 address with a port needs brackets, or the two cannot be told apart (RFC 5952,
    /// section 6).
    MissingBrackets: "IPv6 address without brackets", "write [ADDRESS]:PORT";
    /// Brackets are for IPv6.
    BracketedIpv4: "IPv4 address in brackets", "brackets are for IPv6: write 127.0.0.1:7000";
    /// There is no port.
    MissingPort: "missing port", "add a port: \":7000\"";
    /// A port is one to five digits, at most 65535.
    PortOutOfRange: "port greater than 65535", "a port is 0 to 65535";
    /// A zone (`%eth0`) where no zone can be: only link-local IPv6 addresses have one (RFC 4007).
    MisplacedZone: "zone on an address that is not IPv6 link-local",
        "only addresses in fe80::/10 take a zone: leave it out";
    /// `%` with nothing behind it.
    EmptyZone: "empty zone", "name the interface: [fe80::1%eth0]:7000";
    /// `%25`, the form a zone takes inside a URI (RFC 6874).
    EscapedZone: "zone in its URI form", "outside a URI the zone follows a plain \"%\"";
    /// Bits behind the length of a prefix are set, so it may mean an address or a prefix.
    HostBits: "bits set beyond the prefix length", "set the bits beyond the length to 0";
    /// The length of a prefix is greater than that of an address.
    LengthOutOfRange: "prefix length out of range",
        "a length is 0 to 32 for IPv4, 0 to 128 for IPv6";
    /// `/` with nothing behind it.
    MissingLength: "missing prefix length", "add a length: 10.0.0.0/24";
    /// A word that stands for no prefixes.
    UnknownWord: "unknown word", "write a prefix such as 10.0.0.0/8";
    /// A URL, such as `http://…`.
    Url: "URL instead of an address", "write HOST:PORT without a scheme";
    /// A label of a name is empty, or starts or ends with a hyphen (RFC 1123, section 2.1).
    InvalidLabel: "empty label, or label with a hyphen at its edge",
        "the parts of a name start and end with a letter or a digit";
    /// A label of a name is longer than 63 bytes (RFC 1035, section 2.3.4).
    LabelTooLong: "label of more than 63 characters", "a part of a name has at most 63 characters";
    /// A name is longer than 253 bytes (RFC 1035, section 2.3.4).
    NameTooLong: "name of more than 253 characters", "a name has at most 253 characters";
}
