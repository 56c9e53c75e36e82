//! `Endpoint` prints what parses back; its errors point into the text, and what they advise parses.
#![no_main]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use echo6::address::{AddressError, Endpoint, Host};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint.clone()));
            let literal = match endpoint.host() {
                Host::V4(ip) => SocketAddr::new((*ip).into(), endpoint.port()),
                Host::V6(ip) => SocketAddr::new((*ip).into(), endpoint.port()),
                _ => return,
            };
            assert_eq!(text.parse(), Ok(literal));
            assert_eq!(Endpoint::from(literal), endpoint);
        }
        Err(error) => holds_what_it_promises(text, &error),
    }
    if !text.is_empty() && text.len().is_multiple_of(8) {
        takes_time_in_proportion(text);
    }
});

fn holds_what_it_promises(text: &str, error: &AddressError) {
    assert_eq!(error.input(), text);
    assert!(error.position() <= text.len() && text.is_char_boundary(error.position()));
    assert!(!error.to_string().contains(char::is_control));
    if let Some(meant) = error.help().strip_prefix("write ") {
        let is_form = meant.contains(' ') || meant.contains("PORT");
        assert!(is_form || meant.parse::<Endpoint>().is_ok(), "{error}: {meant}");
    }
}

/// The same text over and over, 64 KiB of it. With the square of its length it would take seconds.
fn takes_time_in_proportion(text: &str) {
    let long = text.repeat((1 << 16) / text.len());
    let start = Instant::now();
    let _ = long.parse::<Endpoint>();
    assert!(start.elapsed() < Duration::from_secs(1), "too slow");
}
