//! `pton`, `pton4`, `pton6` and `ntop` against std, and each error's place against the oracle.
#![no_main]

#[path = "../../common/oracle.rs"]
mod oracle;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use echo6::address::{ntop, pton};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        oracle::judged_rightly(text);
        if let Ok(address) = pton(text) {
            prints_as_std_does(address);
        }
    }
    // The bytes as an address in the form that the network has it.
    if let Some(&octets) = data.first_chunk::<4>() {
        prints_as_std_does(Ipv4Addr::from(octets).into());
    }
    if let Some(&octets) = data.first_chunk::<16>() {
        prints_as_std_does(Ipv6Addr::from(octets).into());
    }
});

fn prints_as_std_does(address: IpAddr) {
    let text = ntop(address);
    assert_eq!(&*text, address.to_string());
    assert_eq!(pton(&text), Ok(address));
}
