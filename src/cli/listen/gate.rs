//! Prefixes and files of them in, who may connect to a server out.

use std::fs;

use echo6::Server;
use echo6::address::{AddressError, Endpoint, Host, Prefix, prefix_lines, prefix_list};
use echo6::error::Cause;

use crate::cli::failure::Failure;

/// What the flags say: lists of prefixes, and names of files with more.
pub(super) struct Gate {
    allow: Vec<Prefix>,
    deny: Vec<Prefix>,
    balancers: Vec<Prefix>,
}

impl Gate {
    pub(super) fn read(
        (allow, allow_files): (&[String], &[String]),
        (deny, deny_files): (&[String], &[String]),
        balancers: &[String],
    ) -> Result<Self, Failure> {
        Ok(Self {
            allow: prefixes("--allow", allow, allow_files)?,
            deny: prefixes("--deny", deny, deny_files)?,
            balancers: prefixes("--accept-proxy", balancers, &[])?,
        })
    }

    /// Says whether every peer may announce whatever address it likes.
    pub(super) fn trusts_everyone(&self) -> bool {
        self.balancers.iter().any(|prefix| prefix.length() == 0)
    }

    /// Tells the server.
    pub(super) fn keep(self, server: Server) -> Server {
        server.allow(self.allow).deny(self.deny).accept_proxy(self.balancers)
    }
}

/// What the lists behind an `option`, and the files behind its other, come to.
fn prefixes(option: &str, lists: &[String], files: &[String]) -> Result<Vec<Prefix>, Failure> {
    let mut prefixes = Vec::new();
    for list in lists {
        let read = prefix_list(list).map_err(|error| refused(error).at(option));
        prefixes.extend(read?);
    }
    for name in files {
        let bytes = fs::read(name).map_err(|error| unread(option, name, error.into()))?;
        // What is not UTF-8 is no prefix either, and is shown where it stands.
        let lines = prefix_lines(&String::from_utf8_lossy(&bytes)).map_err(|error| {
            Failure::from(error.source).at(&format!("{name}, line {}", error.line))
        })?;
        prefixes.extend(lines);
    }
    Ok(prefixes)
}

/// What is wrong with a prefix, which may be an ADDRESS.
fn refused(error: AddressError) -> Failure {
    let help = error.input().parse::<Endpoint>().ok().map(|endpoint| match endpoint.host() {
        Host::V4(ip) => format!("a prefix has no port: write {ip}"),
        Host::V6(ip) => format!("a prefix has no port: write {ip}"),
        _ => format!("{endpoint} is an ADDRESS: write a prefix, such as loopback or any"),
    });
    let failure = Failure::from(error);
    if help.is_some() { failure.with_help(help) } else { failure }
}

/// A file of prefixes that cannot be read, which may be the ADDRESS.
fn unread(option: &str, name: &str, cause: Cause) -> Failure {
    let is_address = name.parse::<Endpoint>().is_ok();
    let help =
        is_address.then(|| format!("if {name} is the ADDRESS, write {option}-file FILE {name}"));
    Failure::input(name, &cause).with_help(help)
}
