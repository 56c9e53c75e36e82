//! Words as fingers type them in, words as argh reads them out.
//!
//! argh knows `-c 10` and `--count 10`, each option once. People also type `-c10`, `-qv`,
//! `--count=10`, `-c 1 -c 2` (the last counts), `help listen` and `ping --version`, as getopt_long(3)
//! and git(1) have taught them. All of it is read here, by the options that the commands declare, and
//! what no command declares is refused here, with the nearest that one does.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

use super::failure::Failure;

mod meant;

/// What the words ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A command, in words for argh.
    Command(Vec<String>),
    /// The help of a command, or of the whole program.
    Help(Option<String>),
    /// The version.
    Version,
    /// A document for packages, by its name.
    Document(String),
}

/// Reads the words behind the name of `program`.
pub(crate) fn read(words: &[&str], program: &CommandInfoWithArgs) -> Result<Asked, Failure> {
    let Some((&first, rest)) = words.split_first() else { return Ok(Asked::Help(None)) };
    if let Some(command) = find(program, first) {
        return read_command(rest, command);
    }
    match first {
        "-h" | "--help" => Ok(Asked::Help(None)),
        "-V" | "--version" | "version" => Ok(Asked::Version),
        "--generate" => Ok(Asked::Document(rest.join(" "))),
        "help" => match rest.first() {
            None => Ok(Asked::Help(None)),
            Some(name) => match find(program, name) {
                Some(command) => Ok(Asked::Help(Some(command.name.to_owned()))),
                None => Err(unknown_command(name, program)),
            },
        },
        option if option.starts_with('-') => Err(misplaced(option, rest, program)),
        name => Err(unknown_command(name, program)),
    }
}

fn find<'a>(program: &'a CommandInfoWithArgs, name: &str) -> Option<&'a CommandInfoWithArgs> {
    program.commands.iter().map(|command| &command.command).find(|command| command.name == name)
}

/// One option of a command, and the value that is given to it.
struct Given<'a> {
    flag: &'a FlagInfo<'a>,
    value: Option<String>,
    /// Whether the value is a word of its own.
    apart: bool,
    /// How many words that belong to no option stand before it.
    before: usize,
}

fn read_command(words: &[&str], command: &CommandInfoWithArgs) -> Result<Asked, Failure> {
    let mut options: Vec<Given<'_>> = Vec::new();
    let mut values: Vec<&str> = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if word == "--" {
            values.extend(words.by_ref());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, glued) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            match name {
                "help" => return Ok(Asked::Help(Some(command.name.to_owned()))),
                "version" => return Ok(Asked::Version),
                _ => {}
            }
            let option = format!("--{name}");
            let flag = command.flags.iter().find(|flag| flag.long == option);
            let flag = flag.ok_or_else(|| unknown_option(&option, command))?;
            let value = match (&flag.kind, glued) {
                (FlagInfoKind::Switch, None) => None,
                (FlagInfoKind::Switch, Some(_)) => {
                    return Err(try_help(format!("{option} takes no value"), command));
                }
                (FlagInfoKind::Option { .. }, Some(value)) => Some(value),
                (FlagInfoKind::Option { arg_name }, None) => {
                    Some(words.next().ok_or_else(|| no_value(&option, arg_name, command))?)
                }
            };
            let (apart, before) = (glued.is_none() && value.is_some(), values.len());
            options.push(Given { flag, value: value.map(str::to_owned), apart, before });
        } else if let Some(cluster) = word.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
            if let Some(long) = command.flags.iter().find(|flag| flag.long == format!("-{word}")) {
                return Err(try_help(format!("unknown option {word}"), command)
                    .with_help(Some(format!("did you mean {}?", long.long))));
            }
            for (at, letter) in cluster.char_indices() {
                match letter {
                    'h' => return Ok(Asked::Help(Some(command.name.to_owned()))),
                    'V' => return Ok(Asked::Version),
                    _ => {}
                }
                let flag = command.flags.iter().find(|flag| flag.short == Some(letter));
                let flag = flag.ok_or_else(|| unknown_option(&format!("-{letter}"), command))?;
                let FlagInfoKind::Option { arg_name } = &flag.kind else {
                    options.push(Given { flag, value: None, apart: false, before: values.len() });
                    continue;
                };
                let glued = &cluster[at + letter.len_utf8()..];
                let glued = glued.strip_prefix('=').unwrap_or(glued);
                let value = match glued {
                    "" => words.next().ok_or_else(|| no_value(word, arg_name, command))?,
                    glued => glued,
                };
                let (apart, before) = (glued.is_empty(), values.len());
                options.push(Given { flag, value: Some(value.to_owned()), apart, before });
                break;
            }
        } else {
            values.push(word);
        }
    }
    meant::check(&options, &values, command)?;
    Ok(Asked::Command(for_argh(command, options, values)))
}

