//! No text from outside drives the terminal: no control character leaves, no line grows without end,
//! and the caret stands within what is shown.
#![no_main]
#![allow(dead_code)] // the binary uses more of its files

#[path = "../../../src/cli/text.rs"]
mod text;

use libfuzzer_sys::fuzz_target;
use unicode_width::UnicodeWidthStr;

fuzz_target!(|data: (u16, &str)| {
    let (position, input) = data;
    let line = text::line(input);
    is_fit(&line);
    assert!(line.width() <= 801);
    let quoted = text::for_shell(input);
    assert_eq!(quoted.replace('\'', ""), input.replace('\'', ""), "it adds quotes alone");
    is_fit(&text::line(&quoted));

    let (shown, column) = text::point_at(input, usize::from(position).min(input.len()));
    is_fit(&shown);
    assert!(shown.width() <= 74 && column <= 37 && column <= shown.width());
    if position == 0 {
        assert_eq!(column, 0);
    }
});

/// What ECMA-48 controls and what the Unicode Standard marks as changing the direction of text.
fn is_fit(line: &str) {
    for c in line.chars() {
        let turns = matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!c.is_control() && !turns, "{line:?}");
    }
}
