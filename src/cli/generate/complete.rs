//! Scripts that complete a command line, one for each shell.

use argh::{CommandInfoWithArgs, FlagInfo, SubCommandInfo};
use argh_complete::Generator;
use argh_complete::bash::Bash;
use argh_complete::fish::Fish;
use argh_complete::nushell::Nushell;
use argh_complete::zsh::Zsh;

use super::visible;

const NAME: &str = "echo6";

/// What argh_complete 0.1.19 writes, and what works; a test in each shell tells when one is no longer
/// needed.
type Corrections = [(&'static str, &'static str)];

/// The function would leave its variable `cmd` in the user's shell, and take an address such as
/// `[::]:7000` for a pattern of file names.
const BASH: &Corrections = &[
    ("local i cur prev opts cmds\n", "local i cmd cur prev opts cmds\n"),
    ("for i in ${COMP_WORDS[@]}; do", "for i in \"${COMP_WORDS[@]}\"; do"),
];

/// Without a place for what is no option, no option is offered behind the first ADDRESS. The shell's
/// own completion of host names is a good part of one.
const ZSH: &Corrections =
    &[("\n        && return 0\n", "\n        '*:address:_hosts' && return 0\n")];

/// `-x` is unknown before fish 4. Ours nest one deep: an ADDRESS behind the subcommand is no
/// subcommand of that.
const FISH: &Corrections = &[
    ("(commandline -xpc)", "(commandline -opc)"),
    ("set -a cleaned_cmd $arg\n", "set -q cleaned_cmd[1]; or set cleaned_cmd $arg\n"),
];

pub(super) fn bash(program: &CommandInfoWithArgs) -> String {
    script::<Bash>(program, BASH)
}

pub(super) fn zsh(program: &CommandInfoWithArgs) -> String {
    script::<Zsh>(program, ZSH)
}

pub(super) fn fish(program: &CommandInfoWithArgs) -> String {
    script::<Fish>(program, FISH)
}

/// In a module of its own, because `use` refuses a command that is called as its file.
pub(super) fn nushell(program: &CommandInfoWithArgs) -> String {
    let script = script::<Nushell>(program, &[]);
    format!("module completions {{\n{script}}}\nexport use completions *\n")
}

/// The script for the flags that help shows, each with a description that fits beside it.
fn script<G: Generator>(program: &CommandInfoWithArgs, corrections: &Corrections) -> String {
    let commands = program.commands.iter();
    let commands = commands
        .map(|subcommand| SubCommandInfo {
            name: subcommand.name,
            command: with_brief_flags(&subcommand.command),
        })
        .collect();
    let script = G::generate(NAME, &CommandInfoWithArgs { commands, ..with_brief_flags(program) });
    corrections.iter().fold(script, |script, (from, to)| script.replace(from, to))
}

fn with_brief_flags(command: &CommandInfoWithArgs) -> CommandInfoWithArgs {
    let flags: Vec<_> = visible(command)
        .into_iter()
        .map(|flag| FlagInfo { description: brief(flag.description), ..flag })
        .collect();
    // The table is made for static strings; and the program ends when the script is written.
    CommandInfoWithArgs { flags: flags.leak(), ..command.clone() }
}

/// A description up to its first clause.
fn brief(description: &str) -> &str {
    let condition = if description.starts_with(WITH_UDP) { WITH_UDP.len() } else { 0 };
    let clause = &description[condition..];
    let end = [";", ":", " ("].iter().filter_map(|mark| clause.find(mark)).min();
    &description[..condition + end.unwrap_or(clause.len())]
}

/// Says when an option counts, and not yet what it does.
const WITH_UDP: &str = "with -u: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_ends_with_the_clause_that_says_what_the_option_does() {
        for (description, expected) in [
            ("number of probes; without it ping runs until Ctrl-C", "number of probes"),
            ("print the time (UTC) in front of each line", "print the time"),
            ("with -u: serve UDP alone; see also -u", "with -u: serve UDP alone"),
            ("IPv4 only", "IPv4 only"),
        ] {
            assert_eq!(brief(description), expected);
        }
    }
}
