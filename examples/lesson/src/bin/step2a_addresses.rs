//! Step 2a: from the text of an address to the bytes that bind(2) and connect(2) get.
//!
//! ```text
//! cargo run --bin step2a_addresses
//! ```
//!
//! Afterwards you can read a `sockaddr_in` and a `sockaddr_in6` byte by byte, and say what htons(3)
//! is for.

use std::net::{Ipv4Addr, Ipv6Addr};

use socket2::Domain;

fn main() {
    // What inet_pton(3) does in C. Its answers are 1 (an address), 0 (none) and -1 (no such family).
    for text in ["127.0.0.1", "0.0.0.0", "255.255.255.255", "127.0.0.256"] {
        match text.parse::<Ipv4Addr>() {
            Ok(address) => println!("{text:<16} {}", hex(&address.octets())),
            Err(error) => println!("{text:<16} {error}"),
        }
    }

    // On the network, the byte with the high value comes first: big endian. Most machines keep it
    // last. htons(3), "host to network, short", swaps the two where they differ. In C you call it;
    // std does it for you.
    let port: u16 = 7000;
    println!("7000, network    {}", hex(&port.to_be_bytes()));
    println!("7000, this host  {}", hex(&port.to_ne_bytes()));

    let mut four = Vec::new(); // struct sockaddr_in
    four.extend(family(Domain::IPV4, 16)); // sin_family
    four.extend(port.to_be_bytes()); // sin_port
    four.extend(Ipv4Addr::LOCALHOST.octets()); // sin_addr
    four.extend([0; 8]); // sin_zero, not used
    println!("127.0.0.1:7000   {}", hex(&four));

    let mut six = Vec::new(); // struct sockaddr_in6
    six.extend(family(Domain::IPV6, 28)); // sin6_family
    six.extend(port.to_be_bytes()); // sin6_port
    six.extend([0; 4]); // sin6_flowinfo
    six.extend(Ipv6Addr::LOCALHOST.octets()); // sin6_addr
    six.extend([0; 4]); // sin6_scope_id, the zone of a link-local address
    println!("[::1]:7000       {}", hex(&six));
}

/// The only field in the order of this host. BSD and macOS have the length in its first byte.
fn family(domain: Domain, length: u8) -> [u8; 2] {
    let number = i32::from(domain) as u16;
    if cfg!(target_vendor = "apple") || cfg!(target_os = "freebsd") {
        [length, number as u8]
    } else {
        number.to_ne_bytes()
    }
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}
