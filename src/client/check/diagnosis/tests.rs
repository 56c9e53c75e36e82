//! The result of a check in; the diagnosis, the verdict and the sentence out.

use std::io;
use std::net::SocketAddr;

use super::*;
use crate::client::attempt::{Attempt, Outcome};
use crate::client::error::ConnectError;

const SECOND: Duration = Duration::from_secs(1);

fn far() -> SocketAddr {
    "[2001:db8::7]:7".parse().unwrap()
}

fn near() -> SocketAddr {
    "127.0.0.1:7".parse().unwrap()
}

fn timeout(peer: SocketAddr, sent: u64, returned: u64) -> SendError {
    SendError::Timeout { peer, sent, returned, after: SECOND }
}

fn short(sent: u64, returned: u64) -> SendError {
    SendError::Short { peer: far(), sent, returned }
}

fn lost(kind: io::ErrorKind, sent: u64, returned: u64) -> SendError {
    SendError::Lost { peer: far(), sent, returned, source: io::Error::from(kind).into() }
}

fn unconnected(kind: io::ErrorKind) -> SendError {
    let outcome = Outcome::Failed(io::Error::from(kind).into());
    let attempts = vec![Attempt { address: far(), outcome }];
    SendError::Connect(ConnectError::NoneAccepts { attempts, source: None })
}

/// A finished check in which a step failed.
fn failed(step: Step, error: SendError) -> Checked {
    let mut checked = Checked::new(far());
    checked.finished = true;
    checked.fail(step, error);
    checked
}

fn muted(mute: Mute) -> Checked {
    let mut checked = failed(Step::Echo, timeout(far(), 64, 0));
    checked.mute = Some(mute);
    checked.echo = Some(Duration::from_millis(1400));
    checked
}

fn half_closed(kind: HalfClose, mute: Option<Mute>, error: SendError) -> Checked {
    let mut checked = failed(Step::HalfClose, error);
    (checked.half_close, checked.mute) = (Some(kind), mute);
    checked
}

fn wanting(error: SendError) -> Checked {
    let mut checked = failed(Step::Echo, error);
    checked.wants_header = Some(Version::V1);
    checked
}

fn echoing(error: SendError) -> Checked {
    let mut checked = failed(Step::Echo, error);
    checked.echoes_header = true;
    checked
}

fn held(hold: Hold) -> Checked {
    let mut checked = Checked::new(far());
    (checked.finished, checked.hold) = (true, Some(hold));
    checked.held = Some(Duration::from_millis(61_020));
    checked
}

fn heard(bytes: &[u8]) -> Checked {
    let mut checked = held(Hold::Mismatch);
    checked.heard = Excerpt::of(bytes);
    checked
}

fn instead(bytes: &[u8]) -> Checked {
    let instead = Excerpt::of(bytes);
    let got = bytes[0];
    failed(Step::Echo, SendError::Mismatch { peer: far(), offset: 0, expected: 1, got, instead })
}

fn passing(passing: Passing) -> Checked {
    let mut checked = failed(Step::Bulk, timeout(far(), 1 << 20, 0));
    checked.passing = Some(passing);
    checked
}

/// Everything works, and took so many segments.
fn slow(resent: u64, connect_resent: u64) -> Checked {
    let mut checked = Checked::new(far());
    checked.finished = true;
    checked.connect = Some(SECOND);
    checked.connect_resent = connect_resent;
    let segments = checked.segments.get_or_insert_default();
    (segments.sent, segments.resent) = (1000, resent);
    checked
}

