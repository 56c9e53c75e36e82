//! Words and numbers in, text that is fit for a terminal out.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A number of bytes in the unit in which it is not nothing: `240 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    let of = |unit: u32| bytes as f64 / f64::from(unit);
    match bytes {
        0..0x400 => count(bytes, "byte"),
        0x400..0x10_0000 => format!("{:.0} KiB", of(1 << 10)),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", of(1 << 20)),
        _ => format!("{:.1} GiB", of(1 << 30)),
    }
}

/// A number and what it counts: `1 byte`, `5 bytes`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Milliseconds with four significant digits or, below one, three decimals.
pub(crate) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        ..100.0 => format!("{millis:.3}"),
        100.0..1000.0 => format!("{millis:.1}"),
        _ => format!("{millis:.0}"),
    }
}

/// Quotes the addresses with brackets in `text`, because people copy them from there: zsh takes a
/// bare `[::1]:7000` for a pattern of file names, and refuses a command line that matches none.
pub(crate) fn for_shell(text: &str) -> String {
    let quote = |word: &str| {
        let start = word.len() - word.trim_start_matches(['"', '(']).len();
        let end = word.trim_end_matches(['"', ')', ',', ';', ':', '.']).len();
        match word.get(start..end) {
            Some(address) if address.contains('[') && !word.contains('\'') => {
                format!("{}'{address}'{}", &word[..start], &word[end..])
            }
            _ => word.to_owned(),
        }
    };
    text.split(' ').map(quote).collect::<Vec<_>>().join(" ")
}

/// Breaks a line at blanks so that it fits in `columns`, if its words do; what follows is indented.
pub(crate) fn wrap(line: &str, columns: usize) -> String {
    fill("", 2, line.split(' '), columns)
}

/// A text behind `head`, broken at blanks into lines of so many `columns` that begin below one
/// another. Line breaks in it are blanks.
pub(crate) fn wrap_behind(head: &str, text: &str, columns: usize) -> String {
    fill(head, head.width(), text.split_whitespace(), columns)
}

/// Words behind `head`, in lines of so many `columns`, of which all but the first are indented.
fn fill<'a>(
    head: &str,
    indent: usize,
    words: impl Iterator<Item = &'a str>,
    columns: usize,
) -> String {
    let mut filled = head.to_owned();
    let mut width = head.width();
    for (index, word) in words.enumerate() {
        if index > 0 && width + 1 + word.width() > columns {
            filled += "\n";
            filled += &" ".repeat(indent);
            width = indent;
        } else if index > 0 {
            filled.push(' ');
            width += 1;
        }
        filled += word;
        width += word.width();
    }
    filled
}

/// The columns of a terminal that nobody made wider or narrower.
const COLUMNS: usize = 80;

/// A line, broken if it goes to a terminal.
pub(crate) fn for_terminal(line: &str, terminal: bool) -> String {
    if terminal { wrap(line, COLUMNS) } else { line.to_owned() }
}

/// The longest line of words: more than any message of ours needs with a host name in it.
const LONGEST: usize = 800;

/// How many columns of a wrong text are shown on each side of the caret.
const CONTEXT: usize = 36;

/// Words with a text from outside in them, fit for one line of a terminal.
pub(crate) fn line(text: &str) -> String {
    fitting(text.chars(), LONGEST).concat()
}

/// The part of `input` around the byte at `position`, fit for a terminal, and the caret's column.
pub(crate) fn point_at(input: &str, position: usize) -> (String, usize) {
    let inside = (0..=position).rev().find(|&at| input.is_char_boundary(at)).unwrap_or(0);
    let (before, behind) = input.split_at(inside);
    let mut before = fitting(before.chars().rev(), CONTEXT);
    before.reverse();
    let before = before.concat();
    let column = before.width();
    (before + &fitting(behind.chars(), CONTEXT).concat(), column)
}

/// The first characters, escaped, as many as have room, and an ellipsis for the rest. A character
/// that takes no room counts as one column, because a line of those would have no end.
fn fitting(chars: impl Iterator<Item = char>, mut room: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    for c in chars {
        let piece = escape(c);
        let width = piece.width().max(1);
        if width > room {
            pieces.push("…".to_owned());
            break;
        }
        room -= width;
        pieces.push(piece);
    }
    pieces
}

/// Makes control characters visible, so that no text from outside can drive the terminal.
fn escape(c: char) -> String {
    match c.width() {
        None => c.escape_unicode().collect(),
        Some(_) if is_invisible(c) => c.escape_unicode().collect(),
        Some(_) => c.to_string(),
    }
}

