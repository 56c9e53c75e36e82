//! What was found of datagrams at an address in, its part of the sentence about the target out.

use std::net::SocketAddr;

use super::checked::DatagramChecked;
use super::diagnosis::{DatagramDiagnosis, SILENT};
use crate::client::findings::Finding;
use crate::client::idle::IdleTimeout;

impl Finding for DatagramChecked {
    const SILENT: &'static str = SILENT;

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn is_well(&self) -> bool {
        self.is_well()
    }

    fn is_finished(&self) -> bool {
        self.finished
    }

    fn idle(&self) -> Option<IdleTimeout> {
        self.idle
    }

    fn complaint(&self, _: &[Self]) -> Option<String> {
        match self.diagnosis() {
            DatagramDiagnosis::Works => None,
            DatagramDiagnosis::Interrupted => Some(self.to_string()),
            _ if self.finished => Some(self.to_string()),
            _ => Some(format!("{self} (interrupted)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::datagram::error::DatagramError;
    use crate::client::findings::Findings;
    use crate::client::idle::Hold;

    fn checked(address: &str, change: impl FnOnce(&mut DatagramChecked)) -> DatagramChecked {
        let mut checked = DatagramChecked::new(address.parse().unwrap());
        checked.echo = Some(Duration::from_millis(1));
        checked.finished = true;
        change(&mut checked);
        checked
    }

    fn idle(alive: Option<u64>, ended: Option<u64>, hold: Hold) -> Option<IdleTimeout> {
        let (alive, ended) = (alive.map(Duration::from_secs), ended.map(Duration::from_secs));
        Some(IdleTimeout { alive, ended, hold })
    }

    #[test]
    fn each_finding_is_a_sentence_to_act_on() {
        let v4 = "192.0.2.9:7";
        let peer: SocketAddr = v4.parse().unwrap();
        let timeout = || Some(DatagramError::Timeout { peer, after: Duration::from_secs(1) });
        let from: SocketAddr = "192.0.2.7:7".parse().unwrap();
        let mismatch = |sent| DatagramError::Mismatch { peer, offset: 100, sent, returned: sent };
        for (found, said) in [
            (checked(v4, |_| {}), "IPv4 works"),
            (
                checked(v4, |it| (it.failure, it.tcp_connects) = (timeout(), Some(true))),
                "IPv4: silent, TCP works: UDP is filtered, or not served",
            ),
            (
                checked(v4, |it| (it.failure, it.tcp_connects) = (timeout(), Some(false))),
                "IPv4: silent, and TCP does not connect either: the host is down, filtered, or \
                 serves neither",
            ),
            (
                checked(v4, |it| it.failure = Some(DatagramError::Foreign { peer, from })),
                "IPv4: answers from 192.0.2.7:7, you asked 192.0.2.9:7",
            ),
            (
                checked(v4, |it| (it.path_mtu, it.black_hole) = (Some(1420), true)),
                "IPv4: path MTU 1420, but no router reports it: a black hole: let ICMP type 3 code 4 \
                 pass",
            ),
            (
                checked("[2001:db8::9]:7", |it| {
                    (it.path_mtu, it.black_hole) = (Some(1400), true);
                    (it.longest, it.vanishes) = (Some(1352), Some(1353));
                }),
                "IPv6: path MTU 1400, but no router reports it: a black hole, datagrams over 1352 \
                 bytes vanish: let ICMPv6 type 2 pass",
            ),
            (
                checked(v4, |it| {
                    it.path_mtu = Some(1304);
                    (it.longest, it.vanishes, it.unsent) = (Some(1276), Some(1277), true);
                }),
                "IPv4: datagrams over 1276 bytes are refused on the way out (no buffer space), \
                 packets of up to 1304 bytes pass: the two ends of the link may have different MTUs",
            ),
            (
                checked(v4, |it| {
                    it.path_mtu = Some(1500);
                    (it.longest, it.wrong) = (Some(100), Some(101));
                    it.failure = Some(mismatch(101));
                }),
                "IPv4: datagrams over 100 bytes come back changed at byte 100",
            ),
            (
                checked(v4, |it| {
                    it.path_mtu = Some(1500);
                    (it.longest, it.wrong) = (Some(2000), Some(1480));
                    it.failure = Some(mismatch(1480));
                }),
                "IPv4: datagrams of 1480 bytes come back changed at byte 100",
            ),
            (
                checked(v4, |it| {
                    (it.longest, it.wrong) = (Some(1000), Some(1001));
                    it.failure = Some(DatagramError::Foreign { peer, from });
                }),
                "IPv4: datagrams over 1000 bytes come back from 192.0.2.7:7, you asked 192.0.2.9:7",
            ),
            (
                checked(v4, |it| it.failure = Some(mismatch(64))),
                "IPv4: other bytes came back: is it an echo server?",
            ),
            (
                checked(v4, |it| {
                    it.path_mtu = Some(1500);
                    (it.longest, it.vanishes) = (Some(1472), Some(1473));
                }),
                "IPv4: datagrams over 1472 bytes vanish, small ones return: fragments are dropped \
                 on the way, there or back",
            ),
            (
                checked(v4, |it| {
                    it.path_mtu = Some(1500);
                    (it.longest, it.vanishes) = (Some(8192), Some(1475));
                }),
                "IPv4: datagrams of 1475 bytes vanish, of 8192 return",
            ),
            (
                checked("[2001:db8::9]:7", |it| {
                    (it.path_mtu, it.path_mtu_by) = (Some(1400), Some(from.ip()));
                    (it.longest, it.vanishes) = (Some(1352), Some(1353));
                }),
                "IPv6: datagrams over 1352 bytes vanish, small ones return: fragments are dropped on \
                 the way, or the way back has a smaller MTU than the server knows",
            ),
            (
                checked(v4, |it| {
                    let source = std::io::Error::from(std::io::ErrorKind::HostUnreachable).into();
                    let (by, mtu) = (Some(from.ip()), None);
                    it.failure = Some(DatagramError::Undelivered { peer, by, mtu, source });
                }),
                "IPv4: host unreachable, says 192.0.2.7: the host does not answer on its own \
                 network, or a firewall on the way rejects it: traceroute marks the one with !H, the \
                 other with !X",
            ),
            (
                checked(v4, |it| {
                    it.path_mtu = Some(1300);
                    (it.longest, it.vanishes) = (Some(1376), Some(1377));
                }),
                "IPv4: datagrams of 1377 bytes vanish, of 1376 return: the way back may have a \
                 smaller MTU than the server knows",
            ),
            (
                checked(v4, |it| it.truncates_at = Some(4096)),
                "IPv4: datagrams over 4096 bytes come back cut: the server truncates them",
            ),
            (
                checked(v4, |it| it.idle = idle(Some(25), Some(35), Hold::Dead)),
                "IPv4: a silent flow lives for 25 s and is dead after 35 s: idle timeout between them",
            ),
            (checked(v4, |it| it.empty = Some(false)), "IPv4: empty datagrams do not come back"),
        ] {
            let well = said.ends_with("works") && !said.contains(':');
            assert_eq!(found.is_well(), well, "{said}");
            assert_eq!(Findings::from(vec![found]).to_string(), said);
        }
    }

    #[test]
    fn what_works_is_said_beside_what_does_not() {
        let six = checked("[2001:db8::9]:7", |it| {
            it.path_mtu = Some(1500);
            (it.longest, it.vanishes) = (Some(1452), Some(1453));
        });
        let findings = Findings::from(vec![six, checked("192.0.2.9:7", |_| {})]);
        assert_eq!(
            findings.to_string(),
            "IPv6: datagrams over 1452 bytes vanish, small ones return: fragments are dropped on \
             the way, there or back; IPv4 works"
        );
        let lives = checked("192.0.2.9:7", |it| it.idle = idle(Some(605), None, Hold::Alive));
        assert!(lives.is_well());
        let findings = Findings::from(vec![lives]);
        let said = "IPv4 works; IPv4: a silent flow lives for at least 605 s";
        assert_eq!(findings.to_string(), said);
    }

    #[test]
    fn what_was_stopped_before_anything_was_wrong_does_not_work() {
        for echo in [None, Some(Duration::from_millis(1))] {
            let stopped = checked("192.0.2.9:7", |it| (it.echo, it.finished) = (echo, false));
            assert_eq!(stopped.diagnosis(), DatagramDiagnosis::Interrupted);
            assert_eq!((stopped.verdict(), stopped.is_well()), ("interrupted", false));
            let findings = Findings::from(vec![stopped]);
            assert_eq!(findings.to_string(), "IPv4: interrupted before all was checked");
        }
        let wrong = checked("192.0.2.9:7", |it| (it.empty, it.finished) = (Some(false), false));
        let said = "IPv4: empty datagrams do not come back (interrupted)";
        assert_eq!(Findings::from(vec![wrong]).to_string(), said);
    }
}
