//! What was found at each address of a target in, a sentence to act on out.

use std::fmt;

use super::checked::DatagramChecked;
use super::diagnosis::SILENT;
use crate::address::Families;
use crate::client::idle::IdleTimeout;

/// What was found at the addresses of one target. Displays as a sentence to act on.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DatagramFindings {
    /// Each address.
    pub checked: Vec<DatagramChecked>,
}

impl From<Vec<DatagramChecked>> for DatagramFindings {
    fn from(checked: Vec<DatagramChecked>) -> Self {
        Self { checked }
    }
}

impl fmt::Display for DatagramFindings {
    /// What is wrong first, each address by its family unless that has several.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |checked: &DatagramChecked| {
            let family = Families::of(checked.address);
            let same = self.checked.iter().filter(|other| Families::of(other.address) == family);
            if same.count() > 1 { checked.address.to_string() } else { family.to_string() }
        };
        let (well, wrong): (Vec<_>, Vec<_>) =
            self.checked.iter().partition(|checked| checked.is_well());
        let mut phrases: Vec<String> = Vec::new();
        for checked in wrong {
            let stopped = if checked.finished { "" } else { " (interrupted)" };
            phrases.push(format!("{}: {checked}{stopped}", name(checked)));
        }
        let well: Vec<String> = well.into_iter().map(name).collect();
        match &well[..] {
            [] => {}
            [one] => phrases.push(format!("{one} works")),
            [most @ .., last] => phrases.push(format!("{} and {last} work", most.join(", "))),
        }
        for checked in &self.checked {
            if let Some(idle) = checked.idle.filter(IdleTimeout::is_alive) {
                phrases.push(format!("{}: {}", name(checked), idle.phrase(SILENT)));
            }
        }
        f.write_str(&phrases.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;
    use crate::client::datagram::error::DatagramError;
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
        let from = "192.0.2.7:7".parse().unwrap();
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
                "IPv4: path MTU 1420, but no router reports it: a black hole",
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
            assert_eq!(DatagramFindings::from(vec![found]).to_string(), said);
        }
    }

    #[test]
    fn what_works_is_said_beside_what_does_not() {
        let six = checked("[2001:db8::9]:7", |it| {
            it.path_mtu = Some(1500);
            (it.longest, it.vanishes) = (Some(1452), Some(1453));
        });
        let findings = DatagramFindings::from(vec![six, checked("192.0.2.9:7", |_| {})]);
        assert_eq!(
            findings.to_string(),
            "IPv6: datagrams over 1452 bytes vanish, small ones return: fragments are dropped on \
             the way, there or back; IPv4 works"
        );
        let lives = checked("192.0.2.9:7", |it| it.idle = idle(Some(605), None, Hold::Alive));
        assert!(lives.is_well());
        let findings = DatagramFindings::from(vec![lives]);
        let said = "IPv4 works; IPv4: a silent flow lives for at least 605 s";
        assert_eq!(findings.to_string(), said);
    }
}
