//! Lists of prefixes in, as people keep them: after commas or line by line, by prefix or by word.

use super::Prefix;
use crate::address::error::{AddressError, AddressErrorKind as Kind, Fault, Subject};
use crate::address::registry::{WORDS, named};

/// Reads prefixes with commas between them. A word stands for its blocks of both families: `any`,
/// `loopback`, `private`, `link-local`, `shared`, `documentation`, `benchmarking` or `multicast`,
/// after the registry that [`Block`](crate::address::Block) speaks of.
///
/// # Errors
///
/// For the first item that is neither.
///
/// # Examples
///
/// ```
/// use echo6::address::prefix_list;
///
/// let prefixes = prefix_list("192.0.2.0/24, loopback")?;
/// let words: Vec<_> = prefixes.iter().map(ToString::to_string).collect();
/// assert_eq!(words, ["192.0.2.0/24", "127.0.0.0/8", "::1/128"]);
/// # Ok::<(), echo6::address::AddressError>(())
/// ```
pub fn prefix_list(text: &str) -> Result<Vec<Prefix>, AddressError> {
    let mut prefixes = Vec::new();
    for item in text.split(',') {
        read(item.trim(), &mut prefixes)?;
    }
    Ok(prefixes)
}

/// Reads a file of prefixes and words: commas, blanks and ends of lines separate them, and `#`
/// begins a comment.
///
/// # Errors
///
/// For the first item that is neither, with the number of its line.
pub fn prefix_lines(text: &str) -> Result<Vec<Prefix>, PrefixListError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text); // a byte order mark
    let mut prefixes = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or(line);
        for item in line.split([',', ' ', '\t', '\r']).filter(|item| !item.is_empty()) {
            read(item, &mut prefixes)
                .map_err(|source| PrefixListError { line: index + 1, source })?;
        }
    }
    Ok(prefixes)
}

/// What is wrong with a file of prefixes, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("line {line}")]
pub struct PrefixListError {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub source: AddressError,
}

fn read(item: &str, prefixes: &mut Vec<Prefix>) -> Result<(), AddressError> {
    let blocks = named(item);
    if !blocks.is_empty() {
        prefixes.extend(blocks);
        return Ok(());
    }
    // No address begins with a letter beyond f, or has neither dot, colon nor digit.
    let is_word =
        item.contains(|c: char| c.is_ascii_alphabetic()) && !item.contains(['.', ':', '/']);
    if is_word {
        return Err(unknown(item));
    }
    prefixes.push(item.parse()?);
    Ok(())
}

/// The error at the byte at which `word` is none of the words any more.
#[cold]
fn unknown(word: &str) -> AddressError {
    let common = |known: &str| word.bytes().zip(known.bytes()).take_while(|(a, b)| a == b).count();
    let position = WORDS.iter().map(|(known, _)| common(known)).max().unwrap_or(0);
    let known: Vec<_> = WORDS.iter().map(|(known, _)| *known).collect();
    AddressError::new(Subject::Prefix, Fault { kind: Kind::UnknownWord, position }, word)
        .with_help(format!("write a prefix such as 10.0.0.0/8, or one of {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(prefixes: &[Prefix]) -> Vec<String> {
        prefixes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_word_stands_for_its_blocks_of_both_families() {
        for (word, blocks) in [
            ("any", "0.0.0.0/0 ::/0"),
            ("loopback", "127.0.0.0/8 ::1/128"),
            ("private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"),
            ("link-local", "169.254.0.0/16 fe80::/10"),
            ("shared", "100.64.0.0/10"),
            ("benchmarking", "198.18.0.0/15 2001:2::/48"),
            ("multicast", "224.0.0.0/4 ff00::/8"),
        ] {
            let found = texts(&prefix_list(word).unwrap()).join(" ");
            assert_eq!(found, blocks, "{word}");
        }
        assert_eq!(WORDS.iter().filter(|(word, _)| named(word).is_empty()).count(), 0);
    }

    #[test]
    fn an_unknown_word_is_refused_where_it_leaves_the_known_ones() {
        for (word, position) in [("lopback", 2), ("privat", 6), ("beef", 2), ("Any", 0), ("x", 0)] {
            let error = prefix_list(word).unwrap_err();
            assert_eq!((error.kind(), error.position()), (Kind::UnknownWord, position), "{word}");
            assert!(error.help().contains("any, loopback, private"), "{}", error.help());
        }
    }

    #[test]
    fn a_list_has_commas_and_no_empty_item() {
        assert_eq!(
            texts(&prefix_list("10.0.0.0/8, ::1,192.0.2.7").unwrap()),
            ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]
        );
        for text in ["", ",", "10.0.0.0/8,", ",::1"] {
            assert_eq!(prefix_list(text).unwrap_err().kind(), Kind::Empty, "{text:?}");
        }
    }

    #[test]
    fn a_file_has_comments_blank_lines_and_the_ends_of_lines_of_every_system() {
        let text = "\u{feff}# who may\r\n10.0.0.0/8 # us\r\n\r\n\t::1, 192.0.2.7\n  loopback\n#";
        assert_eq!(
            texts(&prefix_lines(text).unwrap()),
            ["10.0.0.0/8", "::1/128", "192.0.2.7/32", "127.0.0.0/8", "::1/128"]
        );
        assert_eq!(prefix_lines("").unwrap(), []);
    }

    #[test]
    fn a_wrong_line_is_named_by_its_number() {
        let error = prefix_lines("10.0.0.0/8\n# fine\n::1, 10.0.0.1/8\n").unwrap_err();
        assert_eq!((error.line, error.source.kind()), (3, Kind::HostBits));
        assert_eq!(error.source.input(), "10.0.0.1/8");
        assert_eq!(error.to_string(), "line 3");
    }
}
