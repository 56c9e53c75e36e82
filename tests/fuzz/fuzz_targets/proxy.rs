//! The PROXY header says of some bytes what it says of any that begin with them, and of what it
//! writes what it was given.
#![no_main]

use echo6::proxy::{Command, Header, Parsed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole = Header::parse(data);
    for cut in cuts(data) {
        match (Header::parse(&data[..cut]), &whole) {
            (Ok(Parsed::Part { least }), Ok(Parsed::Whole { length, .. })) => {
                assert!(least > 0 && cut + least <= *length, "it takes bytes of the client");
            }
            (Ok(Parsed::Part { least }), Ok(Parsed::Part { .. }) | Err(_)) => assert!(least > 0),
            (earlier, whole) => assert_eq!(&earlier, whole, "cut at {cut}"),
        }
    }
    match whole {
        Ok(Parsed::Whole { header, length }) => {
            assert!(length <= data.len());
            let names = header.fields();
            assert!(names.iter().all(|(name, _)| !name.contains(char::is_control)));
            serde_json::to_string(&header).expect("it has an object");
            assert!(!header.to_string().contains(char::is_control));
            reads_what_it_writes(header);
        }
        Ok(_) => {}
        Err(error) => assert!(error.position <= data.len()),
    }
});

/// Every cut of a short header; of a long one the first and the last.
fn cuts(data: &[u8]) -> impl Iterator<Item = usize> {
    (0..data.len()).filter(move |cut| *cut < 120 || cut + 40 > data.len())
}

fn reads_what_it_writes(header: Header) {
    let bytes = header.to_bytes().expect("it was read, so it can be written");
    let Ok(Parsed::Whole { header: again, length }) = Header::parse(&bytes) else {
        panic!("{header:?} is written as {bytes:?}")
    };
    assert_eq!(length, bytes.len());
    assert_eq!((again.version, again.command), (header.version, header.command));
    // Without addresses nothing else is written.
    if header.command == Command::Proxy {
        assert_eq!(again.addresses, header.addresses);
        assert_eq!(again.tlvs.len(), header.tlvs.len());
    }
}
