//! The man page: what help says of each command, and README's schema of the JSON lines.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo};
use roff::{Inline, Roff, bold, italic, line_break, roman};

use super::{markdown, visible};

/// What both the man page and the repository's first page say has one text.
const README: &str = include_str!("../../../README.md");

pub(super) fn page(program: &CommandInfoWithArgs) -> String {
    let mut page = Roff::new();
    let release = concat!("echo6 ", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["ECHO6", "1", &date(), release, "User Commands"]);
    // Options and addresses are not to be hyphenated, nor their spaces stretched.
    page.control("nh", []).control("ad", ["l"]);
    name(&mut page, program);
    synopsis(&mut page, program);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(sentence(program.description))]);
    program.notes.iter().for_each(|note| paragraph(&mut page, note));
    page.control("SH", ["OPTIONS"]);
    page.text([roman("Every command also has --help.")]);
    options(&mut page, &visible(program));
    for subcommand in &program.commands {
        command(&mut page, &subcommand.command);
    }
    page.control("SH", ["JSON"]);
    markdown::append(&mut page, markdown::section(README, "## JSON").unwrap_or_default());
    page.control("SH", ["EXIT STATUS"]);
    for code in program.error_codes {
        page.control("TP", []).text([bold(code.code.to_string())]);
        page.text([roman(sentence(code.description))]);
    }
    page.control("SH", ["EXAMPLES"]);
    examples(&mut page, program.examples, "echo6");
    page.control("SH", ["SEE ALSO"]);
    page.text([
        bold("ping"),
        roman("(8), "),
        bold("ss"),
        roman("(8), "),
        bold("tcp"),
        roman("(7), "),
        bold("ipv6"),
        roman("(7), RFC 862"),
    ]);
    tidy(&page.render())
}

fn name(page: &mut Roff, program: &CommandInfoWithArgs) {
    let purpose = program.description.split(':').next().unwrap_or_default();
    page.control("SH", ["NAME"]);
    page.text([roman("echo6 - "), roman(purpose)]);
}

fn synopsis(page: &mut Roff, program: &CommandInfoWithArgs) {
    page.control("SH", ["SYNOPSIS"]);
    for (at, subcommand) in program.commands.iter().enumerate() {
        let mut line = Vec::new();
        if at > 0 {
            line.push(line_break());
        }
        line.extend([bold(format!("echo6 {}", subcommand.name)), roman(" [OPTIONS]")]);
        for (at, positional) in subcommand.command.positionals.iter().enumerate() {
            line.extend(usage(positional, at == 0));
        }
        page.text(line);
    }
}

/// How a positional argument stands in a synopsis. Of those that repeat, the `first` is needed once.
fn usage(positional: &PositionalInfo<'_>, first: bool) -> Vec<Inline> {
    let name = italic(positional.name);
    match positional.optionality {
        Optionality::Required => vec![roman(" "), name],
        Optionality::Optional => vec![roman(" ["), name, roman("]")],
        Optionality::Repeating | Optionality::Greedy if first => {
            vec![roman(" "), name, roman("...")]
        }
        Optionality::Repeating | Optionality::Greedy => vec![roman(" ["), name, roman("...]")],
    }
}

fn command(page: &mut Roff, command: &CommandInfoWithArgs) {
    page.control("SH", [&format!("echo6 {}", command.name).to_uppercase()[..]]);
    page.text([roman(sentence(command.description))]);
    for positional in command.positionals.iter().filter(|positional| !positional.hidden) {
        page.control("TP", []).text([italic(positional.name)]);
        page.text([roman(sentence(positional.description))]);
    }
    let flags: Vec<_> = visible(command).into_iter().filter(|flag| flag.long != "--help").collect();
    options(page, &flags);
    command.notes.iter().for_each(|note| paragraph(page, note));
    examples(page, command.examples, &format!("echo6 {}", command.name));
}

