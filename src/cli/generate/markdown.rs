//! The part of Markdown that README is written in, for the man page to say the same.

use roff::{Inline, Roff, bold, roman};

/// The text between a heading of README, `## JSON` say, and the next one of its rank or above.
pub(super) fn section<'t>(text: &'t str, heading: &str) -> Option<&'t str> {
    let rank = heading.bytes().take_while(|byte| *byte == b'#').count();
    let start = text.find(&format!("\n{heading}\n"))? + heading.len() + 2;
    let ends =
        (1..=rank).filter_map(|rank| text[start..].find(&format!("\n{} ", "#".repeat(rank))));
    Some(&text[start..ends.min().map_or(text.len(), |end| start + end)])
}

/// Appends paragraphs as paragraphs, and each row of a table as its first cell with the others
/// below it. What is between fences is left out.
pub(super) fn append(page: &mut Roff, text: &str) {
    let mut fenced = false;
    for block in text.split("\n\n") {
        let block = block.trim();
        let fences = block.matches("```").count();
        let within = fenced || fences > 0;
        fenced ^= fences % 2 == 1;
        if within || block.is_empty() {
            continue;
        }
        if block.starts_with('|') {
            // The first two lines are the heads of the columns and a rule.
            block.lines().skip(2).for_each(|row| append_row(page, row));
        } else if let Some(heading) = block.strip_prefix("### ") {
            page.control("SS", [heading]);
        } else {
            page.control("PP", []).text(inline(&block.replace('\n', " ")));
        }
    }
}

fn append_row(page: &mut Roff, row: &str) {
    let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
    let Some(first) = cells.next() else { return };
    page.control("TP", []).text(inline(first));
    let rest: Vec<&str> = cells.filter(|cell| !cell.trim_matches('|').is_empty()).collect();
    let rest = if rest.is_empty() { "No fields.".to_owned() } else { rest.join(": ") };
    page.text(inline(&rest));
}

/// Code becomes bold, a link its text, and the rest is as it stands.
pub(super) fn inline(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(at, part)| if at % 2 == 1 { bold(part) } else { roman(unlinked(part)) })
        .collect()
}

/// `[text](target)` becomes `text`, and `**` is left out.
fn unlinked(text: &str) -> String {
    let link = |text: &str| {
        let (words, behind) = text.split_once("](")?;
        let (_, after) = behind.split_once(')')?;
        Some((words.to_owned(), after.to_owned()))
    };
    let plain = match text.split_once('[') {
        Some((before, rest)) => match link(rest) {
            Some((words, after)) => format!("{before}{words}{}", unlinked(&after)),
            None => format!("{before}[{}", unlinked(rest)),
        },
        None => text.to_owned(),
    };
    plain.replace("**", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_at_the_next_heading_of_its_rank() {
        let text = "# echo6\n\n## A\n\none\n\n### a\n\ntwo\n\n## B\n\nthree\n";
        assert_eq!(section(text, "## A"), Some("\none\n\n### a\n\ntwo\n"));
        assert_eq!(section(text, "## B"), Some("\nthree\n"));
        assert_eq!(section(text, "## C"), None);
    }

    #[test]
    fn paragraphs_and_rows_become_those_of_a_man_page() {
        let mut page = Roff::new();
        append(
            &mut page,
            "See [the README](README.md), `-q`.\n\n```sh\nleft\n\nout\n```\n\n\
             | event | fields |\n|---|---|\n| `closed` | `peer`, `reason` |\n| `resumed` | |\n",
        );
        assert_eq!(
            page.to_roff(),
            ".PP\nSee the README, \\fB\\-q\\fR.\n.TP\n\\fBclosed\\fR\n\\fBpeer\\fR, \\fBreason\\fR\n\
             .TP\n\\fBresumed\\fR\nNo fields.\n"
        );
    }
}