/// Characters that change the direction of text or take no room, and so can hide what is there.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A whole number with commas between its thousands: `1,410,840`.
pub(crate) fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointed(input: &str, position: usize) -> String {
        let (line, column) = point_at(input, position);
        format!("{line}\n{:column$}^", "")
    }

    #[test]
    fn the_caret_stands_under_the_byte_that_is_wrong() {
        assert_eq!(pointed("2001:db8::1::2", 12), "2001:db8::1::2\n            ^");
        assert_eq!(pointed("127.0.0.1", 9), "127.0.0.1\n         ^");
        assert_eq!(pointed("", 0), "\n^");
    }

    #[test]
    fn wide_and_escaped_characters_take_the_columns_they_take() {
        assert_eq!(pointed("主x:80", 3), "主x:80\n  ^");
        assert_eq!(pointed("\u{1b}x", 1), "\\u{1b}x\n      ^");
        assert_eq!(pointed("é", 0), "é\n^");
    }

    #[test]
    fn addresses_with_brackets_are_quoted_for_the_shell() {
        for (text, quoted) in [
            ("write [::1]:7000", "write '[::1]:7000'"),
            (
                "write 'a,[::1]:7' or [::1]:7, [::2]:7.",
                "write 'a,[::1]:7' or '[::1]:7', '[::2]:7'.",
            ),
            (
                "start one with \"echo6 listen [::1]:7\"",
                "start one with \"echo6 listen '[::1]:7'\"",
            ),
            ("write 127.0.0.1:7000", "write 127.0.0.1:7000"),
            ("", ""),
        ] {
            assert_eq!(for_shell(text), quoted);
        }
    }

    #[test]
    fn no_number_of_bytes_is_rounded_to_nothing() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (250_000, "244 KiB"),
            (1 << 20, "1.0 MiB"),
            (3_000_000_000, "2.8 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn lines_break_at_blanks() {
        for (line, wrapped) in [
            ("one two three", "one two\n  three"),
            ("one two", "one two"),
            ("onetwothreefour five", "onetwothreefour\n  five"),
            ("a [fd91:2::1234:5678]:7", "a\n  [fd91:2::1234:5678]:7"),
            ("", ""),
        ] {
            assert_eq!(wrap(line, 10), wrapped);
        }
    }

    #[test]
    fn words_behind_a_head_stand_below_one_another() {
        for (text, wrapped) in [
            ("one two three", "-x  one\n    two\n    three"),
            ("a b c d", "-x  a b c\n    d"),
            ("a\n b", "-x  a b"),
            ("", "-x  "),
        ] {
            assert_eq!(wrap_behind("-x  ", text, 10), wrapped);
        }
    }

    #[test]
    fn a_long_text_is_cut_around_the_caret() {
        let text = format!("{}x{}", "1".repeat(100), "2".repeat(100));
        let shown = pointed(&text, 100);
        let (line, caret) = shown.split_once('\n').unwrap();
        assert_eq!(line, format!("…{}x{}…", "1".repeat(36), "2".repeat(35)));
        assert_eq!(caret.len(), 38);
    }

    #[test]
    fn no_text_of_any_length_makes_a_long_line() {
        for unit in ["1", "主", "\u{301}", "\u{1b}", "\u{202e}"] {
            let text = unit.repeat((1 << 20) / unit.len());
            for position in [0, text.len() / 2, text.len()] {
                let (line, column) = point_at(&text, position);
                assert!(line.chars().count() <= 2 * CONTEXT + 2 && column <= CONTEXT + 1);
            }
            assert!(line(&text).chars().count() <= LONGEST + 1);
        }
    }

    #[test]
    fn what_could_drive_or_deceive_a_terminal_is_escaped() {
        assert_eq!(line("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\u{d}\\u{a}");
        assert_eq!(line("\u{9b}\u{202e}\u{feff}\u{61c}"), "\\u{9b}\\u{202e}\\u{feff}\\u{61c}");
        assert_eq!(line("é主e\u{301}"), "é主e\u{301}");
        for invisible in "\u{115f}\u{1160}\u{3164}\u{ffa0}\u{17b4}\u{180b}\u{180f}\u{fe00}".chars()
        {
            let escaped: String = invisible.escape_unicode().collect();
            assert_eq!(line(&invisible.to_string()), escaped);
        }
    }
}
