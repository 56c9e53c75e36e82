//! Addresses in, nanoseconds out: `pton4`, `pton6` and `ntop`, each beside what std does.
//!
//! `cargo bench -p benches`; the time is for [`COUNT`] addresses, so 1 ms is 10 ns for each.

#![allow(missing_docs)] // the function that criterion_group! makes has none

use std::collections::HashSet;
use std::fmt::Display;
use std::hint::black_box;
use std::io::{Cursor, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use echo6::address::{AddressError, ntop, pton4, pton6};

/// So many distinct inputs that no branch predictor learns them by heart.
const COUNT: usize = 100_000;

criterion_group!(benches, text_to_address, address_to_text);
criterion_main!(benches);

fn text_to_address(criterion: &mut Criterion) {
    parse(criterion, "pton4", &ipv4(), pton4);
    parse(criterion, "pton6, random", &ipv6_random(), pton6);
    parse(criterion, "pton6, as found in the wild", &ipv6_wild(), pton6);
}

fn address_to_text(criterion: &mut Criterion) {
    format(criterion, "ntop, IPv4", &ipv4());
    format(criterion, "ntop, IPv6 random", &ipv6_random());
    format(criterion, "ntop, IPv6 as found in the wild", &ipv6_wild());
}

fn parse<T: FromStr + Display>(
    criterion: &mut Criterion,
    name: &str,
    addresses: &[T],
    pton: impl Fn(&str) -> Result<T, AddressError>,
) {
    // One string for all, so that the memory is read in order and its speed does not count.
    let lines = addresses.iter().map(|address| format!("{address}\n")).collect::<String>();
    let texts = lines.lines().collect::<Vec<_>>();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("echo6", |bencher| {
        bencher.iter(|| texts.iter().for_each(|text| drop(black_box(pton(text)))));
    });
    group.bench_function("std", |bencher| {
        bencher.iter(|| texts.iter().for_each(|text| drop(black_box(text.parse::<T>()))));
    });
}

fn format<T: Into<IpAddr> + Display + Copy>(
    criterion: &mut Criterion,
    name: &str,
    addresses: &[T],
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("echo6", |bencher| {
        bencher.iter(|| {
            for &address in addresses {
                black_box::<&str>(&ntop(address));
            }
        });
    });
    group.bench_function("std", |bencher| {
        bencher.iter(|| {
            for address in addresses {
                let mut buffer = [0; 64];
                let mut cursor = Cursor::new(&mut buffer[..]);
                write!(cursor, "{address}").expect("no address is longer than 64 bytes");
                let length = cursor.position() as usize;
                black_box(&buffer[..length]);
            }
        });
    });
}

fn ipv4() -> Vec<Ipv4Addr> {
    let mut random = fastrand::Rng::with_seed(4);
    (0..COUNT).map(|_| random.u32(..).into()).collect()
}

fn ipv6_random() -> Vec<Ipv6Addr> {
    let mut random = fastrand::Rng::with_seed(6);
    (0..COUNT).map(|_| random.u128(..).into()).collect()
}

/// What logs and tables hold: hosts numbered by hand, hosts that number themselves by their MAC or
/// at random, link-local neighbours, groups, prefixes, and the IPv4 peers of a dual-stack socket.
fn ipv6_wild() -> Vec<Ipv6Addr> {
    let mut random = fastrand::Rng::with_seed(66);
    let mut seen = HashSet::new();
    let mut draw = || {
        let site = [0x2001_0db8, 0x2a00_1450, 0x2606_4700][random.usize(..3)] << 96;
        let subnet = u128::from(random.u16(..)) << 64;
        let short = u128::from(random.u16(..));
        let random_host = u128::from(random.u64(..));
        let host_by_mac = random_host & !0xff_ffff_0000 | 0xff_fe00_0000;
        match random.u8(..20) {
            0 => short,                            // ::1
            1..5 => 0xfe80 << 112 | host_by_mac,   // fe80::211:22ff:fe33:4455
            5..9 => site | subnet | host_by_mac,   // 2001:db8:0:7:211:22ff:fe33:4455
            9..12 => site | subnet | random_host,  // 2001:db8:0:7:a1b2:c3d4:e5f6:789
            12..15 => site | subnet | short,       // 2001:db8:0:7::2a
            15..17 => site | short,                // 2001:db8::2a
            17 => site | subnet << 16,             // 2001:db8:7::
            18 => 0xff02 << 112 | short,           // ff02::fb
            _ => 0xffff << 32 | random_host >> 32, // ::ffff:192.0.2.1
        }
    };
    std::iter::repeat_with(|| Ipv6Addr::from(draw()))
        .filter(|&address| seen.insert(address))
        .take(COUNT)
        .collect()
}
