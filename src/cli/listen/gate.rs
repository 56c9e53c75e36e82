//! Prefixes and files of them in, who may connect to a server out.

use std::fs;

use echo6::Server;
use echo6::address::{Prefix, prefix_lines, prefix_list};

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
            allow: prefixes(allow, allow_files)?,
            deny: prefixes(deny, deny_files)?,
            balancers: prefixes(balancers, &[])?,
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

fn prefixes(lists: &[String], files: &[String]) -> Result<Vec<Prefix>, Failure> {
    let mut prefixes = Vec::new();
    for list in lists {
        prefixes.extend(prefix_list(list)?);
    }
    for name in files {
        let bytes = fs::read(name).map_err(|error| Failure::input(name, &error))?;
        // What is not UTF-8 is no prefix either, and is shown where it stands.
        let lines = prefix_lines(&String::from_utf8_lossy(&bytes)).map_err(|error| {
            Failure::from(error.source).at(&format!("{name}, line {}", error.line))
        })?;
        prefixes.extend(lines);
    }
    Ok(prefixes)
}
