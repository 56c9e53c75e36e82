//! `--fault` in, faults out, and the list of all that there are.

use std::fmt::Write as _;

use echo6::fault::{Fault, FaultKind};

use super::failure::Failure;

/// The value of `--fault` that asks for the list.
pub(crate) const HELP: &str = "help";

/// Reads the faults, in the order given, of a server of TCP, UDP or both.
pub(crate) fn read(texts: &[String], tcp: bool, udp: bool) -> Result<Vec<Fault>, Failure> {
    texts.iter().map(|text| read_one(text, tcp, udp)).collect()
}

fn read_one(text: &str, tcp: bool, udp: bool) -> Result<Fault, Failure> {
    let fault: Fault = text.parse()?;
    let (of_streams, of_datagrams) = (fault.kind().suits_streams(), fault.kind().suits_datagrams());
    if of_streams && tcp || of_datagrams && udp {
        Ok(fault)
    } else if of_datagrams {
        Err(Failure::usage(format!("{fault} is a fault of datagrams: it needs --udp"))
            .with_help(Some("add -u, or leave the fault out".to_owned())))
    } else {
        Err(Failure::usage(format!("{fault} is a fault of connections: it excludes --no-tcp"))
            .leave_one_out())
    }
}

/// All faults, with an example each.
pub(crate) fn list() -> String {
    let mut text = INTRODUCTION.to_owned();
    for &kind in FaultKind::ALL.iter().filter(|kind| kind.suits_streams()) {
        let _ = writeln!(text, "  {:<19}{kind}", kind.example());
    }
    text += DATAGRAMS;
    for &kind in FaultKind::ALL.iter().filter(|kind| kind.suits_datagrams()) {
        let _ = writeln!(text, "  {:<19}{}", kind.example(), kind.of_datagrams());
    }
    text + EXPLANATION
}

const INTRODUCTION: &str = "\
Applied to each connection when it is accepted: P percent have the fault, and of
these the first N. A fault is written as

  [P%][N*]NAME[=VALUE[~JITTER]][@OFFSET]

and several combine in the order given:

";

const DATAGRAMS: &str = "
With UDP it is applied to each datagram, and OFFSET is a byte of it: shorter
datagrams have no fault. drop@1472 is a path whose MTU is too small. Those that
both lists have are applied to connections as well, unless there is --no-tcp.

";

const EXPLANATION: &str = r"
In a connection OFFSET counts the bytes of an honest echo, so the result does
not depend on timing; it is 0 by default. add, close, reset, stall and hang also
take @end: when the client has half-closed and has everything back. At one
offset, a fault that adds bytes or ends the echo comes before one that changes
the byte there.

VALUE is a duration (us, ms, s, m, h), a size (k, M, G: powers of 1024) or a
text (\r \n \t \0 \\ \@ \x7f). With ~JITTER it is random each time, from VALUE -
JITTER to VALUE + JITTER, and never below zero. A later delay, rate or slice
replaces an earlier one. 2x is the same as 2*, and needs no quotes in a shell.

The seed is in the first line of output; --fault-seed sets it. Each closed
connection is reported with the faults that it had: flip@1000.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_fits_a_terminal_and_has_each_fault_where_it_belongs() {
        let list = list();
        assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
        assert!(list.starts_with("Applied to each connection when it is accepted"));
        let (connections, datagrams) = list.split_once("\nWith UDP").unwrap();
        for kind in FaultKind::ALL {
            let line = format!("\n  {} ", kind.example());
            assert_eq!(connections.contains(&line), kind.suits_streams(), "{kind:?}");
            assert_eq!(datagrams.contains(&line), kind.suits_datagrams(), "{kind:?}");
        }
    }
}