/// Options first, each once unless it may be repeated; then the values, behind `--`.
fn for_argh(
    command: &CommandInfoWithArgs,
    options: Vec<Given<'_>>,
    values: Vec<&str>,
) -> Vec<String> {
    let mut words = vec![command.name.to_owned()];
    for (index, Given { flag, value, .. }) in options.iter().enumerate() {
        let again = options[index + 1..].iter().any(|later| later.flag.long == flag.long);
        if again && flag.optionality != Optionality::Repeating {
            continue; // the last counts
        }
        words.push(flag.long.to_owned());
        words.extend(value.clone());
    }
    if !values.is_empty() {
        words.push("--".to_owned());
        words.extend(values.into_iter().map(str::to_owned));
    }
    words
}

/// An option in front of its command.
fn misplaced(option: &str, rest: &[&str], program: &CommandInfoWithArgs) -> Failure {
    let name = option.split('=').next().unwrap_or(option);
    match rest.iter().find(|word| find(program, word).is_some()) {
        Some(command) => Failure::usage(format!("{option} stands in front of the command"))
            .with_help(Some(format!("write it behind: echo6 {command} {name}"))),
        None => {
            let near = nearest(option, ["--help", "--version"].into_iter());
            let help = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
            Failure::usage(format!("unknown option {option}"))
                .with_help(Some(help + "try 'echo6 --help'"))
        }
    }
}

fn unknown_command(name: &str, program: &CommandInfoWithArgs) -> Failure {
    let names: Vec<&str> = program.commands.iter().map(|command| command.name).collect();
    let all = format!("the commands are {}", names.join(", "));
    let help = match nearest(&name.to_lowercase(), names.into_iter()) {
        Some(near) => format!("did you mean '{near}'? {all}"),
        None => all,
    };
    Failure::usage(format!("unknown command {name}")).with_help(Some(help))
}

fn unknown_option(option: &str, command: &CommandInfoWithArgs) -> Failure {
    let shown: Vec<&str> =
        command.flags.iter().filter(|flag| !flag.hidden).map(|flag| flag.long).collect();
    let near = match option {
        "-p" => Some(PORT.to_owned()),
        _ => nearest(option, [PORT].into_iter().chain(shown))
            .map(str::to_owned)
            .or_else(|| in_the_other_case(option, command)),
    };
    let help = match near.as_deref() {
        Some(PORT) if command.name == "listen" => {
            "the port belongs to the address: :7000".to_owned()
        }
        Some(PORT) => "the port belongs to the address: 127.0.0.1:7000".to_owned(),
        Some(near) => format!("did you mean {near}? try 'echo6 {} --help'", command.name),
        None => format!("try 'echo6 {} --help'", command.name),
    };
    Failure::usage(format!("unknown option {option}")).with_help(Some(help))
}

/// What other programs have and no command has here.
const PORT: &str = "--port";

/// A letter that is an option, for one that is not: `-w` for ping's `-W`.
fn in_the_other_case(option: &str, command: &CommandInfoWithArgs) -> Option<String> {
    let letter = option.strip_prefix('-')?.parse::<char>().ok()?;
    let other = if letter.is_uppercase() {
        letter.to_ascii_lowercase()
    } else {
        letter.to_ascii_uppercase()
    };
    let flag = command.flags.iter().find(|flag| flag.short == Some(other) && !flag.hidden)?;
    Some(format!("-{other} ({})", flag.long))
}

fn no_value(option: &str, arg_name: &str, command: &CommandInfoWithArgs) -> Failure {
    try_help(format!("{option} needs a value: {option} {}", arg_name.to_uppercase()), command)
}

fn try_help(message: String, command: &CommandInfoWithArgs) -> Failure {
    Failure::usage(message).with_help(Some(format!("try 'echo6 {} --help'", command.name)))
}

/// The nearest of `names` to what was typed: one that begins with it, or that a few changes make of
/// it, fewer than half of its letters.
fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let letters = typed.trim_start_matches('-').chars().count();
    let begins = names.clone().find(|name| letters > 1 && name.starts_with(typed));
    let changes = |name: &&str| strsim::osa_distance(typed, name);
    let near = names.min_by_key(changes).filter(|name| 2 * changes(name) <= letters);
    begins.or(near)
}

#[cfg(test)]
mod tests {
    use argh::{ArgsInfo, FromArgs};

    use super::*;

    /// a program, declared and never run
    #[derive(FromArgs, ArgsInfo)]
    struct Program {
        #[argh(subcommand)]
        _command: Command,
    }

    #[derive(FromArgs, ArgsInfo)]
    #[argh(subcommand)]
    #[allow(dead_code)] // declared, never parsed
    enum Command {
        Ping(Ping),
        Send(Send),
    }

    /// ping
    #[derive(FromArgs, ArgsInfo)]
    #[argh(subcommand, name = "ping")]
    struct Ping {
        /// quiet
        #[argh(switch, short = 'q')]
        _quiet: bool,

        /// verbose
        #[argh(switch, short = 'v')]
        _verbose: bool,

        /// count
        #[argh(option, short = 'c', long = "count", arg_name = "N")]
        _count: Option<u64>,

