//! Texts in, faults or what is wrong with them out.

use proptest::prelude::*;

use super::*;

#[test]
fn a_fault_is_printed_as_it_is_best_written() {
    for (text, printed) in [
        ("flip", "flip"),
        ("flip@0", "flip"),
        ("10%flip@1000", "10%flip@1000"),
        ("0.5%2xdrop=1024@65536", "0.5%2*drop=1k@64k"),
        (".25%reset@end", "0.25%reset@end"),
        ("100%hang", "100%hang"),
        ("delay=0.1", "delay=100ms"),
        ("delay=1500us~0.5ms", "delay=1500us~500us"),
        ("delay=120s@1M", "delay=2m@1M"),
        ("delay=0", "delay=0us"),
        ("rate=64k~1k", "rate=64k~1k"),
        ("stall", "stall"),
        ("stall=2s@1k", "stall=2s@1k"),
        (r"add=\x41\@\\b@5", r"add=A\@\\b@5"),
        ("add", "add"),
        (r"greet=220 mail@host\r\n", r"greet=220 mail\@host\r\n"),
        (r"greet=\xff\x00\x1b主", r"greet=\xff\0\x1b主"),
        ("no-accept", "no-accept"),
    ] {
        let fault: Fault = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fault.to_string(), printed, "{text}");
        assert_eq!(printed.parse(), Ok(fault), "{printed}");
    }
}

#[test]
fn a_wrong_fault_is_told_with_its_kind_its_place_and_a_fix() {
    for (text, kind, position, help) in [
        ("", Kind::Empty, 0, "a fault looks like"),
        ("0%flip", Kind::Percent, 0, "10%"),
        ("101%flip", Kind::Percent, 0, "10%"),
        ("%flip", Kind::Percent, 0, "10%"),
        ("1.2.3%flip", Kind::Percent, 0, "10%"),
        ("0.00001%flip", Kind::Percent, 0, "10%"),
        ("10%0*flip", Kind::Count, 3, "2*"),
        ("*flip", Kind::Count, 0, "2*"),
        ("2flip", Kind::Count, 1, "2*"),
        ("99999999999999999999*flip", Kind::Count, 0, "2*"),
        ("10%20%flip", Kind::Count, 5, "2*"),
        ("flop", Kind::UnknownName, 0, r#"write "flip""#),
        ("10%2*latency=1s", Kind::UnknownName, 5, r#"write "10%2*delay=1s""#),
        ("flip @9", Kind::UnknownName, 0, r#"write "flip@9""#),
        ("flip9", Kind::UnknownName, 0, r#"write "flip@9""#),
        ("5% flop = 9", Kind::UnknownName, 2, "NAME"),
        ("delay=1 s", Kind::Time, 6, r#"write "delay=1s""#),
        ("nonsense", Kind::UnknownName, 0, "NAME"),
        ("2*", Kind::UnknownName, 2, "NAME"),
        ("2*no-accept", Kind::UnexpectedChance, 0, "leave"),
        ("delay", Kind::MissingValue, 5, "write delay=100ms~20ms"),
        ("rate@5", Kind::MissingValue, 4, "write rate=64k"),
        ("greet", Kind::MissingValue, 5, "write greet="),
        ("flip=1", Kind::UnexpectedValue, 4, r#"write "flip" without a value"#),
        ("delay=", Kind::Time, 6, "100ms"),
        ("delay=1x", Kind::Time, 6, "100ms"),
        ("delay=-1", Kind::Time, 6, "100ms"),
        ("delay=1e3", Kind::Time, 6, "100ms"),
        ("delay=inf", Kind::Time, 6, "100ms"),
        ("delay=1s~", Kind::Time, 9, "100ms"),
        ("delay=1s~2~3", Kind::UnexpectedJitter, 10, "jitter"),
        ("rate=0", Kind::Size, 5, "64k"),
        ("slice=1.5", Kind::Size, 6, "64k"),
        ("slice=+1", Kind::Size, 6, "64k"),
        ("drop=99999999999G", Kind::Size, 5, "64k"),
        ("twice=17M", Kind::TooMuch, 6, "at most 16M"),
        ("drop=1~", Kind::Size, 7, "64k"),
        ("flip~1", Kind::UnexpectedJitter, 4, "jitter"),
        ("greet=", Kind::Text, 6, "escapes"),
        (r"greet=a\q", Kind::Text, 7, "escapes"),
        (r"greet=a\x4", Kind::Text, 7, "escapes"),
        (r"greet=a\", Kind::Text, 7, "escapes"),
        ("add=@5", Kind::Text, 4, "escapes"),
        ("late@5", Kind::UnexpectedOffset, 4, r#"write "late" without an offset"#),
        ("flip@", Kind::Offset, 5, "64k"),
        ("flip@end", Kind::Offset, 5, "such as 1000 or 64k"),
        ("close@x", Kind::Offset, 6, r#"or "end""#),
        ("flip@-1", Kind::Offset, 5, "64k"),
        ("flip@1@2", Kind::Offset, 5, "64k"),
    ] {
        let error = text.parse::<Fault>().unwrap_err();
        assert_eq!((error.kind(), error.position()), (kind, position), "{text}");
        assert_eq!(error.input(), text);
        assert!(error.help().contains(help), "{text}: {}", error.help());
    }
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "\\PC{0,20}") {
        if let Err(error) = text.parse::<Fault>() {
            prop_assert!(error.position() <= text.len());
            prop_assert!(text.is_char_boundary(error.position()));
        }
    }

    #[test]
    fn what_it_prints_it_reads_as_the_same(
        chance in proptest::option::of(1..=1_000_000_u32),
        first in proptest::option::of(1..u64::MAX),
        kind in proptest::sample::select(FaultKind::ALL),
        (number, jitter) in (1..1_u64 << 50, 0..1_u64 << 50),
        text in proptest::collection::vec(any::<u8>(), 1..20),
        offset in proptest::option::of(0..u64::MAX),
    ) {
        let form = kind.form();
        let drawn = kind != FaultKind::NoAccept;
        let fault = Fault {
            chance: chance.filter(|_| drawn).map(Chance),
            first: first.filter(|_| drawn).and_then(NonZeroU64::new),
            kind,
            value: match form.takes {
                Takes::Nothing => Value::Nothing,
                Takes::Time | Takes::TimeOrNothing => Value::Time {
                    time: Duration::from_micros(number),
                    jitter: Duration::from_micros(jitter),
                },
                Takes::Size | Takes::SizeOrNothing => {
                    Value::Size { size: number % REPEATED + 1, jitter }
                }
                Takes::Text | Takes::TextOrNothing => Value::Text(text),
            },
            place: match (form.offset, offset) {
                (Offset::Nothing, _) => Place::Byte(0),
                (Offset::ByteOrEnd, None) => Place::End,
                (_, offset) => Place::Byte(offset.unwrap_or(0)),
            },
        };
        prop_assert_eq!(fault.to_string().parse(), Ok(fault));
    }
}
