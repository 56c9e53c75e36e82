//! Durations, sizes and the other values of the command line, against what a plain reading gives.
#![no_main]
#![allow(dead_code)] // the binary uses more of its files

#[path = "../../../src/cli/failure.rs"]
mod failure;
#[path = "../../../src/cli/hints.rs"]
mod hints;
#[path = "../../../src/cli/text.rs"]
mod text;
#[path = "../../../src/cli/values.rs"]
mod values;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|word: &str| {
    durations(word);
    sizes(word);
    if let Ok(rate) = values::parse_rate(word) {
        assert_eq!(word.strip_suffix("/s").unwrap_or(word).parse(), Ok(rate));
    }
    if let Ok(count) = values::parse_count(word) {
        assert!(count > 0 && word.parse() == Ok(count));
    }
    if let Ok(size) = values::parse_datagram_size(word) {
        assert!((1..=65_527).contains(&size));
    }
    let _ = values::parse_tos(word);
    let _ = values::parse_flows(word);
    let _ = values::parse_limit(word);
    if let Ok(buffer) = values::parse_buffer(word) {
        assert!(0 < buffer && buffer <= i32::MAX as usize);
    }
    if let Ok(source) = values::parse_source(word) {
        assert_eq!(word.parse(), Ok(source));
    }
    let _ = values::parse_proxy_header(word);
    addresses(word);
});

fn durations(word: &str) {
    let Ok(duration) = values::parse_duration(word) else {
        let plain = word.parse::<u32>().is_ok();
        assert!(!plain, "seconds are refused");
        return;
    };
    if let Ok(seconds) = word.parse::<u32>() {
        assert_eq!(duration, Duration::from_secs(seconds.into()));
    }
    let printed = humantime::format_duration(duration).to_string();
    assert_eq!(values::parse_duration(&printed), Ok(duration), "{printed}");
    assert_eq!(values::parse_timeout(word).is_ok(), !duration.is_zero());
    if let Ok(head_start) = values::parse_head_start(word) {
        assert!((10..=2000).contains(&head_start.as_millis()));
    }
}

fn sizes(word: &str) {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    let factor: u128 = match word[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => 0,
    };
    let plain = digits.parse::<u128>().ok().and_then(|number| number.checked_mul(factor));
    let plain = plain.filter(|_| factor > 0).and_then(|size| u64::try_from(size).ok());
    // std takes a plus sign in front of a number.
    if !word.starts_with('+') {
        assert_eq!(values::parse_size(word).ok(), plain, "{word:?}");
    }
}

fn addresses(words: &str) {
    for item in values::listed(words) {
        assert!(!item.is_empty() && !item.contains([',', ' ', '\n', '\u{feff}']));
    }
    let words: Vec<String> = words.split('\0').map(str::to_owned).collect();
    match values::endpoints("send", &words, None) {
        Ok(endpoints) => assert!(!endpoints.is_empty()),
        Err(failure) => {
            let words = failure.words(false);
            assert!(words.lines().count() <= 4);
            assert!(!words.contains(|c: char| c.is_control() && c != '\n'), "{words:?}");
            serde_json::to_string(failure.object()).expect("it has an object");
        }
    }
}
