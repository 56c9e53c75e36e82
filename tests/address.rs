//! Addresses, broken addresses and noise in; std's answers out, and errors at the byte an oracle names.
//!
//! All random input comes from fixed seeds, so each run sees the same texts.

#[path = "common/oracle.rs"]
mod oracle;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use echo6::address::{Endpoint, Host, Prefix, ntop, pton, pton4, pton6};
use fastrand::Rng;
use oracle::{
    fails_where_the_oracle_says, judged_rightly, mendable4, mendable6, reads_as_std_does,
};

const ALPHABET: &[u8] = b"0123456789abcdefABCDEF::::....";

const SEEDS: [&str; 14] = [
    "0.0.0.0",
    "255.255.255.255",
    "192.0.2.10",
    "::",
    "::1",
    "1::",
    "2001:db8::1:0:0:1",
    "fe80::211:22ff:fe33:4455",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "::ffff:192.0.2.1",
    "1:2:3:4:5:6:192.0.2.1",
    "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
];

#[test]
fn addresses_in_every_spelling_read_as_std_reads_them() {
    let mut random = Rng::with_seed(1);
    for _ in 0..200_000 {
        let text = spelling(&mut random);
        assert!(pton(&text).is_ok(), "{text}");
        reads_as_std_does(&text);
    }
}

