//! Faults and bytes in; what is written when, what is done at the end, and what is told, out.

use std::time::Duration;

use proptest::prelude::{prop_assert_eq, proptest};

use super::*;
use crate::fault::{Fault, StreamFaults};

/// What came of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Each piece that was written, and after how many milliseconds.
    written: Vec<(u64, String)>,
    end: Option<End>,
    dealt: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Action(Action),
    Stream,
}

impl Outcome {
    fn text(&self) -> String {
        self.written.iter().map(|(_, text)| &text[..]).collect()
    }

    fn dealt(&self) -> String {
        self.dealt.join(" ")
    }
}

fn line(faults: &[&str]) -> Line {
    let faults: Vec<Fault> = faults.iter().map(|text| text.parse().unwrap()).collect();
    let plan = StreamFaults::new(&faults, 7).draw();
    Line::new(plan.unwrap_or_else(|| StreamPlan {
        strikes: Vec::new(),
        rng: Rng::with_seed(7),
        lost_and_found: None,
    }))
}

/// Sends the chunks 100 ms apart, and half-closes at once behind the last if `ends`; then waits for
/// as long as there is something to wait for.
fn run(faults: &[&str], chunks: &[&str], ends: bool) -> Outcome {
    let start = Instant::now();
    let mut line = line(faults);
    let mut outcome = Outcome::default();
    let mut now = start;
    for (n, chunk) in chunks.iter().enumerate() {
        let before = now;
        now = start + Duration::from_millis(100) * n as u32;
        outcome.follow(&mut line, start, before, now);
        line.push(chunk.as_bytes(), now);
        if ends && n + 1 == chunks.len() {
            line.end(now);
        }
        outcome.follow(&mut line, start, now, now);
    }
    outcome.follow(&mut line, start, now, now + Duration::from_secs(3600));
    outcome
}

impl Outcome {
    /// Does what the line says, from `now` to `until`.
    fn follow(&mut self, line: &mut Line, start: Instant, mut now: Instant, until: Instant) {
        while self.end.is_none() {
            match line.step(now) {
                Step::Write(bytes) => {
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    let length = bytes.len();
                    line.wrote(length, now);
                    self.written.push(((now - start).as_millis() as u64, text));
                }
                Step::Wait(due) if due <= until => now = due,
                Step::Wait(_) | Step::Idle => break,
                Step::Act(action) => self.end = Some(End::Action(action)),
                Step::End => self.end = Some(End::Stream),
            }
        }
        self.dealt.extend(line.dealt().map(|dealt| dealt.to_string()));
    }
}

