//! An error of the library or of the command line in, its words, its object and its status out.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use echo6::address::{AddressError, Endpoint, Families, ResolveError};
use echo6::client::{ConnectError, DatagramError, SendError};
use echo6::error::{CauseKind, chain};
use echo6::fault::FaultError;
use echo6::socket::ListenError;
use serde::Serialize;
use serde_json::{Map, Value};

use super::hints;
use super::text::{for_shell, for_terminal, line, point_at};

/// The exit statuses, which scripts rely on; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// Everything came back intact; the server stopped cleanly.
    Ok = 0,
    /// The network said no, or bytes were lost, changed or late.
    Network = 1,
    /// The command was wrong, or this host could not do it.
    Usage = 2,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command ends before it is done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The reader of stdout went away, as `| head` does: there is nothing to report.
    Unread,
    /// Something failed, and is still to be reported.
    Failed(Failure),
    /// Something failed, and was reported.
    Reported(Status),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What failed, in the words that a person will read, and as the object that a program will.
#[derive(Debug)]
pub(crate) struct Failure(Box<Details>); // one pointer, so that a Result stays small

#[derive(Debug, Serialize)]
struct Details {
    event: &'static str,
    cause: &'static str,
    #[serde(rename = "error")]
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// What the library's error has beside its words: the address, and the bytes that passed.
    #[serde(flatten)]
    numbers: Map<String, Value>,
    #[serde(skip)]
    status: Status,
    /// The wrong text, and the byte at which it went wrong.
    #[serde(skip)]
    place: Option<(String, usize)>,
}

impl Failure {
    /// The command was wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Status::Usage, "usage", message.into())
    }

    /// Two options, or an option and a value, that do not go together.
    pub(crate) fn exclusive(one: &str, other: &str) -> Self {
        Self::usage(format!("{one} and {other} exclude each other")).leave_one_out()
    }

    /// An option that concerns connections, with one (`other`) that says that there are none.
    pub(crate) fn for_connections(flag: &str, other: &str) -> Self {
        Self::usage(format!("{flag} is for connections: it excludes {other}")).leave_one_out()
    }

    /// An option that concerns datagrams, of which there are none.
    pub(crate) fn for_datagrams(flag: &str) -> Self {
        Self::usage(format!("{flag} is for datagrams: it needs --udp"))
            .with_help(Some(format!("add -u, or leave out {flag}")))
    }

    pub(crate) fn leave_one_out(self) -> Self {
        self.with_help(Some("leave one of them out".to_owned()))
    }

    /// This host could not do what was asked of it.
    pub(crate) fn here(operation: &str, error: &dyn Error) -> Self {
        Self::new(Status::Usage, "here", format!("{operation}: {}", chain(error)))
    }

    /// A name has no address that is wanted.
    pub(crate) fn unresolved(message: String) -> Self {
        Self::new(Status::Network, "resolve", message)
    }

    /// Nothing came within the time that was given.
    pub(crate) fn timeout(message: String) -> Self {
        Self::new(Status::Network, "timeout", message)
    }

    /// The same failure as the reason for another.
    pub(crate) fn because(mut self, message: &str) -> Self {
        self.0.message = format!("{message}: {}", self.0.message);
        self
    }

    /// What was to be sent could not be read.
    pub(crate) fn input(name: &str, error: &dyn Error) -> Self {
        Self::new(Status::Usage, "input", format!("cannot read {name}: {}", chain(error)))
    }

    fn new(status: Status, cause: &'static str, message: String) -> Self {
        Self(Box::new(Details {
            event: "failure",
            cause,
            message,
            help: None,
            numbers: Map::new(),
            status,
            place: None,
        }))
    }

    pub(crate) fn with_help(mut self, help: Option<String>) -> Self {
        self.0.help = help;
        self
    }

    /// Has a wrong command line end with the way to the help of its `command`, if nothing better is
    /// known.
    pub(crate) fn or_see(mut self, command: &str) -> Self {
        if self.0.cause == "usage" && self.0.help.is_none() {
            self.0.help = Some(format!("try 'echo6 {command} --help'"));
        }
        self
    }

    /// Says where it was found, before what it is.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    pub(crate) fn status(&self) -> Status {
        self.0.status
    }

    /// What is wrong, without what can be done about it.
    pub(crate) fn message(&self) -> String {
        line(&self.0.message)
    }

    /// The lines for stderr, on a `terminal` broken where they are too long. Text that came from
    /// outside is escaped.
    pub(crate) fn words(&self, terminal: bool) -> String {
        let Details { message, place, help, .. } = &*self.0;
        let mut text = for_terminal(&format!("error: {}", line(message)), terminal) + "\n";
        if let Some((input, position)) = place {
            let (line, column) = point_at(input, *position);
            text += &format!("  {line}\n  {:column$}^\n", "");
        }
        if let Some(words) = help {
            text += &for_terminal(&format!("help: {}", line(&for_shell(words))), terminal);
            text += "\n";
        }
        text
    }

    /// The object for stdout.
    pub(crate) fn object(&self) -> &impl Serialize {
        &*self.0
    }
}