#[test]
fn mutations_of_addresses_read_as_std_reads_them() {
    let mut random = Rng::with_seed(2);
    for case in 0..500_000 {
        let mut text = spelling(&mut random).into_bytes();
        for _ in 0..random.usize(1..4) {
            let (at, byte) = (random.usize(..=text.len()), ALPHABET[random.usize(..30)]);
            match random.u8(..3) {
                0 => text.insert(at, byte),
                1 if at < text.len() => text[at] = byte,
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
        let text = String::from_utf8(text).unwrap();
        reads_as_std_does(&text);
        if case % 16 == 0 {
            fails_where_the_oracle_says(&text);
        }
    }
}

#[test]
fn noise_from_the_address_alphabet_reads_as_std_reads_it() {
    let mut random = Rng::with_seed(3);
    for case in 0..500_000 {
        let length = random.usize(..24);
        let text: String = (0..length).map(|_| char::from(ALPHABET[random.usize(..30)])).collect();
        reads_as_std_does(&text);
        if case % 16 == 0 {
            fails_where_the_oracle_says(&text);
        }
    }
}

#[test]
fn every_prefix_deletion_and_insertion_of_an_address_is_judged_rightly() {
    for seed in SEEDS {
        for at in 0..=seed.len() {
            let (before, behind) = seed.split_at(at);
            judged_rightly(before);
            if !behind.is_empty() {
                judged_rightly(&format!("{before}{}", &behind[1..]));
            }
            for byte in 0..128_u8 {
                judged_rightly(&format!("{before}{}{behind}", char::from(byte)));
            }
            judged_rightly(&format!("{before}\u{e9}{behind}"));
        }
    }
}

/// Walks the tree of all texts over a small alphabet, each branch up to the first byte that the
/// oracle refuses.
#[test]
fn every_short_text_is_judged_rightly() {
    let mut judged = 0;
    let mut open = vec![String::new()];
    while let Some(text) = open.pop() {
        judged_rightly(&text);
        judged += 1;
        if text.len() < 9 && (mendable4(text.as_bytes()) || mendable6(text.as_bytes())) {
            open.extend(['0', '6', '.', ':'].map(|next| format!("{text}{next}")));
        }
    }
    assert!(judged > 10_000, "{judged}");
}

#[test]
fn what_ntop_writes_is_what_std_writes_and_pton_reads_it_back() {
    let mut random = Rng::with_seed(4);
    for _ in 0..100_000 {
        for address in [IpAddr::from(v4(&mut random)), v6(&mut random).into()] {
            let text = ntop(address);
            assert_eq!(&*text, address.to_string());
            assert_eq!(pton(&text), Ok(address));
        }
    }
}

#[test]
fn an_endpoint_reads_back_what_it_prints_and_what_std_prints() {
    let mut random = Rng::with_seed(5);
    for _ in 0..50_000 {
        let zone = ["2", "eth0", "en-1.7", "25", "250"][random.usize(..5)].to_owned();
        let link_local = Ipv6Addr::from(0xfe80 << 112 | u128::from(random.u64(..)));
        let host = match random.u8(..5) {
            0 => Host::Any,
            1 => Host::V4(v4(&mut random)),
            2 => Host::V6(v6(&mut random)),
            3 => Host::Zoned(link_local, zone),
            _ => Host::Name(["localhost", "a-1.example.", "7.example"][random.usize(..3)].into()),
        };
        let endpoint = Endpoint::new(host, random.u16(..));
        assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        let address = SocketAddr::new(v6(&mut random).into(), random.u16(..));
        assert_eq!(address.to_string().parse(), Ok(Endpoint::from(address)));
    }
}

#[test]
fn a_prefix_reads_back_what_it_prints_and_a_mutated_one_never_more_than_is_there() {
    let mut random = Rng::with_seed(7);
    let alphabet = b"0123456789abf.:/[]%-* ";
    for _ in 0..200_000 {
        let address = if random.bool() { v4(&mut random).into() } else { v6(&mut random).into() };
        let prefix = Prefix::new(address, random.u8(..=128));
        assert!(prefix.contains(prefix.first()));
        // ::/80 ends with the IPv4-mapped addresses, which are IPv4.
        let mapped = prefix.last().to_canonical() != prefix.last();
        assert_eq!(prefix.contains(prefix.last()), !mapped, "{prefix}");
        let mut text = prefix.to_string();
        assert_eq!(text.parse(), Ok(prefix));
        for _ in 0..random.u8(1..4) {
            let at = random.usize(..text.len());
            match random.bool() {
                true => text.insert(at, char::from(alphabet[random.usize(..alphabet.len())])),
                false => drop(text.remove(at)),
            }
        }
        match text.parse::<Prefix>() {
            Ok(prefix) => assert_eq!(prefix.to_string().parse(), Ok(prefix)),
            Err(error) => {
                assert!(error.position() <= text.len(), "{error}");
                // What the help says to write, it takes.
                if let Some(meant) = error.help().strip_prefix("write ") {
                    let meant = meant.split(", or").next().unwrap();
                    assert!(
                        meant.contains(' ') || meant.parse::<Prefix>().is_ok(),
                        "{error}: {meant}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_mutated_endpoint_is_a_socket_address_exactly_where_std_says_so() {
    let mut random = Rng::with_seed(6);
    let alphabet = b"019af.:[]%-/ x";
    for _ in 0..200_000 {
        let mut text = match random.bool() {
            true => format!("{}:{}", v4(&mut random), random.u16(..)),
            false => format!("[{}]:{}", ntop(v6(&mut random)), random.u16(..)),
        };
        for _ in 0..random.u8(..3) {
            let at = random.usize(..text.len());
            match random.bool() {
                true => text.insert(at, char::from(alphabet[random.usize(..alphabet.len())])),
                false => drop(text.remove(at)),
            }
        }
        let ours = text.parse::<Endpoint>();
        if let Err(error) = &ours {
            assert!(error.position() <= text.len(), "{text}");
        }
        let literal = ours.ok().and_then(|endpoint| match endpoint.host() {
            Host::V4(ip) => Some(SocketAddr::new((*ip).into(), endpoint.port())),
            Host::V6(ip) => Some(SocketAddr::new((*ip).into(), endpoint.port())),
            _ => None,
        });
        // std takes a numeric zone on any address, and a port of any length.
        let port = text.rsplit(':').next().unwrap();
        if !text.contains('%') && port.len() <= 5 {
            assert_eq!(literal, text.parse().ok(), "{text}");
        }
    }
}

/// If time grew with the square of the length, this test would not end.
#[test]
fn a_megabyte_is_refused_in_one_pass() {
    for unit in ["1", "1.", ":", "1:", "a", "a.", "[", "%", "[fe80::1%", "\u{301}", "http://", "-"]
    {
        let text = unit.repeat((1 << 20) / unit.len());
        for error in [pton4(&text).unwrap_err(), pton6(&text).unwrap_err()] {
            assert!(error.position() < 20, "{unit}");
        }
        let error = text.parse::<Endpoint>().unwrap_err();
        assert_eq!(error.input().len(), text.len());
        assert!(error.help().len() < 1000, "{unit}");
    }
}

/// An address in one of the spellings that inet_pton(3) takes.
fn spelling(random: &mut Rng) -> String {
    let address = v6(random);
    let [a, b, c, d, e, f, g, h] = address.segments();
    match random.u8(..8) {
        0 | 1 => v4(random).to_string(),
        2 | 3 => address.to_string(),
        4 => address.to_string().to_uppercase(),
        5 => format!("{a:04x}:{b:04x}:{c:03x}:{d:02X}:{e:x}:{f:X}:{g:04X}:{h:04x}"),
        6 => format!("{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}:{}", v4(random)),
        _ => format!("{a:x}::{b:x}:{}", v4(random)),
    }
}

/// Octets of all lengths, the short ones more often than by chance.
fn v4(random: &mut Rng) -> Ipv4Addr {
    [0; 4].map(|_: u8| random.u8(..) >> random.u8(..8)).into()
}

/// Half of the groups are zero, so that runs of all lengths come up; the others are of all lengths.
fn v6(random: &mut Rng) -> Ipv6Addr {
    let mut group = || if random.bool() { random.u16(..) >> random.u8(..16) } else { 0 };
    let groups = [0; 8].map(|_: u16| group());
    match random.u8(..10) {
        0 => v4(random).to_ipv6_mapped(),
        _ => groups.into(),
    }
}
