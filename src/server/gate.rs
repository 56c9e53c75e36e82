//! Who may connect, in two steps: by the address that accept(2) names, and where that is a balancer's
//! by the address that its PROXY header names.
//!
//! The order is: descriptor limit, the real peer's rules, the header, the announced peer's rules, the
//! per-source limit.

use std::net::IpAddr;

use super::access::{Access, Denied, Rules};
use crate::address::Prefix;
use crate::proxy::{Command, Header};

/// The rules of a server, as they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    pub(super) clients: Rules,
    pub(super) balancers: Vec<Prefix>,
}

/// The rules, made ready.
#[derive(Debug)]
pub(super) struct Keeper {
    access: Option<Access>,
    balancers: Option<Access>,
}

/// What the first step comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knock {
    /// A client, and it may connect.
    Client,
    /// A balancer, which is to send a header first.
    Balancer,
    Denied(Denied),
}

impl Gate {
    pub(super) fn keeper(self) -> Keeper {
        let mut balancers = Rules::default();
        balancers.allow(self.balancers);
        Keeper { access: self.clients.compile(), balancers: balancers.compile() }
    }
}

impl Keeper {
    /// Says whether there are balancers at all.
    pub(super) fn expects_headers(&self) -> bool {
        self.balancers.is_some()
    }

    /// The first step: `peer` is the address of the connection itself. A balancer is judged by whom
    /// it speaks for.
    pub(super) fn knock(&self, peer: IpAddr) -> Knock {
        if self.balancers.as_ref().is_some_and(|balancers| balancers.judge(peer).is_ok()) {
            return Knock::Balancer;
        }
        match self.judge(peer) {
            Ok(()) => Knock::Client,
            Err(denied) => Knock::Denied(denied),
        }
    }

    /// The second step, for a balancer at `peer` that sent `header`. A connection that it makes for
    /// itself is to be accepted as valid (proxy-protocol.txt, section 2.2); one for a client that it
    /// does not name has no better address than the balancer's own.
    pub(super) fn introduce(&self, peer: IpAddr, header: &Header) -> Result<(), Denied> {
        match (header.command, header.addresses) {
            (Command::Local, _) => Ok(()),
            (_, Some(addresses)) => self.judge(addresses.source.ip()),
            (_, None) => self.judge(peer),
        }
    }

    /// Says whether somebody at `address` may be served.
    pub(super) fn judge(&self, address: IpAddr) -> Result<(), Denied> {
        self.access.as_ref().map_or(Ok(()), |access| access.judge(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::prefix_list;
    use crate::proxy::Version;

    fn keeper(allow: &str, deny: &str, balancers: &str) -> Keeper {
        let list = |text: &str| match text {
            "" => Vec::new(),
            text => prefix_list(text).unwrap(),
        };
        let mut gate = Gate::default();
        gate.clients.allow(list(allow));
        gate.clients.deny(list(deny));
        gate.balancers = list(balancers);
        gate.keeper()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_balancer_is_known_by_its_real_address_and_judged_by_whom_it_announces() {
        let keeper = keeper("192.0.2.0/24", "192.0.2.13", "10.0.0.0/8");
        assert!(keeper.expects_headers());
        // The balancer itself is on no list, and no header of others is read.
        assert_eq!(keeper.knock(ip("10.0.0.1")), Knock::Balancer);
        assert_eq!(keeper.knock(ip("::ffff:10.0.0.1")), Knock::Balancer);
        assert_eq!(keeper.knock(ip("192.0.2.7")), Knock::Client);
        assert!(matches!(keeper.knock(ip("192.0.2.13")), Knock::Denied(Denied { by: Some(_) })));
        assert_eq!(keeper.knock(ip("8.8.8.8")), Knock::Denied(Denied { by: None }));

        let announced = |source: &str| {
            let (source, to) = (source.parse().unwrap(), "198.51.100.1:7".parse().unwrap());
            keeper.introduce(ip("10.0.0.1"), &Header::new(Version::V2, source, to)).is_ok()
        };
        assert!(announced("192.0.2.7:1") && announced("[::ffff:192.0.2.7]:1"));
        assert!(!announced("192.0.2.13:1") && !announced("8.8.8.8:1"));
        // To announce itself does not let it in either.
        assert!(!announced("10.0.0.1:1"));
    }

    #[test]
    fn a_check_of_the_balancer_is_let_in_and_an_unknown_client_stands_for_the_balancer() {
        for (allow, deny, local, unknown) in [
            ("192.0.2.0/24", "", true, false),
            ("192.0.2.0/24,10.0.0.1", "", true, true),
            ("", "10.0.0.0/8", true, false),
            ("", "192.0.2.0/24", true, true),
            ("", "", true, true),
        ] {
            let keeper = keeper(allow, deny, "10.0.0.0/8");
            let may = |header| keeper.introduce(ip("10.0.0.1"), &header).is_ok();
            assert_eq!(may(Header::local(Version::V2)), local, "+{allow} -{deny}");
            assert_eq!(may(Header::local(Version::V1)), unknown, "+{allow} -{deny}");
        }
    }

    #[test]
    fn without_balancers_and_rules_everyone_is_a_client() {
        let keeper = Gate::default().keeper();
        assert!(!keeper.expects_headers());
        assert_eq!(keeper.knock(ip("10.0.0.1")), Knock::Client);
        let keeper = self::keeper("", "", "any");
        assert_eq!(keeper.knock(ip("::1")), Knock::Balancer);
    }
}