        /// fault
        #[argh(option, long = "fault", arg_name = "F")]
        _fault: Vec<String>,

        /// parallel
        #[argh(option, long = "parallel", arg_name = "N")]
        _parallel: Option<u64>,

        /// address
        #[argh(positional)]
        _addresses: Vec<String>,
    }

    /// send
    #[derive(FromArgs, ArgsInfo)]
    #[argh(subcommand, name = "send")]
    struct Send {}

    fn asked(words: &[&str]) -> Result<Asked, String> {
        read(words, &Program::get_args_info()).map_err(|failure| failure.words(false))
    }

    fn command(words: &[&str]) -> String {
        match asked(words) {
            Ok(Asked::Command(words)) => words.join(" "),
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn words_are_read_as_getopt_long_reads_them() {
        for (words, read) in [
            (&["ping", "-c10", "A"][..], "ping --count 10 -- A"),
            (&["ping", "-c", "10", "A"], "ping --count 10 -- A"),
            (&["ping", "-c=10", "A"], "ping --count 10 -- A"),
            (&["ping", "--count=10", "A"], "ping --count 10 -- A"),
            (&["ping", "--count", "10", "A"], "ping --count 10 -- A"),
            (&["ping", "-qv", "A"], "ping --quiet --verbose -- A"),
            (&["ping", "-qc1", "A"], "ping --quiet --count 1 -- A"),
            (&["ping", "-qc", "1", "A"], "ping --quiet --count 1 -- A"),
            (&["ping", "A", "-c", "1", "-c", "2"], "ping --count 2 -- A"),
            (&["ping", "-q", "-q", "A"], "ping --quiet -- A"),
            (&["ping", "--fault=drop", "--fault", "flip"], "ping --fault drop --fault flip"),
            (&["ping", "A", "--", "-c", "--x=1", "-"], "ping -- A -c --x=1 -"),
            (&["ping", "-c", "-1"], "ping --count -1"),
            (&["ping", "-c", "--"], "ping --count --"),
            (&["ping", "-"], "ping -- -"),
            (&["ping", ""], "ping -- "),
        ] {
            assert_eq!(command(words), read, "{words:?}");
        }
    }

    #[test]
    fn help_and_the_version_are_asked_for_anywhere() {
        let ping = || Ok(Asked::Help(Some("ping".to_owned())));
        for (words, expected) in [
            (&[][..], Ok(Asked::Help(None))),
            (&["help"], Ok(Asked::Help(None))),
            (&["-h"], Ok(Asked::Help(None))),
            (&["help", "ping"], ping()),
            (&["ping", "--help"], ping()),
            (&["ping", "-qh"], ping()),
            (&["ping", "A", "-h"], ping()),
            (&["--version"], Ok(Asked::Version)),
            (&["ping", "--version"], Ok(Asked::Version)),
            (&["ping", "-V"], Ok(Asked::Version)),
            (&["--generate", "man"], Ok(Asked::Document("man".to_owned()))),
        ] {
            assert_eq!(asked(words), expected, "{words:?}");
        }
    }

    #[test]
    fn every_refusal_ends_with_something_to_do() {
        for (words, error, help) in [
            (
                &["pnig"][..],
                "unknown command pnig",
                "did you mean 'ping'? the commands are ping, send",
            ),
            (&["PING"], "unknown command PING", "did you mean 'ping'?"),
            (&["xyzzy"], "unknown command xyzzy", "the commands are ping, send"),
            (&["help", "snd"], "unknown command snd", "did you mean 'send'?"),
            (&["--quiet", "ping"], "--quiet stands in front of the command", "echo6 ping --quiet"),
            (&["--what"], "unknown option --what", "try 'echo6 --help'"),
            (&["ping", "--prot", "7"], "unknown option --prot", "the port belongs to the address"),
            (&["ping", "-C", "7"], "unknown option -C", "did you mean -c (--count)?"),
            (&["ping", "--paralel", "7"], "unknown option --paralel", "did you mean --parallel?"),
            (&["ping", "--par", "7"], "unknown option --par", "did you mean --parallel?"),
            (&["ping", "--count"], "--count needs a value: --count N", "try 'echo6 ping --help'"),
            (&["ping", "-c"], "-c needs a value: -c N", "try 'echo6 ping --help'"),
            (&["ping", "--quiet=1"], "--quiet takes no value", "try 'echo6 ping --help'"),
            (&["ping", "-p", "7000"], "unknown option -p", "the port belongs to the address"),
            (&["ping", "-qx"], "unknown option -x", "try 'echo6 ping --help'"),
            (&["ping", "-count", "3"], "unknown option -count", "did you mean --count?"),
            (&["--verison"], "unknown option --verison", "did you mean --version?"),
        ] {
            let words_of_failure = asked(words).unwrap_err();
            let (first, rest) = words_of_failure.split_once('\n').unwrap();
            assert_eq!(first, format!("error: {error}"), "{words:?}");
            assert!(rest.starts_with("help: ") && rest.contains(help), "{words:?}: {rest}");
        }
    }
}