fn options(page: &mut Roff, flags: &[FlagInfo<'_>]) {
    for flag in flags {
        page.control("TP", []).text(spelling(flag));
        page.text([roman(sentence(flag.description))]);
    }
}

/// `-m, --max-conns N`.
fn spelling(flag: &FlagInfo<'_>) -> Vec<Inline> {
    let mut words = Vec::new();
    if let Some(short) = flag.short {
        words.extend([bold(format!("-{short}")), roman(", ")]);
    }
    words.push(bold(flag.long));
    if let FlagInfoKind::Option { arg_name } = flag.kind {
        words.extend([roman(" "), italic(arg_name)]);
    }
    words
}

/// Each example is a sentence with a colon, and commands on lines of their own.
fn examples(page: &mut Roff, examples: &[&str], name: &str) {
    for example in examples {
        let mut lines = example.lines();
        page.control("PP", []).text([roman(lines.next().unwrap_or_default())]);
        page.control("PP", []).control("RS", ["4"]).control("nf", []);
        for line in lines {
            page.text([roman(line.replace("{command_name}", name))]);
        }
        page.control("fi", []).control("RE", []);
    }
}

/// Makes a page that its checkers are silent about: breaks text at spaces into lines of at most 80
/// bytes, but for lines that are shown as they stand, between `.nf` and `.fi`; and begins no paragraph
/// where a section has just begun one.
fn tidy(page: &str) -> String {
    let mut tidied = String::new();
    let mut filled = true;
    let mut before = "";
    for line in page.lines() {
        let begun = before.starts_with(".SH") || before.starts_with(".SS");
        before = line;
        if begun && line == ".PP" {
            continue;
        }
        filled = (filled || line == ".fi") && line != ".nf";
        let mut rest = line;
        while filled && rest.len() > WIDTH && !line.starts_with('.') {
            // A line that began with a point would be a command.
            let spaces = rest.match_indices(' ').map(|(at, _)| at);
            let good = spaces.filter(|at| *at > 0 && !rest[at + 1..].starts_with(['.', '\'']));
            let (near, far): (Vec<_>, Vec<_>) = good.partition(|at| *at <= WIDTH);
            let Some(&at) = near.last().or_else(|| far.first()) else { break };
            tidied += &rest[..at];
            tidied.push('\n');
            rest = &rest[at + 1..];
        }
        tidied += rest;
        tidied.push('\n');
    }
    tidied
}

/// How long a line of the page's source may be.
const WIDTH: usize = 80;

fn paragraph(page: &mut Roff, text: &str) {
    page.control("PP", []).text([roman(sentence(&text.replace('\n', " ")))]);
}

/// A phrase of help as a sentence: a capital, unless it is a name, and a full stop.
fn sentence(phrase: &str) -> String {
    let phrase = phrase.trim();
    let end = if phrase.ends_with(['.', '?', ':']) { "" } else { "." };
    let mut chars = phrase.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{end}", chars.as_str())
}

/// The day of the page: that of the source when a package is built reproducibly, else today.
fn date() -> String {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    let time = seconds.map_or_else(SystemTime::now, |seconds| {
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
    });
    humantime::format_rfc3339_seconds(time).to_string().chars().take("2000-01-01".len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_of_help_becomes_a_sentence() {
        assert_eq!(sentence("print the version"), "Print the version.");
        assert_eq!(sentence("do bytes come back?"), "Do bytes come back?");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn long_lines_break_at_spaces_that_begin_no_command() {
        let word = "a".repeat(39);
        let shown = format!(".nf\n{word} {word} {word}\n.fi\n");
        assert_eq!(tidy(&shown), shown);
        assert_eq!(tidy(&format!("{word} {word} {word}\n")), format!("{word} {word}\n{word}\n"));
        assert_eq!(tidy(&format!("{word} {word} .x\n")), format!("{word}\n{word} .x\n"));
        assert_eq!(tidy(".SH A\n.PP\nb\n.PP\nc\n"), ".SH A\nb\n.PP\nc\n");
        assert_eq!(tidy(&format!("{word}{word}{word} b")), format!("{word}{word}{word}\nb\n"));
    }
}
