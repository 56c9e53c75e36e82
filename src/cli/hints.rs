//! An error in, the likely fix out, also where that is another command line.

use echo6::address::ResolveError;
use echo6::client::{BenchFailure, ConnectError, DatagramError, SendError, Traffic};
use echo6::error::CauseKind;

/// The likely fix for a name that cannot be resolved.
pub(crate) fn for_resolving(error: &ResolveError) -> String {
    match error {
        ResolveError::Zone { .. } => format!("{}: list them with \"ip link\"", error.help()),
        _ => error.help(),
    }
}

/// The likely fix for an exchange that failed.
pub(crate) fn for_sending(error: &SendError) -> Option<String> {
    let help = match error {
        SendError::Connect(ConnectError::Resolve(error)) => Some(for_resolving(error)),
        _ => error.help(),
    };
    let peer = error.peer();
    match (error, peer) {
        (SendError::Connect(_), Some(peer)) if error.cause() == CauseKind::Refused => {
            Some(format!("{}: start a server with \"echo6 listen {peer}\"", help?))
        }
        (SendError::HeaderReturned { .. }, _) => {
            Some(format!("{}: an echo6 server reads one with --accept-proxy", help?))
        }
        (SendError::Timeout { returned: 0, .. }, Some(peer)) => {
            Some(format!("{}: \"echo6 check {peer}\" tells which", help?))
        }
        _ => match (error.cut_off(), peer) {
            (Some(Traffic { returned: 0, .. }), Some(peer)) => {
                Some(format!("{}: \"echo6 check {peer}\" tells which", help?))
            }
            (Some(_), _) => Some(format!("{}: try --no-half-close", help?)),
            (None, _) => help,
        },
    }
}

/// The likely fix for a datagram that did not come back.
pub(crate) fn for_datagram(error: &DatagramError) -> Option<String> {
    let help = match error {
        DatagramError::Connect(ConnectError::Resolve(error)) => Some(for_resolving(error)),
        _ => error.help(),
    };
    match (error.cause(), error.peer()) {
        (CauseKind::Refused, Some(peer)) => {
            Some(format!("{}: start a server with \"echo6 listen -u {peer}\"", help?))
        }
        (CauseKind::Timeout, Some(peer)) => {
            Some(format!("{}: \"echo6 check -u {peer}\" tells which", help?))
        }
        _ => help,
    }
}

/// The likely fix for a load that failed.
pub(crate) fn for_load(failure: &BenchFailure) -> Option<String> {
    match failure {
        // A load does not shut its sending side.
        BenchFailure::Stream(error) if error.cut_off().is_some_and(|cut| cut.returned > 0) => {
            Some("the server may limit the bytes, or the time, of a connection".to_owned())
        }
        BenchFailure::Stream(error) => for_sending(error),
        BenchFailure::Datagram(error) => for_datagram(error),
        other => other.help(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_not_told_to_leave_out_a_half_close_that_it_never_makes() {
        let short =
            SendError::Short { peer: "127.0.0.1:7".parse().unwrap(), sent: 64, returned: 3 };
        assert!(for_sending(&short).unwrap().ends_with("try --no-half-close"));
        let help = for_load(&BenchFailure::Stream(short)).unwrap();
        assert_eq!(help, "the server may limit the bytes, or the time, of a connection");
    }
}
