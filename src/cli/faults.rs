//! `--fault` in, faults out, and the list of all that there are.

use std::fmt::Write as _;

use echo6::fault::{Fault, FaultKind};

use super::failure::Failure;

/// The value of `--fault` that asks for the list.
pub(crate) const HELP: &str = "help";

/// Reads the faults, in the order given.
pub(crate) fn read(texts: &[String]) -> Result<Vec<Fault>, Failure> {
    texts.iter().map(|text| read_one(text)).collect()
}

fn read_one(text: &str) -> Result<Fault, Failure> {
    let fault: Fault = text.parse()?;
    if fault.kind().suits_streams() {
        return Ok(fault);
    }
    let help = "\"--fault help\" lists the faults of connections".to_owned();
    Err(Failure::usage(format!("{fault} is a fault of datagrams")).with_help(Some(help)))
}

/// All faults, with an example each.
pub(crate) fn list() -> String {
    let mut text = INTRODUCTION.to_owned();
    for &kind in FaultKind::ALL.iter().filter(|kind| kind.suits_streams()) {
        let _ = writeln!(text, "  {:<19}{kind}", kind.example());
    }
    text + EXPLANATION
}

const INTRODUCTION: &str = "\
Drawn for each connection when it is accepted: P percent have the fault, and of
these the first N. It is written as

  [P%][N*]NAME[=VALUE[~JITTER]][@OFFSET]

and several are combined in the order given:

";

const EXPLANATION: &str = r"
OFFSET counts the bytes of an honest echo, so that no timing decides; it is 0
unless given. add, close, reset, stall and hang also take @end: when the client
has half-closed and has everything back. At one offset, what adds bytes or ends
the echo comes before what changes the byte there.

VALUE is a duration (us, ms, s, m, h), a size (k, M, G: powers of 1024) or a text
(\r \n \t \0 \\ \@ \x7f). With ~JITTER it is drawn each time from VALUE - JITTER
to VALUE + JITTER, and never below zero. A later delay, rate or slice takes the
place of an earlier one. 2x is the same as 2*, and needs no quotes in a shell.

The seed is in the first line of output; --fault-seed sets it. Each closed
connection is reported with what was dealt to it: flip@1000.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_fits_a_terminal_and_has_each_fault_of_connections() {
        let list = list();
        assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
        assert!(list.starts_with("Drawn for each connection when it is accepted"));
        for kind in FaultKind::ALL {
            assert_eq!(list.contains(kind.example()), kind.suits_streams(), "{kind:?}");
        }
    }
}
