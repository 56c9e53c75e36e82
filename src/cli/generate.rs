//! The man page and the completions of shells, from the one table of arguments.
//!
//! `echo6 --generate` writes them when a package is built, so that they are never older than the
//! binary beside them.

mod complete;
mod man;
mod markdown;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Man,
    Bash,
    Zsh,
    Fish,
    Nushell,
}

impl Document {
    /// Reads the value of `--generate`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "man" => Ok(Self::Man),
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            "nushell" => Ok(Self::Nushell),
            _ => Err(format!("--generate {text}: must be man, bash, zsh, fish or nushell")),
        }
    }
}

/// Writes the `document` of a program with such arguments.
pub(crate) fn generate(document: Document, program: &CommandInfoWithArgs) -> String {
    match document {
        Document::Man => man::page(program),
        Document::Bash => complete::bash(program),
        Document::Zsh => complete::zsh(program),
        Document::Fish => complete::fish(program),
        Document::Nushell => complete::nushell(program),
    }
}

/// The flags that help shows. argh's table has `--help`, but not the `-h` of `help_triggers`.
pub(super) fn visible(command: &CommandInfoWithArgs) -> Vec<FlagInfo<'static>> {
    let shown = command.flags.iter().filter(|flag| !flag.hidden);
    shown
        .map(|flag| FlagInfo {
            kind: match flag.kind {
                FlagInfoKind::Switch => FlagInfoKind::Switch,
                FlagInfoKind::Option { arg_name } => FlagInfoKind::Option { arg_name },
            },
            optionality: Optionality::Optional,
            long: flag.long,
            short: if flag.long == "--help" { Some('h') } else { flag.short },
            description: flag.description,
            hidden: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_flags_stay_hidden_and_help_has_its_letter() {
        let flag = |long, hidden| FlagInfo { long, hidden, ..FlagInfo::default() };
        let flags = vec![flag("--help", false), flag("--seen", false), flag("--hidden", true)];
        let command = CommandInfoWithArgs { flags: flags.leak(), ..CommandInfoWithArgs::default() };
        let shown = visible(&command);
        let shown: Vec<_> = shown.iter().map(|flag| (flag.long, flag.short)).collect();
        assert_eq!(shown, [("--help", Some('h')), ("--seen", None)]);
    }
}
