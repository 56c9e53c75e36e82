//! What was found at an address in, its part of the sentence about the target out.

use std::net::SocketAddr;

use super::checked::Checked;
use super::diagnosis::Diagnosis;
use crate::address::Families;
use crate::client::findings::Finding;
use crate::client::idle::IdleTimeout;

impl Finding for Checked {
    const SILENT: &'static str = "a silent connection";

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

    fn complaint(&self, all: &[Self]) -> Option<String> {
        let diagnosis = match (self.diagnosis(), self.idle) {
            (Diagnosis::Works, _) => return None,
            // It says more if it is known what is survived.
            (Diagnosis::Idle { .. }, Some(idle)) if idle.alive.is_some() => {
                idle.phrase(Self::SILENT)
            }
            (diagnosis, _) => {
                // Beside one that answers, an address that does not is told otherwise.
                let family = Families::of(self.address);
                let answering = all.iter().filter(|other| other.connect.is_some());
                let mut families = answering.map(|other| Families::of(other.address));
                diagnosis.beside(families.find(|&other| other != family)).to_string()
            }
        };
        let stopped = self.failure.is_some() && !self.finished;
        Some(diagnosis + if stopped { " (interrupted)" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::check::kinds::{Hold, Step};
    use crate::client::error::SendError;
    use crate::client::findings::{CheckSummary, Findings};

    fn checked(address: &str, wrong: bool) -> Checked {
        let mut checked = Checked::new(address.parse().unwrap());
        checked.finished = true;
        if wrong {
            let peer = checked.address;
            checked.fail(Step::Echo, SendError::Surplus { peer, sent: 64, instead: None });
        }
        checked
    }

    #[test]
    fn a_sentence_names_what_is_wrong_first_and_families_where_they_suffice() {
        let wrong = "more comes back than was sent: is it an echo server?";
        for (all, sentence) in [
            (vec![checked("[::1]:7", false)], "IPv6 works".to_owned()),
            (
                vec![checked("[::1]:7", false), checked("127.0.0.1:7", false)],
                "IPv6 and IPv4 work".to_owned(),
            ),
            (
                vec![checked("127.0.0.1:7", false), checked("[::1]:7", true)],
                format!("IPv6: {wrong}; IPv4 works"),
            ),
            (
                vec![checked("127.0.0.1:7", true), checked("127.0.0.2:7", false)],
                format!("127.0.0.1:7: {wrong}; 127.0.0.2:7 works"),
            ),
        ] {
            assert_eq!(Findings::from(all).to_string(), sentence);
        }
    }

    #[test]
    fn a_sentence_says_which_family_answers_and_which_the_name_has_not() {
        use crate::client::attempt::{Attempt, Outcome};
        use crate::client::error::ConnectError;
        let mut silent = checked("[::1]:7", false);
        let timeout = std::io::Error::from(std::io::ErrorKind::TimedOut).into();
        let attempts = vec![Attempt { address: silent.address, outcome: Outcome::Failed(timeout) }];
        let error = ConnectError::NoneAccepts { attempts, source: None };
        silent.fail(Step::Connect, error.into());
        let alone = Findings::from(vec![silent.clone()]).to_string();
        assert!(alone.contains("or its accept queue is full"), "{alone}");
        let mut other = checked("127.0.0.1:7", false);
        other.connect = Some(std::time::Duration::from_millis(1));
        let both = Findings::from(vec![silent, other.clone()]).to_string();
        assert!(
            both.starts_with("IPv6: no answer to the connect, while IPv4 is answered"),
            "{both}"
        );
        let mut findings = Findings::from(vec![other]);
        findings.missing = Some(Families::Ipv6);
        assert_eq!(findings.to_string(), "IPv4 works; the name has no IPv6 address");
    }

    #[test]
    fn a_silent_connection_is_spoken_of_also_where_it_lives() {
        let seconds = |seconds: u64| Some(std::time::Duration::from_secs(seconds));
        let held = |address, hold, alive, ended| {
            let mut checked = checked(address, false);
            (checked.hold, checked.held) = (Some(hold), seconds(130));
            checked.idle = Some(IdleTimeout { alive, ended, hold });
            checked
        };
        let mut stopped = held("127.0.0.1:7", Hold::Alive, seconds(65), None);
        stopped.finished = false;
        for (checked, sentence) in [
            (
                held("[::1]:7", Hold::Alive, seconds(605), None),
                "IPv6 works; IPv6: a silent connection lives for at least 605 s",
            ),
            (
                held("[::1]:7", Hold::Dead, seconds(65), seconds(125)),
                "IPv6: a silent connection lives for 65 s and is dead after 125 s: idle timeout \
                 between them",
            ),
            (
                held("[::1]:7", Hold::Dead, None, seconds(125)),
                "IPv6: an idle connection stops working without a reset, known after 130s, while a \
                 new one echoes: a NAT or firewall dropped its state",
            ),
            (
                stopped,
                "IPv4: interrupted before all was checked; IPv4: a silent connection lives for at \
                 least 65 s",
            ),
        ] {
            assert_eq!(Findings::from(vec![checked]).to_string(), sentence);
        }
    }

    #[test]
    fn a_check_that_was_stopped_is_said_to_be() {
        let mut one = checked("[::1]:7", true);
        one.finished = false;
        let mut other = checked("127.0.0.1:7", false);
        other.finished = false;
        other.hold = Some(Hold::Alive);
        let findings = Findings::from(vec![one, other]);
        let sentence = findings.to_string();
        assert!(
            sentence.contains("echo server? (interrupted); IPv4: interrupted before"),
            "{sentence}"
        );
        let mut summary = CheckSummary::default();
        summary.note(&findings);
        assert_eq!((summary.checked, summary.ok, summary.interrupted), (2, 0, true));
    }
}
