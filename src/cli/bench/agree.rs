//! Which flags go together, and which do not.

use super::Bench;
use crate::cli::failure::Failure;

/// Bytes of the number that each datagram has.
const NUMBER: usize = 8;

impl Bench {
    /// Refuses flags that do not go together.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.udp {
            self.check_datagrams()?;
        }
        let exclude = |one: &str, other: &str| Err(Failure::exclusive(one, other));
        let tasks = [
            ("--burst", self.burst.is_some()),
            ("--hold", self.hold.is_some()),
            ("--search", self.search.is_some()),
        ];
        let given: Vec<&str> = tasks.iter().filter(|(_, given)| *given).map(|(n, _)| *n).collect();
        match given[..] {
            [one, other, ..] => return exclude(one, other),
            ["--burst"] | ["--hold"] if self.rate.is_some() => return exclude(given[0], "--rate"),
            ["--hold"] if self.reconnect => return exclude("--hold", "--reconnect"),
            ["--search"] if self.count.is_some() => return exclude("--search", "--count"),
            // They have no slices to compare.
            ["--burst"] | ["--hold"] if self.compare.is_some() => {
                return exclude("--compare", given[0]);
            }
            _ => {}
        }
        if self.in_flight.is_some() {
            for (name, given) in [
                ("--rate", self.rate.is_some()),
                ("--search", self.search.is_some()),
                ("--reconnect", self.reconnect),
            ] {
                if given {
                    return exclude("--in-flight", name);
                }
            }
        }
        if self.fail_above.is_some() && self.compare.is_none() {
            return Err(Failure::usage("--fail-above needs --compare").with_help(Some(
                "add --compare FILE, with a FILE that --save wrote, or leave out --fail-above"
                    .to_owned(),
            )));
        }
        if self.proxy_split.is_some() {
            return Err(Failure::usage("bench sends a PROXY header whole, without --proxy-split")
                .with_help(Some("check --proxy-split sends it in pieces".to_owned())));
        }
        if !self.merge.is_empty() && !self.addresses.is_empty() {
            return Err(Failure::usage("--merge takes no ADDRESS").with_help(Some(
                "leave ADDRESS out: --merge adds up files, and loads nothing".to_owned(),
            )));
        }
        if !self.merge.is_empty() {
            self.check_merge()?;
        }
        Ok(())
    }

    /// Refuses what a load is told, where there is none.
    fn check_merge(&self) -> Result<(), Failure> {
        for (flag, given) in [
            ("--save", self.save.is_some()),
            ("--compare", self.compare.is_some()),
            ("--plot", self.plot.is_some()),
            ("--udp", self.udp),
            ("--all", self.all),
            ("--count", self.count.is_some()),
            ("--rate", self.rate.is_some()),
            ("--in-flight", self.in_flight.is_some()),
            ("--reconnect", self.reconnect),
            ("--burst", self.burst.is_some()),
            ("--hold", self.hold.is_some()),
            ("--search", self.search.is_some()),
            ("--source", self.source.is_some()),
            ("--until-ready", self.until_ready.is_some()),
            ("--proxy-protocol", self.proxy_protocol.is_some()),
        ] {
            if given {
                return Err(Failure::exclusive("--merge", flag));
            }
        }
        Ok(())
    }

    /// Refuses what is for connections, and messages that have no room for their number.
    fn check_datagrams(&self) -> Result<(), Failure> {
        for (flag, given) in [
            ("--reconnect", self.reconnect),
            ("--burst", self.burst.is_some()),
            ("--hold", self.hold.is_some()),
            ("--proxy-protocol", self.proxy_protocol.is_some()),
        ] {
            if given {
                return Err(Failure::for_connections(flag, "--udp"));
            }
        }
        if self.size < NUMBER {
            let message = format!("--size {}: each datagram has a number of 8 bytes", self.size);
            let help = format!("give --size {NUMBER}, or more");
            return Err(Failure::usage(message).with_help(Some(help)));
        }
        Ok(())
    }
}