impl From<AddressError> for Failure {
    fn from(error: AddressError) -> Self {
        let help = ascii_form(&error).unwrap_or_else(|| error.help().to_owned());
        let mut failure = Self::usage(format!("invalid {}: {}", error.subject(), error.kind()))
            .with_help(Some(help));
        failure.0.place = Some((error.input().to_owned(), error.position()));
        failure
    }
}

/// The likely fix of an internationalised name, which the DNS knows in its ASCII form (RFC 5890).
fn ascii_form(error: &AddressError) -> Option<String> {
    let (name, port) = error.input().rsplit_once(':').unwrap_or_else(|| (error.input(), ""));
    let ascii = idna::domain_to_ascii(name).ok().filter(|_| !name.is_ascii())?;
    let meant = format!("{ascii}:{port}");
    match meant.parse::<Endpoint>() {
        Ok(_) => Some(format!("write {meant}")),
        Err(_) if port.is_empty() && format!("{ascii}:0").parse::<Endpoint>().is_ok() => {
            Some(format!("write {ascii}, with a port {ascii}:PORT"))
        }
        Err(_) => None,
    }
}

impl From<FaultError> for Failure {
    fn from(error: FaultError) -> Self {
        let mut failure = Self::usage(format!("invalid fault: {}", error.kind()))
            .with_help(Some(error.help().to_owned()));
        failure.0.place = Some((error.input().to_owned(), error.position()));
        failure
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        Self::new(Status::Usage, "bind", chain(&error)).with_help(error.help())
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        let status = match error.cause() {
            CauseKind::Usage | CauseKind::Here => Status::Usage,
            _ => Status::Network,
        };
        Self::new(status, error.cause().code(), chain(&error))
            .with_help(Some(hints::for_resolving(&error)))
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        let status = match &error {
            SendError::Input(_) | SendError::Output(_) => Status::Usage,
            _ => Status::Network,
        };
        let mut failure = Self::new(status, error.cause().code(), chain(&error))
            .with_help(hints::for_sending(&error));
        failure.0.numbers = fields(&error, error.peer());
        failure
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        SendError::from(error).into()
    }
}

impl From<DatagramError> for Failure {
    fn from(error: DatagramError) -> Self {
        let status = match error.cause() {
            CauseKind::Usage => Status::Usage,
            _ => Status::Network,
        };
        let mut failure = Self::new(status, error.cause().code(), chain(&error))
            .with_help(hints::for_datagram(&error));
        failure.0.numbers = fields(&error, error.peer());
        failure
    }
}

/// What an error has beside its kind and its words.
fn fields(error: &impl Serialize, peer: Option<SocketAddr>) -> Map<String, Value> {
    let Ok(Value::Object(mut numbers)) = serde_json::to_value(error) else { return Map::new() };
    numbers.retain(|name, _| name != "cause" && name != "error");
    if let Some(address) = peer {
        numbers.insert("address".to_owned(), address.to_string().into());
        numbers.insert("family".to_owned(), Families::of(address).code().into());
    }
    numbers
}
