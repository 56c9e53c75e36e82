//! Options with their values, and the other words of a command line in, what was forgotten or written
//! apart out: an option without its value takes the next word for it.

use argh::{CommandInfoWithArgs, FlagInfoKind};
use echo6::address::{Endpoint, prefix_list};

use super::{Given, no_value};
use crate::cli::failure::Failure;
use crate::cli::values::listed;

/// Refuses a command line in which an option has taken the next option or the ADDRESS for its value,
/// or of several prefixes only the first.
pub(super) fn check(
    options: &[Given<'_>],
    values: &[&str],
    command: &CommandInfoWithArgs,
) -> Result<(), Failure> {
    if command.positionals.first().is_none_or(|positional| positional.name != "ADDRESS") {
        return Ok(());
    }
    let has_address = values.iter().any(|value| is_address(value));
    let merges = options.iter().any(|given| given.flag.long == "--merge");
    let takes_files_alone = merges || command.name == "listen"; // which may have its sockets from systemd
    for (index, given) in options.iter().enumerate() {
        let FlagInfoKind::Option { arg_name } = given.flag.kind else { continue };
        let Some(value) = &given.value else { continue };
        let long = given.flag.long;
        if given.apart && is_option(value, command) {
            return Err(no_value(long, arg_name, command).with_help(Some(format!(
                "{value} is an option: write {long} {arg_name} {value}"
            ))));
        }
        let may_be_named_so = match arg_name {
            "FILE" => takes_files_alone,
            "ADDRESS" => true, // the source, whose own words say that it has no port
            _ => false,
        };
        if given.apart && !has_address && !may_be_named_so && is_address(value) {
            return Err(swallowed(long, arg_name, value));
        }
        if arg_name == "PREFIX" {
            let end = options.get(index + 1).map_or(values.len(), |next| next.before);
            let behind = values[given.before..end].iter().map(|word| word.trim_matches(','));
            let more: Vec<&str> = behind.take_while(|word| is_prefix(word, has_address)).collect();
            if let Some(first) = more.first() {
                let all = [&[value.trim_matches(',')], &more[..]].concat().join(",");
                let help = format!("several prefixes have commas between them: {long} {all}");
                return Err(Failure::usage(format!("{first} is a prefix, not an ADDRESS"))
                    .with_help(Some(help)));
            }
        }
    }
    Ok(())
}

fn swallowed(long: &str, arg_name: &str, address: &str) -> Failure {
    let example = match arg_name {
        "PREFIX" => format!(", such as {long} loopback {address} or {long} any {address}"),
        _ => String::new(),
    };
    Failure::usage(format!("{long} needs a value: {address} is the ADDRESS"))
        .with_help(Some(format!("write {long} {arg_name} {address}{example}")))
}

fn is_option(word: &str, command: &CommandInfoWithArgs) -> bool {
    let mut flags = command.flags.iter();
    flags.any(|flag| {
        word == flag.long || flag.short.is_some_and(|short| word == format!("-{short}"))
    })
}

/// Says whether a word is one or more of HOST:PORT.
fn is_address(word: &str) -> bool {
    let mut texts = listed(word).peekable();
    texts.peek().is_some() && texts.all(|text| text.parse::<Endpoint>().is_ok())
}

/// Says whether a word is a prefix. Without a length it may also be a host whose port is missing, unless
/// there is another ADDRESS.
fn is_prefix(word: &str, has_address: bool) -> bool {
    let is_plain = has_address && !word.contains(':');
    (word.contains('/') || is_plain) && !is_address(word) && prefix_list(word).is_ok()
}

#[cfg(test)]
mod tests {
    use argh::{ArgsInfo, FromArgs};

    use super::super::read;

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
        Listen(Listen),
        Bench(Bench),
        Text(Text),
    }

    /// listen
    #[derive(FromArgs, ArgsInfo)]
    #[argh(subcommand, name = "listen")]
    struct Listen {
        /// quiet
        #[argh(switch, short = 'q')]
        _quiet: bool,

        /// allow
        #[argh(option, long = "allow", arg_name = "PREFIX")]
        _allow: Vec<String>,

        /// file
        #[argh(option, long = "allow-file", arg_name = "FILE")]
        _file: Vec<String>,

        /// address
        #[argh(positional, arg_name = "ADDRESS")]
        _addresses: Vec<String>,
    }

    /// bench
    #[derive(FromArgs, ArgsInfo)]
    #[argh(subcommand, name = "bench")]
    struct Bench {
        /// source
        #[argh(option, long = "source", short = 's', arg_name = "ADDRESS")]
        _source: Option<String>,

        /// wait
        #[argh(option, long = "timeout", short = 'w', arg_name = "D")]
        _timeout: Option<String>,

        /// save
        #[argh(option, long = "save", arg_name = "FILE")]
        _save: Option<String>,

        /// merge
        #[argh(option, long = "merge", arg_name = "FILE")]
        _merge: Vec<String>,

        /// address
        #[argh(positional, arg_name = "ADDRESS")]
        _addresses: Vec<String>,
    }

    /// text
    #[derive(FromArgs, ArgsInfo)]
    #[argh(subcommand, name = "text")]
    struct Text {
        /// file
        #[argh(option, long = "file", arg_name = "FILE")]
        _file: Option<String>,

        /// text
        #[argh(positional, arg_name = "TEXT")]
        _texts: Vec<String>,
    }

    #[test]
    fn a_word_that_an_option_has_taken_is_told() {
        let several = "help: several prefixes have commas between them: --allow ";
        for (line, error, help) in [
            (
                "listen --allow :7000",
                "--allow needs a value: :7000 is the ADDRESS",
                "help: write --allow PREFIX :7000, such as --allow loopback :7000 or",
            ),
            ("listen --allow 127.0.0.1:7,:8", "--allow needs a value", "PREFIX 127.0.0.1:7,:8, "),
            (
                "listen --allow -q :7000",
                "--allow needs a value: --allow PREFIX",
                "help: -q is an option: write --allow PREFIX -q\n",
            ),
            ("listen --allow --allow-file :7", "--allow needs a value", "PREFIX --allow-file"),
            ("listen --allow any 10.0.0.0/8", "10.0.0.0/8 is a prefix, not an ADDRESS", "any,10.0"),
            (
                "listen --allow=any ::1/128 10.1.2.3/8",
                "::1/128 is a prefix",
                "--allow any,::1/128\n",
            ),
            ("listen :0 --allow 10.0.0.0/8, ::/0", "::/0 is a prefix", "--allow 10.0.0.0/8,::/0\n"),
            ("listen --allow any private shared :0", "private is a prefix", "any,private,shared\n"),
            ("listen --allow 10.0.0.1 10.0.0.2 :0", "10.0.0.2 is a prefix", "10.0.0.1,10.0.0.2\n"),
            (
                "bench -w 127.0.0.1:7",
                "--timeout needs a value: 127.0.0.1:7 is the ADDRESS",
                "help: write --timeout D 127.0.0.1:7\n",
            ),
            ("bench --timeout [::1]:7 x", "--timeout needs a value", "--timeout D '[::1]:7'\n"),
            ("bench --save name:7", "--save needs a value", "write --save FILE name:7\n"),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let failure = read(&words, &Program::get_args_info()).unwrap_err().words(false);
            assert!(failure.starts_with(&format!("error: {error}")), "{line}: {failure}");
            assert!(failure.contains(help), "{line}: {failure}");
            assert!(!error.contains("prefix, not") || failure.contains(several), "{failure}");
        }
    }

    #[test]
    fn what_may_be_meant_is_left_to_the_command() {
        for line in [
            "listen --allow any :7000",
            "listen --allow any -q :7000",
            "listen :7000 --allow any",
            "listen --allow any 127.0.0.1",   // its port is missing
            "listen --allow any ::1:7000 :0", // its brackets are
            "listen --allow any -- private",
            "listen --allow=:7000",
            "listen --allow-file a:7",
            "bench --merge a:7 --merge b:7 --hdr=c",
            "bench --merge a:7 --save c:7",
            "bench --save a:7 :7",
            "bench -s 127.0.0.1:7",
            "bench -w -1 :7",
            "text --file a:7",
        ] {
            let line = line.replace(" --hdr=c", "");
            let words: Vec<&str> = line.split(' ').collect();
            let asked = read(&words, &Program::get_args_info());
            assert!(asked.is_ok(), "{line}: {}", asked.unwrap_err().words(false));
        }
    }
}
