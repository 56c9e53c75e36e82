//! The table of arguments in, help for 80 columns out.

use std::fmt::Write as _;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo};

use super::generate::visible;
use super::text::wrap_behind;

/// Columns of a terminal that nobody made wider or narrower.
const COLUMNS: usize = 80;

/// Where descriptions begin: behind the options that most commands have.
const DESCRIPTION: usize = 24;

/// The help of one command of a program, or of the whole program.
pub(crate) fn text(program: &CommandInfoWithArgs, command: Option<&str>) -> String {
    let command = command.and_then(|name| {
        program.commands.iter().map(|command| &command.command).find(|found| found.name == name)
    });
    match command {
        Some(command) => of_command(command),
        None => of_program(program),
    }
}

fn of_program(program: &CommandInfoWithArgs) -> String {
    let mut text = "Usage: echo6 COMMAND [OPTIONS] ...\n".to_owned();
    let _ = writeln!(text, "\n{}", wrap_behind("", program.description, COLUMNS));
    text += "\nOptions:\n";
    text += &options(program);
    text += "\nCommands:\n";
    for command in &program.commands {
        text += &item(command.name, command.command.description);
    }
    text += &examples(program, "echo6");
    text += "\nNotes:\n";
    for note in program.notes {
        let _ = writeln!(text, "{}", wrap_behind("  ", note, COLUMNS));
    }
    text += "\nExit status:\n";
    for code in program.error_codes {
        text += &item(&code.code.to_string(), code.description);
    }
    text
}

fn of_command(command: &CommandInfoWithArgs) -> String {
    let name = format!("echo6 {}", command.name);
    let shown = command.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help");
    let flags_in_usage = shown.map(in_usage);
    let positionals: Vec<_> = command.positionals.iter().filter(|one| !one.hidden).collect();
    let values = positionals.iter().enumerate().map(|(at, one)| value_in_usage(one, at == 0));
    let usage: Vec<String> = flags_in_usage.chain(values).collect();
    let mut text = wrap_groups(&format!("Usage: {name} "), &usage);
    let _ = writeln!(text, "\n{}", wrap_behind("", command.description, COLUMNS));
    text += "\nArguments:\n";
    positionals.iter().for_each(|one| text += &item(one.name, one.description));
    text += "\nOptions:\n";
    text += &options(command);
    text += &examples(command, &name);
    text
}

/// The options, and `--help` behind those that do something.
fn options(command: &CommandInfoWithArgs) -> String {
    let (help, others): (Vec<_>, Vec<_>) =
        visible(command).into_iter().partition(|flag| flag.long == "--help");
    let all = others.iter().chain(&help);
    all.map(|flag| item(&spelling(flag), flag.description)).collect()
}

/// `-c, --count N`.
fn spelling(flag: &FlagInfo<'_>) -> String {
    let short = flag.short.map_or_else(String::new, |short| format!("-{short}, "));
    let value = match flag.kind {
        FlagInfoKind::Switch => String::new(),
        FlagInfoKind::Option { arg_name } => format!(" {arg_name}"),
    };
    format!("{short}{}{value}", flag.long)
}

/// `[-c N]`, of an option that may be repeated with dots behind it.
fn in_usage(flag: &FlagInfo<'_>) -> String {
    let name = flag.short.map_or_else(|| flag.long.to_owned(), |short| format!("-{short}"));
    let again = if flag.optionality == Optionality::Repeating { "..." } else { "" };
    match flag.kind {
        FlagInfoKind::Switch => format!("[{name}]"),
        FlagInfoKind::Option { arg_name } => format!("[{name} {arg_name}]{again}"),
    }
}

/// How a positional argument stands in a usage line. Of those that repeat, the `first` is needed once.
fn value_in_usage(positional: &PositionalInfo<'_>, first: bool) -> String {
    let name = positional.name;
    match positional.optionality {
        Optionality::Required => name.to_owned(),
        Optionality::Optional => format!("[{name}]"),
        Optionality::Repeating | Optionality::Greedy if first => format!("{name}..."),
        Optionality::Repeating | Optionality::Greedy => format!("[{name}...]"),
    }
}

/// A name, and behind it what it is.
fn item(name: &str, description: &str) -> String {
    let mut head = format!("  {name:<width$}", width = DESCRIPTION - 2);
    let mut text = String::new();
    if head.len() > DESCRIPTION || !head.ends_with(' ') {
        text = format!("  {name}\n");
        head = " ".repeat(DESCRIPTION);
    }
    let _ = writeln!(text, "{}", wrap_behind(&head, description, COLUMNS));
    text
}

/// Groups of words that stay together, behind `head`.
fn wrap_groups(head: &str, groups: &[String]) -> String {
    // A blank that is none, so that no group is broken.
    let groups: Vec<String> = groups.iter().map(|group| group.replace(' ', "\0")).collect();
    wrap_behind(head, &groups.join(" "), COLUMNS).replace('\0', " ") + "\n"
}

fn examples(command: &CommandInfoWithArgs, name: &str) -> String {
    if command.examples.is_empty() {
        return String::new();
    }
    let examples = command.examples.iter().flat_map(|example| example.lines());
    let lines = examples.map(|line| format!("  {}\n", line.replace("{command_name}", name)));
    format!("\nExamples:\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_has_a_line_of_its_own() {
        let name = "x".repeat(DESCRIPTION - 3);
        assert_eq!(item(&name, "a b"), format!("  {name} a b\n"));
        let longer = format!("{name}x");
        assert_eq!(item(&longer, "a b"), format!("  {longer}\n{:DESCRIPTION$}a b\n", ""));
    }

    #[test]
    fn an_option_and_its_value_stay_together() {
        let groups: Vec<String> = ["[-s ADDRESS]"; 6].map(str::to_owned).into();
        let usage = wrap_groups("Usage: echo6 ping ", &groups);
        let four = ["[-s ADDRESS]"; 4].join(" ");
        let two = ["[-s ADDRESS]"; 2].join(" ");
        assert_eq!(usage, format!("Usage: echo6 ping {four}\n{:18}{two}\n", ""));
    }
}
