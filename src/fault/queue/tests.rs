//! Faults and datagrams in; what is sent when, and what is told, out.

use std::time::Duration;

use super::*;
use crate::fault::Fault;

fn faults(texts: &[&str]) -> DatagramFaults {
    let faults: Vec<Fault> = texts.iter().map(|text| text.parse().unwrap()).collect();
    DatagramFaults::new(&faults, 7)
}

/// What comes out of a queue into which "abc", "defgh" and "ij" go 10 ms apart, and after how
/// many milliseconds, and what was dealt.
fn sent(texts: &[&str]) -> (Vec<(u64, String)>, Vec<String>) {
    let start = Instant::now();
    let mut queue = DatagramQueue::new(faults(texts));
    let mut dealt = Vec::new();
    let mut out = Vec::new();
    let mut take = |queue: &mut DatagramQueue<u8>, until: Instant| {
        while let Some(due) = queue.due().filter(|&due| due < until) {
            let departure = queue.pop(due).unwrap();
            assert!(departure.to == 1);
            let mark = if departure.wrong_source { "!" } else { "" };
            let millis = due.duration_since(start).as_millis() as u64;
            out.push((millis, String::from_utf8(departure.bytes).unwrap() + mark));
        }
    };
    for (n, datagram) in ["abc", "defgh", "ij"].into_iter().enumerate() {
        let now = start + Duration::from_millis(10) * n as u32;
        take(&mut queue, now);
        dealt.extend(queue.push(datagram.as_bytes(), 1, now).iter().map(Dealt::to_string));
    }
    take(&mut queue, start + Duration::from_secs(3600));
    (out, dealt)
}

#[test]
fn no_number_of_faults_makes_copies_without_end() {
    let fate = faults(&["twice"; 100]).decide(5, Instant::now());
    assert_eq!(fate.copies, 101);
}

#[test]
fn each_fault_does_to_datagrams_what_its_name_says() {
    type Row = (&'static [&'static str], &'static [(u64, &'static str)], &'static [&'static str]);
    let rows: &[Row] = &[
        (&[], &[(0, "abc"), (10, "defgh"), (20, "ij")], &[]),
        (&["drop"], &[], &["drop", "drop", "drop"]),
        (&["1*drop"], &[(10, "defgh"), (20, "ij")], &["drop"]),
        // As a path does whose MTU is smaller than the datagram.
        (&["drop@3"], &[(0, "abc"), (20, "ij")], &["drop@3"]),
        (&["1*twice"], &[(0, "abc"), (0, "abc"), (10, "defgh"), (20, "ij")], &["twice"]),
        (
            &["1*twice", "1*twice"],
            &[(0, "abc"), (0, "abc"), (0, "abc"), (10, "defgh"), (20, "ij")],
            &["twice", "twice"],
        ),
        (&["1*delay=15ms"], &[(10, "defgh"), (15, "abc"), (20, "ij")], &["delay"]),
        (&["1*reorder"], &[(10, "defgh"), (10, "abc"), (20, "ij")], &["reorder"]),
        (&["reorder"], &[(10, "defgh"), (10, "abc"), (1020, "ij")], &["reorder", "reorder"]),
        (&["1*reorder=5ms"], &[(5, "abc"), (10, "defgh"), (20, "ij")], &["reorder"]),
        (&["flip@2"], &[(0, "abb"), (10, "deggh"), (20, "ij")], &["flip@2", "flip@2"]),
        (&["flip"], &[(0, "`bc"), (10, "eefgh"), (20, "hj")], &["flip@0", "flip@0", "flip@0"]),
        (&["cut@3"], &[(0, "abc"), (10, "def"), (20, "ij")], &["cut@3"]),
        (&["1*cut"], &[(0, ""), (10, "defgh"), (20, "ij")], &["cut"]),
        (&["1*wrong-source"], &[(0, "abc!"), (10, "defgh"), (20, "ij")], &["wrong-source"]),
        // In the order given: what is cut off cannot be flipped, and what is lost has no more.
        (&["cut@1", "flip@1"], &[(0, "a"), (10, "d"), (20, "i")], &["cut@1", "cut@1", "cut@1"]),
        (
            &["1*flip@1", "1*cut@2", "1*twice"],
            &[(0, "ac"), (0, "ac"), (10, "defgh"), (20, "ij")],
            &["flip@1", "cut@2", "twice"],
        ),
        (&["1*drop", "1*twice"], &[(10, "defgh"), (10, "defgh"), (20, "ij")], &["drop", "twice"]),
        // A connection's faults pass by.
        (&["close", "late", "rate=1"], &[(0, "abc"), (10, "defgh"), (20, "ij")], &[]),
    ];
    for (texts, expected, dealt) in rows {
        let (out, told) = sent(texts);
        let out: Vec<(u64, &str)> = out.iter().map(|(at, text)| (*at, &text[..])).collect();
        assert_eq!((&out[..], &told.join(" ")), (*expected, &dealt.join(" ")), "{texts:?}");
    }
}

#[test]
fn only_a_datagram_to_the_same_receiver_is_the_next() {
    let now = Instant::now();
    let mut queue = DatagramQueue::new(faults(&["1*reorder"]));
    queue.push(b"first", 1, now);
    queue.push(b"another's", 2, now);
    assert_eq!(queue.pop(now).map(|departure| departure.to), Some(2));
    assert_eq!(queue.pop(now), None);
    queue.push(b"second", 1, now);
    let order: Vec<_> = std::iter::from_fn(|| queue.pop(now)).map(|sent| sent.bytes).collect();
    assert_eq!(order, [&b"second"[..], b"first"]);
}

#[test]
fn what_waits_is_bounded() {
    let now = Instant::now();
    let mut queue = DatagramQueue::new(faults(&["delay=1h"]));
    let dealt: Vec<String> =
        (0..1200).flat_map(|_| queue.push(&[0; 60_000], 1, now)).map(|it| it.to_string()).collect();
    assert_eq!(dealt[0], "delay");
    assert_eq!(dealt[1199], "drop");
    let waiting = std::iter::from_fn(|| queue.pop(now + Duration::from_secs(3600))).count();
    assert_eq!(waiting, dealt.iter().filter(|fault| *fault == "delay").count());
    assert_eq!(queue.held, 0);
}