#[test]
fn each_fault_does_to_a_stream_what_its_name_says() {
    use Action as A;
    let stream = Some(End::Stream);
    let act = |action| Some(End::Action(action));
    type Row<'a> = (&'a [&'a str], &'a str, Option<End>, &'a str);
    let rows: &[Row<'_>] = &[
        (&[], "hello world", stream, ""),
        // What concerns a byte.
        (&["flip"], "iello world", stream, "flip@0"),
        (&["flip@4"], "helln world", stream, "flip@4"),
        (&["flip@10"], "hello worle", stream, "flip@10"),
        (&["flip@11"], "hello world", stream, ""),
        (&["flip@4", "flip@4"], "hello world", stream, ""),
        (&["drop"], "ello world", stream, "drop@0"),
        (&["drop@10"], "hello worl", stream, "drop@10"),
        (&["drop=6@4"], "helld", stream, "drop@4"),
        (&["drop=1G"], "", stream, "drop@0"),
        (&["drop=2@1", "drop=2@2"], "ho world", stream, "drop@1 drop@2"),
        (&["twice"], "hhello world", stream, "twice@0"),
        (&["twice=5"], "hellohello world", stream, "twice@0"),
        (&["twice=100@6"], "hello worldworld", stream, "twice@6"),
        (&["twice=2@1", "twice=2@2"], "hellello world", stream, "twice@1"),
        // What needs no byte.
        (&["add"], "!hello world", stream, "add@0"),
        (&["add=, there@5"], "hello, there world", stream, "add@5"),
        (&["add@11"], "hello world!", stream, "add@11"),
        (&["add@12"], "hello world", stream, ""),
        (&["add=bye@end"], "hello worldbye", stream, "add@end"),
        (&[r"greet=hi\n"], "hi\nhello world", stream, "greet"),
        (&["late"], "hello world", stream, "late"),
        (&["close"], "", act(A::Close), "close@0"),
        (&["close@5"], "hello", act(A::Close), "close@5"),
        (&["close@11"], "hello world", act(A::Close), "close@11"),
        (&["close@end"], "hello world", act(A::Close), "close@end"),
        (&["half-close@5"], "hello", act(A::HalfClose), "half-close@5"),
        (&["reset@5"], "hello", act(A::Reset), "reset@5"),
        (&["reset@end"], "hello world", act(A::Reset), "reset@end"),
        (&["stall@5"], "hello", act(A::Stall), "stall@5"),
        (&["stall=2s@5"], "hello world", stream, "stall@5"),
        (&["stall@end"], "hello world", act(A::Stall), "stall@end"),
        (&["hang"], "", act(A::Hang), "hang@0"),
        (&["hang@5"], "hello", act(A::Hang), "hang@5"),
        // Together.
        (&["flip@4", "drop@5"], "hellnworld", stream, "flip@4 drop@5"),
        (&["flip@4", "twice=5"], "hellnhelln world", stream, "flip@4 twice@0"),
        (&["twice=5", "close@5"], "hellohello", act(A::Close), "twice@0 close@5"),
        (&["add@5", "close@5"], "hello!", act(A::Close), "add@5 close@5"),
        (&["close@5", "add@5"], "hello", act(A::Close), "close@5"),
        (&["greet=hi", "close"], "hi", act(A::Close), "greet close@0"),
        (&["late", "close"], "", act(A::Close), "late close@0"),
        (&["late", "stall@end"], "hello world", act(A::Stall), "late stall@end"),
        (&["drop@4", "add@5"], "hell! world", stream, "drop@4 add@5"),
        // Alone, there are no others' bytes to answer with.
        (&["mix-up"], "hello world", stream, ""),
        // A datagram's faults are passed by.
        (&["cut@3", "wrong-source", "reorder", "no-accept"], "hello world", stream, ""),
    ];
    for &(faults, text, end, dealt) in rows {
        for chunks in [&["hello world"][..], &["hello", " world"], &["h", "e", "llo w", "orld"]] {
            let outcome = run(faults, chunks, true);
            assert_eq!(outcome.text(), text, "{faults:?} {chunks:?}");
            assert_eq!((outcome.end, &outcome.dealt()[..]), (end, dealt), "{faults:?} {chunks:?}");
        }
    }
}

#[test]
fn what_waits_for_time_is_written_when_it_is_due() {
    type Row<'a> = (&'a [&'a str], &'a [(u64, &'a str)]);
    let rows: &[Row<'_>] = &[
        (&["delay=250ms"], &[(250, "ab"), (350, "cd"), (450, "ef")]),
        (&["delay=250ms@3"], &[(0, "ab"), (100, "c"), (350, "d"), (450, "ef")]),
        (&["delay=1s", "delay=0@2"], &[(1000, "abcdef")]),
        (&["stall=150ms@2"], &[(0, "ab"), (150, "cd"), (200, "ef")]),
        (&["stall=1s@2"], &[(0, "ab"), (1000, "cdef")]),
        (&["stall=1s", "greet=hi"], &[(1000, "hiabcdef")]),
        (&["late"], &[(200, "abcdef")]),
        (&["late", "slice=4"], &[(200, "abcd"), (200, "ef")]),
        (&["slice=1@1"], &[(0, "a"), (0, "b"), (100, "c"), (100, "d"), (200, "e"), (200, "f")]),
        (&["slice=4", "slice=1@4", "late"], &[(200, "abcd"), (200, "e"), (200, "f")]),
        // After a byte, four a second; the first is not late.
        (&["rate=4@1"], &[(0, "a"), (0, "b"), (250, "c"), (500, "d"), (750, "e"), (1000, "f")]),
    ];
    for &(faults, expected) in rows {
        let outcome = run(faults, &["ab", "cd", "ef"], true);
        let written: Vec<(u64, &str)> =
            outcome.written.iter().map(|(at, text)| (*at, &text[..])).collect();
        // Pieces that are due at the same time need not be one.
        assert_eq!(joined(&written, faults), joined(expected, faults), "{faults:?}");
        assert_eq!(outcome.end, Some(End::Stream));
    }
}

/// Joins what is written at the same time, unless it is sliced on purpose.
fn joined(written: &[(u64, &str)], faults: &[&str]) -> Vec<(u64, String)> {
    let mut rows: Vec<(u64, String)> = Vec::new();
    let sliced = faults.iter().any(|fault| fault.starts_with("slice"));
    for &(at, text) in written {
        match rows.last_mut() {
            Some((last, row)) if *last == at && !sliced => row.push_str(text),
            _ => rows.push((at, text.to_owned())),
        }
    }
    rows
}

#[test]
fn a_rate_holds_over_a_second_also_when_the_timer_is_late() {
    let (mut line, start) = (line(&["rate=100k"]), Instant::now());
    line.push(&[0; 300 * 1024], start);
    let (mut now, mut written) = (start, 0);
    while now < start + Duration::from_secs(1) {
        match line.step(now) {
            Step::Write(bytes) => {
                let length = bytes.len();
                line.wrote(length, now);
                written += length;
            }
            Step::Wait(due) => now = due + Duration::from_millis(3),
            other => panic!("{other:?}"),
        }
    }
    assert!((100 * 1024..110 * 1024).contains(&written), "{written}");
}

#[test]
fn a_jitter_keeps_the_order() {
    let chunks: Vec<String> = (0..50).map(|n| format!("{n} ")).collect();
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let outcome = run(&["delay=1s~900ms"], &chunks, true);
    assert_eq!(outcome.text(), chunks.concat());
    assert!(outcome.written.iter().any(|(at, _)| at % 100 != 0), "{:?}", outcome.written);
}

#[test]
fn a_connection_that_is_mixed_up_answers_with_the_bytes_of_another() {
    let faults = ["3*mix-up@2".parse().unwrap()];
    let mut faults = StreamFaults::new(&faults, 7);
    let now = Instant::now();
    let mut echo = |text: &str| {
        let mut line = Line::new(faults.draw().unwrap());
        let mut outcome = Outcome::default();
        line.push(text.as_bytes(), now);
        outcome.follow(&mut line, now, now, now);
        (outcome.text(), outcome.dealt())
    };
    assert_eq!(echo("first"), ("first".into(), String::new()));
    assert_eq!(echo("SECOND!"), ("SEfirst".into(), "mix-up@2".into()));
    assert_eq!(echo("third"), ("thSEC".into(), "mix-up@2".into()));
    assert_eq!(echo("fourth"), ("fourth".into(), String::new()));
}

#[test]
fn what_is_held_is_bounded_and_an_action_holds_nothing() {
    let now = Instant::now();
    let mut delayed = line(&["delay=1s"]);
    delayed.push(&vec![0; delayed.room()], now);
    assert_eq!(delayed.room(), 0);
    assert!(matches!(delayed.step(now), Step::Wait(_)));
    let later = now + Duration::from_secs(1);
    let Step::Write(bytes) = delayed.step(later) else { panic!("due") };
    let length = bytes.len();
    delayed.wrote(length, later);
    assert_eq!((length, delayed.room()), (CAPACITY, CAPACITY));

    assert_eq!(line(&["late"]).room(), LATE_CAPACITY);
    let mut late = line(&["late", "close"]);
    late.push(&[0; 1000], now);
    assert_eq!((late.egress.held(), late.step(now)), (0, Step::Idle));
}

proptest! {
    #[test]
    fn it_does_not_matter_in_which_pieces_the_bytes_come(
        faults in proptest::collection::vec(
            (proptest::sample::select(vec![
                "flip", "drop", "drop=3", "add", "add=xyz", "twice", "twice=4", "close",
                "half-close", "reset", "stall", "hang", "slice=2", "stall=1s",
            ]), 0..20_u64),
            0..5,
        ),
        cuts in proptest::collection::vec(0..=16_usize, 0..6),
    ) {
        let faults: Vec<String> =
            faults.into_iter().map(|(fault, offset)| format!("{fault}@{offset}")).collect();
        let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
        let message = "abcdefghijklmnop";
        let mut cuts = cuts;
        cuts.extend([0, message.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&str> = cuts.windows(2).map(|cut| &message[cut[0]..cut[1]]).collect();
        let chunks: Vec<&str> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        let (whole, pieces) = (run(&faults, &[message], true), run(&faults, &chunks, true));
        prop_assert_eq!(whole.text(), pieces.text());
        prop_assert_eq!((whole.end, whole.dealt()), (pieces.end, pieces.dealt()));
    }
}
