//! The fault grammar prints what parses back, and no plan breaks a datagram beyond its words.
#![no_main]

use std::time::Instant;

use echo6::fault::{DatagramFaults, Fault, StreamFaults};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let faults: Vec<Fault> = text.split(' ').filter_map(read).collect();
    let mut streams = StreamFaults::new(&faults, 7);
    let mut datagrams = DatagramFaults::new(&faults, 7);
    let datagram = [7; 100];
    for _ in 0..3 {
        let _ = streams.draw();
        let fate = datagrams.decide(datagram.len(), Instant::now());
        let applied = fate.apply(&datagram);
        assert!(fate.length <= datagram.len() && applied.len() == fate.length);
        assert!(fate.copies <= 1 + faults.len() as u32);
        let changed = applied.iter().zip(&datagram).filter(|(is, was)| is != was).count();
        assert!(changed <= fate.flips.len());
    }
});

fn read(text: &str) -> Option<Fault> {
    match text.parse::<Fault>() {
        Ok(fault) => {
            let printed = fault.to_string();
            assert_eq!(printed.parse().as_ref(), Ok(&fault), "{printed}");
            Some(fault)
        }
        Err(error) => {
            assert_eq!(error.input(), text);
            assert!(error.position() <= text.len() && text.is_char_boundary(error.position()));
            assert!(!error.to_string().contains(char::is_control));
            None
        }
    }
}