#[test]
fn each_result_has_its_diagnosis() {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, TimedOut};
    let reset = ConnectionReset;
    let mismatch =
        || SendError::Mismatch { peer: far(), offset: 9, expected: 1, got: 2, instead: None };
    let early =
        |sent, bytes: &[u8]| SendError::Surplus { peer: far(), sent, instead: Excerpt::of(bytes) };
    let surplus = || SendError::Surplus { peer: far(), sent: 64, instead: None };
    let returned = || {
        let instead = Excerpt::of(b"PROXY TCP4 ").unwrap();
        SendError::HeaderReturned { peer: far(), instead }
    };
    let wait = Some(Mute::UntilHalfClose);
    for (checked, code, verdict, phrase) in [
        (held(Hold::Alive), "works", "ok", "works"),
        (Checked::new(far()), "interrupted", "interrupted", "interrupted before"),
        (
            held(Hold::Closed),
            "idle_closed",
            "closed",
            "an idle connection is closed after 61s, by the server or on the way",
        ),
        (held(Hold::Reset), "idle_reset", "reset", "an idle connection is reset"),
        (held(Hold::Dead), "idle_dead", "dead", "without a reset"),
        (held(Hold::Gone), "idle_gone", "gone", "and a new one neither"),
        (held(Hold::Mismatch), "idle_mismatch", "mismatch", "returns other bytes than were sent"),
        (
            heard(b"HTTP/1.1 408 Request Timeout"),
            "idle_mismatch",
            "mismatch",
            "than were sent: HTTP: \"HTTP/1.1 408",
        ),
        (slow(9, 0), "works", "ok", "works"),
        (slow(10, 0), "lossy", "slow", "packets are lost and sent again (10 of 1000 sent again"),
        (slow(1, 1), "slow_connect", "slow", "slow to connect, 1.0s: the first packet"),
        (
            instead(b"SSH-2.0-OpenSSH_9.2"),
            "differs",
            "mismatch",
            "not an echo server: it speaks SSH, \"SSH-2.0-OpenSSH_9.2\"",
        ),
        (instead(b"hi!"), "differs", "mismatch", "differs at byte 0, \"hi!\": is it"),
        (
            failed(Step::Connect, unconnected(ConnectionRefused)),
            "refused",
            "refused",
            "refused: nothing listens there, or a firewall rejects it",
        ),
        (failed(Step::Connect, unconnected(TimedOut)), "no_answer", "timeout", "no answer"),
        (
            failed(Step::Connect, unconnected(HostUnreachable)),
            "not_connected",
            "unreachable",
            "host unreachable: the host does not answer on its own network",
        ),
        (
            failed(Step::Bulk, unconnected(ConnectionRefused)),
            "not_connected_again",
            "refused",
            "not on a second connection: connection refused",
        ),
        (
            failed(Step::Hold, timeout(far(), 64, 0)),
            "not_connected_again",
            "timeout",
            "not on a second connection: timed out",
        ),
        (failed(Step::Echo, mismatch()), "differs", "mismatch", "differs at byte 9: is it"),
        (failed(Step::HalfClose, mismatch()), "differs", "mismatch", "differs at byte 9"),
        (failed(Step::Bulk, mismatch()), "large_differs", "mismatch", "1 MiB differs at byte 9"),
        (failed(Step::Echo, surplus()), "surplus", "mismatch", "more comes back"),
        // The same server speaks before the message is sent, or in its place.
        (
            failed(Step::Echo, early(0, b"HELLO")),
            "differs",
            "mismatch",
            "differs at byte 0, \"HELLO\": is it",
        ),
        (
            failed(Step::Bulk, early(1 << 18, b"again")),
            "large_differs",
            "mismatch",
            "1 MiB differs at byte 262144",
        ),
        (failed(Step::Bulk, early(1 << 20, b"more")), "surplus", "mismatch", "more comes back"),
        (
            failed(Step::HalfClose, early(64, b"more")),
            "surplus",
            "mismatch",
            "more comes back than was sent, \"more\"",
        ),
        (muted(Mute::Late), "late", "late", "it took 1.4s, the limit is 1s"),
        (muted(Mute::UntilHalfClose), "until_half_close", "timeout", "until we half-close"),
        (muted(Mute::Swallows), "swallows", "timeout", "takes what we send"),
        (muted(Mute::Hangs), "hangs", "timeout", "takes less than 1 MiB in 1s"),
        (
            failed(Step::Echo, timeout(far(), 64, 3)),
            "partial",
            "timeout",
            "only 3 of 64 bytes come back",
        ),
        (failed(Step::Echo, timeout(far(), 64, 0)), "silent", "timeout", "accepts, but nothing"),
        (
            wanting(short(64, 0)),
            "wants_header",
            "short",
            "wants a PROXY header: it closes on plain bytes, and echoes after one (v1)",
        ),
        (echoing(mismatch()), "echoes_header", "mismatch", "expects no PROXY header"),
        // The header comes back before the message is sent.
        (echoing(surplus()), "echoes_header", "mismatch", "expects no PROXY header"),
        (failed(Step::Echo, returned()), "echoes_header", "mismatch", "expects no PROXY header"),
        (wanting(lost(reset, 64, 0)), "wants_header", "reset", "wants a PROXY header"),
        (failed(Step::Echo, short(64, 0)), "closes_at_once", "short", "accepts, then closes"),
        (
            failed(Step::Echo, short(64, 3)),
            "closes_early",
            "short",
            "closes after 3 of 64 bytes came back",
        ),
        (failed(Step::Echo, lost(reset, 64, 0)), "reset", "reset", "the connection is reset"),
        (failed(Step::Echo, lost(HostUnreachable, 64, 0)), "other", "unreachable", "unreachable"),
        (
            failed(Step::Bulk, timeout(far(), 1 << 20, 0)),
            "large_hangs",
            "timeout",
            "probably a path MTU black hole: let ICMPv6 type 2 pass, or clamp the MSS",
        ),
        (
            passing(Passing::UpTo(1300)),
            "large_hangs",
            "timeout",
            "black hole, packets of up to 1300 bytes pass: let ICMPv6",
        ),
        (passing(Passing::All), "large_silent", "timeout", "but nothing of 1 MiB does"),
        (
            failed(Step::Bulk, timeout(near(), 1 << 20, 0)),
            "large_silent",
            "timeout",
            "but nothing of 1 MiB does",
        ),
        (
            failed(Step::Bulk, timeout(far(), 1 << 20, 5)),
            "large_stops",
            "timeout",
            "1 MiB stops after 5 bytes",
        ),
        (failed(Step::Bulk, short(1 << 20, 5)), "large_closed", "short", "closed after 5 bytes"),
        (
            failed(Step::Bulk, lost(reset, 1 << 20, 5)),
            "large_lost",
            "reset",
            "1 MiB ends after 5 bytes: connection reset",
        ),
        (
            half_closed(HalfClose::Cut, None, short(64, 0)),
            "half_close_cut",
            "cut",
            "cuts the reply when we half-close",
        ),
        (
            half_closed(HalfClose::Cut, wait, short(64, 63)),
            "half_close_cut",
            "cut",
            "until we half-close, then 63 of 64 bytes",
        ),
        (
            half_closed(HalfClose::Open, None, timeout(far(), 64, 64)),
            "half_close_open",
            "timeout",
            "never closes when we half-close",
        ),
        (
            half_closed(HalfClose::Open, wait, timeout(far(), 64, 64)),
            "half_close_open",
            "timeout",
            "then everything, but the far end does not close",
        ),
        (
            half_closed(HalfClose::Reset, None, lost(reset, 64, 64)),
            "half_close_reset",
            "reset",
            "resets when we half-close",
        ),
        (
            half_closed(HalfClose::Reset, wait, lost(reset, 64, 64)),
            "half_close_reset",
            "reset",
            "then everything and a reset",
        ),
        (
            half_closed(HalfClose::Stuck, None, timeout(far(), 64, 5)),
            "half_close_stuck",
            "timeout",
            "only 5 of 64 bytes return when we half-close",
        ),
        (failed(Step::HalfClose, lost(HostUnreachable, 64, 0)), "other", "unreachable", ""),
    ] {
        let diagnosis = checked.diagnosis();
        assert_eq!((diagnosis.code(), checked.verdict()), (code, verdict), "{checked:?}");
        let said = diagnosis.to_string();
        assert!(said.contains(phrase), "{phrase}: {said}");
    }
}
