//! Text to bytes and back: the forms of an address, and what is wrong with a wrong one.
//!
//! ```text
//! cargo run --example pton_ntop                       # a tour
//! cargo run --example pton_ntop 2001:db8::1 1.2.3     # your own
//! ```
//!
//! Shows: inet_pton(3), inet_ntop(3), the forms of RFC 4291, section 2.2, and the one that RFC 5952,
//! section 4, recommends. The dotted form of section 5 is printed for IPv4-mapped addresses only, as
//! inet_ntop does.
//!
//! In C, the caller brings the room for the text: INET_ADDRSTRLEN is 16 bytes, INET6_ADDRSTRLEN 46,
//! and inet_pton answers 1, 0 (not an address) or -1 (not a family). `ntop` brings its own room, on
//! the stack; `pton` answers with the address, or with the place where the text stops being one.

use std::net::IpAddr;

use echo6::address::{ntop, pton};

const TOUR: [&str; 14] = [
    "127.0.0.1",            // IPv4 loopback
    "::1",                  // IPv6 loopback
    "::",                   // every address of this host
    "2001:DB8:0:0:1:0:0:1", // the first of two equal runs of zeros is shortened
    "2001:db8:0:1:1:1:1:1", // a single zero group is not
    "::ffff:192.0.2.7",     // IPv4-mapped: an IPv4 client, as a dual-stack socket sees it
    "64:ff9b::192.0.2.7",   // NAT64: the dotted tail may be written, and is not written back
    "127.1",                // inet_aton(3) takes it for 127.0.0.1
    "010.0.0.1",            // and this for 8.0.0.1: the leading zero is octal to some
    "256.0.0.1",
    "1::2::3", // how many zeros each?
    "1:2:3:4:5:6:7:8:9",
    "fe80::1%eth0", // a zone belongs to an endpoint: [fe80::1%eth0]:7000
    "12345::",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        TOUR.into_iter().for_each(explain);
    } else {
        arguments.iter().for_each(|text| explain(text));
    }
}

fn explain(text: &str) {
    match pton(text) {
        Ok(ip) => println!("{text:<20}  {:<39}  {}", bytes(ip), ntop(ip)),
        Err(error) => {
            // The caret stands under the byte that cannot stand there.
            let caret = format!("{:1$}^", "", error.position());
            println!("{text:<20}  {}\n{caret:<20}  {}", error.kind(), error.help());
        }
    }
}

/// The bytes as they travel, in network order.
fn bytes(ip: IpAddr) -> String {
    let pairs = match ip {
        IpAddr::V4(ip) => ip.octets().chunks(2).map(pair).collect::<Vec<_>>(),
        IpAddr::V6(ip) => ip.octets().chunks(2).map(pair).collect(),
    };
    pairs.join(" ")
}

fn pair(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
