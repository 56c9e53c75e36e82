//! The sockets that a service manager holds and passes on: sd_listen_fds(3).
//!
//! They are the manager's as well: they are used as they are, and never shut down.

use std::path::Path;
use std::process;

use super::foreign::{Foreign, recognise};
use crate::cli::failure::Failure;

/// The number of the first descriptor that is passed on.
const FIRST: u32 = 3;

/// Takes the sockets that were passed to this process; none if no manager started it so. To be called
/// once, before anything else opens a descriptor.
pub(super) fn take() -> Result<Vec<Foreign>, Failure> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (pid, count) = (variable("LISTEN_PID"), variable("LISTEN_FDS"));
    if pid == process::id().to_string() {
        // To look there opens no descriptor.
        let descriptors = Path::new("/proc/self/fd");
        let is_open = |number: u32| descriptors.join(number.to_string()).symlink_metadata().is_ok();
        check_count(&count, is_open).map_err(Failure::usage)?;
    }
    let passed = sd_listen_fds::get().map_err(|_| {
        Failure::usage(format!("LISTEN_PID \"{pid}\" or LISTEN_FDS \"{count}\" is not a number"))
    })?;
    let take_one =
        |(number, (name, descriptor)): (u32, (Option<String>, sd_listen_fds::OwnedFd))| {
            let foreign = match recognise(descriptor.into_std()) {
                Ok(Foreign::Client(_)) => {
                    Err("is a connection: --inetd serves one, as stdin".to_owned())
                }
                other => other,
            };
            foreign.map_err(|reason| {
                let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
                Failure::usage(format!("descriptor {number}{name} of LISTEN_FDS {reason}"))
            })
        };
    (FIRST..).zip(passed).map(take_one).collect()
}

/// Checks that as many descriptors are open as `count` says. The crate that takes them trusts it.
fn check_count(count: &str, is_open: impl Fn(u32) -> bool) -> Result<(), String> {
    let Ok(count) = count.parse::<u32>() else { return Ok(()) }; // the crate says so
    match (FIRST..).take(count as usize).find(|number| !is_open(*number)) {
        Some(number) => Err(format!("LISTEN_FDS is {count}, but descriptor {number} is not open")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_descriptor_that_is_announced_must_be_open() {
        let three_and_four = |number| number == 3 || number == 4;
        assert_eq!(check_count("2", three_and_four), Ok(()));
        assert_eq!(check_count("0", three_and_four), Ok(()));
        for count in ["3", "4294967295"] {
            let error = check_count(count, three_and_four).unwrap_err();
            assert_eq!(error, format!("LISTEN_FDS is {count}, but descriptor 5 is not open"));
        }
    }
}
