use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use super::HeaderErrorKind as Kind;
use super::*;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, body].concat()
}

fn addresses(source: &str, destination: &str) -> Option<Addresses> {
    let [source, destination] = [source, destination].map(|text| text.parse().unwrap());
    Some(Addresses { source, destination })
}

/// Reads a header that arrives in every way: whole, cut at each byte, and piece by piece with reads
/// of as many bytes as are allowed. What follows it is left alone.
fn read_in_every_split(bytes: &[u8]) -> Header {
    let followed = [bytes, b"PROXY \r\n\r\n\0"].concat();
    let Ok(Parsed::Whole { header, length }) = Header::parse(&followed) else {
        panic!("{:?}: {:?}", String::from_utf8_lossy(bytes), Header::parse(bytes));
    };
    assert_eq!(length, bytes.len());
    for cut in 0..bytes.len() {
        let Ok(Parsed::Part { least }) = Header::parse(&bytes[..cut]) else {
            panic!("cut at {cut}: {:?}", Header::parse(&bytes[..cut]));
        };
        assert!(least > 0 && cut + least <= bytes.len(), "cut at {cut}: {least}");
    }
    let mut arrived = 0;
    while let Ok(Parsed::Part { least }) = Header::parse(&followed[..arrived]) {
        arrived += least;
    }
    assert_eq!(arrived, bytes.len(), "reads took bytes of the client");
    header
}

/// The error of bytes, which is the same whatever follows them and however they were cut.
fn refused(bytes: &[u8]) -> HeaderError {
    let error = Header::parse(bytes).unwrap_err();
    for cut in 0..bytes.len() {
        match Header::parse(&bytes[..cut]) {
            Ok(Parsed::Part { least }) => assert!(least > 0),
            Ok(whole) => panic!("cut at {cut}: {whole:?}"),
            Err(earlier) => assert_eq!(earlier, error, "cut at {cut}"),
        }
    }
    assert_eq!(Header::parse(&[bytes, b"more\r\n"].concat()), Err(error));
    error
}

#[test]
fn a_line_says_who_the_client_is() {
    for (line, expected) in [
        (
            "PROXY TCP4 192.0.2.7 198.51.100.1 41000 7\r\n",
            addresses("192.0.2.7:41000", "198.51.100.1:7"),
        ),
        (
            "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
            addresses("0.0.0.0:0", "255.255.255.255:65535"),
        ),
        ("PROXY TCP6 2001:DB8::1 ::1 1 2\r\n", addresses("[2001:db8::1]:1", "[::1]:2")),
        // Mapped addresses are IPv4, whoever announces them.
        (
            "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 41000 7\r\n",
            addresses("192.0.2.7:41000", "198.51.100.1:7"),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN \r\n", None),
        ("PROXY UNKNOWN what ever \u{1} 192.0.2.7 99999\r\n", None),
    ] {
        let header = read_in_every_split(line.as_bytes());
        assert_eq!((header.addresses, header.version), (expected, Version::V1), "{line}");
        let command = if expected.is_some() { Command::Proxy } else { Command::Unknown };
        assert_eq!(header.command, command, "{line}");
    }
}

#[test]
fn a_line_has_at_most_107_bytes() {
    let longest = "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
                   ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!(longest.len(), 104);
    read_in_every_split(longest.as_bytes());
    let unknown = |filling: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(filling));
    assert_eq!(unknown(91).len(), 107);
    read_in_every_split(unknown(91).as_bytes());
    let error = refused(unknown(92).as_bytes());
    assert_eq!((error.kind, error.position), (Kind::LineTooLong, 105));
    refused(format!("PROXY TCP4 {}", "1".repeat(500)).as_bytes());
}

#[test]
fn what_is_no_line_ends_at_the_byte_that_cannot_stand() {
    for (line, kind, position) in [
        ("hello", Kind::NoHeader, 0),
        ("GET / HTTP/1.0", Kind::NoHeader, 0),
        ("PROXX", Kind::NoHeader, 4),
        ("proxy TCP4", Kind::NoHeader, 0),
        ("PROXY\tTCP4", Kind::NoHeader, 5),
        ("PROXY_", Kind::NoHeader, 5),
        ("PROXY\r\n", Kind::NoHeader, 5),
        ("PROXY  TCP4", Kind::Protocol, 6),
        ("PROXY UDP4", Kind::Protocol, 7),
        ("PROXY tcp4", Kind::Protocol, 6),
        ("PROXY TCP5", Kind::Protocol, 9),
        ("PROXY TCP4\r\n", Kind::Protocol, 10),
        ("PROXY UNKNOWNxyz\r\n", Kind::Protocol, 13),
        ("PROXY UNKNOWN\n", Kind::Protocol, 13),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 41000 7\n", Kind::LineEnd, 41),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 41000 7\rx", Kind::LineEnd, 42),
        ("PROXY UNKNOWN x\rx", Kind::LineEnd, 16),
        ("PROXY UNKNOWN x\nx", Kind::LineEnd, 15),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 +80 80\r\n", Kind::Character, 34),
        ("PROXY TCP4 ::1", Kind::Character, 11),
        ("PROXY TCP4 192.0.2.7\t198", Kind::Character, 20),
        ("PROXY TCP6 fe80::1%eth0", Kind::Character, 18),
        ("PROXY TCP6 fe80::g", Kind::Character, 17),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 0080 80\r\n", Kind::Port, 35),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 80 080\r\n", Kind::Port, 38),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 65536 80\r\n", Kind::Port, 38),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 80 99999999999999999999\r\n", Kind::Port, 41),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 80 \r\n", Kind::Port, 37),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 80\r\n", Kind::Port, 36),
        ("PROXY TCP4 192.0.2.7 198.51.100.1  80 80\r\n", Kind::Port, 34),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 80 80 \r\n", Kind::Port, 39),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 80 80 80\r\n", Kind::Port, 39),
        ("PROXY TCP4  192.0.2.7 198.51.100.1 80 80\r\n", Kind::Address, 11),
        ("PROXY TCP4 192.0.2.7  198.51.100.1 80 80\r\n", Kind::Address, 21),
        ("PROXY TCP4 192.0.2.07 198.51.100.1 80 80\r\n", Kind::Address, 20),
        ("PROXY TCP4 192.0.2 198.51.100.1 80 80\r\n", Kind::Address, 18),
        ("PROXY TCP4 256.0.2.7 198.51.100.1 80 80\r\n", Kind::Address, 13),
        ("PROXY TCP4 192.0.2.7\r\n", Kind::Address, 20),
        ("PROXY TCP6 192.0.2.7 198.51.100.1 80 80\r\n", Kind::Address, 14),
        ("PROXY TCP6 1::2::3 ::1 80 80\r\n", Kind::Address, 16),
    ] {
        let error = refused(line.as_bytes());
        assert_eq!((error.kind, error.position), (kind, position), "{line:?}");
    }
}

#[test]
fn a_binary_header_says_who_the_client_is() {
    let four = [192, 0, 2, 7, 198, 51, 100, 1, 0xa0, 0x28, 0, 7];
    let header = read_in_every_split(&v2(0x21, 0x11, &four));
    assert_eq!(header.addresses, addresses("192.0.2.7:41000", "198.51.100.1:7"));
    assert_eq!((header.version, header.command), (Version::V2, Command::Proxy));

    let ip = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
    for (source, expected) in
        [("2001:db8::1", "[2001:db8::1]:1"), ("::ffff:192.0.2.7", "192.0.2.7:1")]
    {
        let six = [&ip(source)[..], &ip("::1"), &[0, 1, 0, 2]].concat();
        let header = read_in_every_split(&v2(0x21, 0x21, &six));
        assert_eq!(header.addresses, addresses(expected, "[::1]:2"));
    }
}

#[test]
fn what_is_no_tcp_over_ip_keeps_the_real_addresses() {
    let unix = [0; 216];
    for (family, body) in [
        (0x00, &b""[..]),
        (0x00, b"anything at all, no TLV"),
        (0x12, &[0; 12]),
        (0x22, &[0; 36]),
        (0x31, &unix),
        (0x32, &unix),
    ] {
        let header = read_in_every_split(&v2(0x21, family, body));
        assert_eq!((header.command, header.addresses), (Command::Unknown, None), "{family:#x}");
    }
}

#[test]
fn what_is_no_binary_header_ends_at_the_byte_that_cannot_stand() {
    let tlv = |body: &[u8]| [&[0; 12][..], body].concat();
    for (bytes, kind, position) in [
        (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), Kind::NoHeader, 11),
        (b"\r\nx".to_vec(), Kind::NoHeader, 2),
        (v2(0x11, 0x11, &[0; 12]), Kind::Version, 12),
        (v2(0x31, 0x11, &[0; 12]), Kind::Version, 12),
        (v2(0x22, 0x11, &[0; 12]), Kind::Command, 12),
        (v2(0x2f, 0x00, &[]), Kind::Command, 12),
        (v2(0x21, 0x10, &[0; 12]), Kind::Family, 13),
        (v2(0x21, 0x13, &[0; 12]), Kind::Family, 13),
        (v2(0x21, 0x01, &[]), Kind::Family, 13),
        (v2(0x21, 0x41, &[0; 12]), Kind::Family, 13),
        (v2(0x21, 0x11, &[0; 11]), Kind::TooShort, 15),
        (v2(0x21, 0x21, &[0; 12]), Kind::TooShort, 15),
        (v2(0x21, 0x31, &[0; 215]), Kind::TooShort, 15),
        (v2(0x21, 0x11, &[0; 4097]), Kind::TooLong, 15),
        (v2(0x20, 0x00, &[0; 8192]), Kind::TooLong, 14),
        (v2(0x21, 0x11, &tlv(&[1])), Kind::Tlv, 28),
        (v2(0x21, 0x11, &tlv(&[1, 0])), Kind::Tlv, 28),
        (v2(0x21, 0x11, &tlv(&[4, 0, 0, 1, 0, 2, b'h'])), Kind::Tlv, 31),
        (v2(0x21, 0x11, &tlv(&[3, 0, 4, 1, 2, 3, 4])), Kind::Checksum, 31),
        (v2(0x21, 0x11, &tlv(&[3, 0, 2, 1, 2])), Kind::Checksum, 31),
    ] {
        let error = refused(&bytes);
        assert_eq!((error.kind, error.position), (kind, position), "{bytes:02x?}");
    }
    read_in_every_split(&v2(0x20, 0x00, &[0; 4096]));
}

/// What others fell over, as their users reported it: one row each.
#[test]
fn the_headers_that_others_failed_at_are_read() {
    // A network load balancer of AWS checks with LOCAL, the family TCP4 and no addresses, but a
    // checksum and padding.
    let body = [&[3, 0, 4, 0xbc, 0xe5, 0x95, 0x1f, 4, 0, 0x4a][..], &[0; 0x4a]].concat();
    let nlb = v2(0x20, 0x11, &body);
    assert_eq!(nlb[14..16], [0, 0x54]);
    // Its checksum is right too, though nothing of a LOCAL header is to be looked at.
    let zeroed = [&nlb[..19], &[0; 4], &nlb[23..]].concat();
    assert_eq!(v2::crc32c(&[&zeroed]), 0xbce5_951f);

    let haproxy = v2(0x20, 0x00, &[]);
    let long = v2(0x21, 0x11, &[&[0; 12][..], &[4, 1, 0], &[0; 256]].concat());
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 41000 7\r\n".to_vec();
    for (whose, header, command) in [
        // LOCAL was refused, or not skipped.
        ("kanidm: LOCAL without addresses", &haproxy, Command::Local),
        ("tbmq: LOCAL marked the balancer down", &haproxy, Command::Local),
        ("go-proxyproto: LOCAL, TCP4 and a length", &nlb, Command::Local),
        ("VictoriaMetrics: LOCAL of a health check", &haproxy, Command::Local),
        ("teleport: LOCAL with TLVs", &nlb, Command::Local),
        ("vector: LOCAL", &haproxy, Command::Local),
        // A header in several segments.
        ("nginx: version 2 with long TLVs", &long, Command::Proxy),
        ("mosquitto: version 2 after its first 16 bytes", &long, Command::Proxy),
        ("lavinmq: version 1 byte by byte", &line, Command::Proxy),
        ("MariaDB: version 1 in two segments", &line, Command::Proxy),
        ("squid: version 2 byte by byte", &long, Command::Proxy),
    ] {
        assert_eq!(read_in_every_split(header).command, command, "{whose}");
    }
}

#[test]
fn the_checksum_is_that_of_rfc_3720() {
    assert_eq!(v2::crc32c(&[b"1234", b"56789"]), 0xe306_9283);
    assert_eq!(v2::crc32c(&[&[0; 32]]), 0x8a91_36aa);
}

#[test]
fn types_have_names_and_values_are_text_where_they_can_be_read() {
    let ssl = [&[7, 0, 0, 0, 0][..], &[0x21, 0, 7], b"TLSv1.3", &[0x22, 0, 6], b"client"].concat();
    for (kind, value, expected) in [
        (0x01, &b"h2"[..], "alpn=h2"),
        (0x02, b"echo.example", "authority=echo.example"),
        (0x02, b"a\x1b[2J", "authority=0x611b5b324a"),
        (0x02, b"", "authority=0x"),
        (0x03, &[1, 2, 3, 4], "crc32c=0x01020304"),
        (0x04, &[0, 0], ""),
        (0x05, &[0xff, 1], "unique_id=0xff01"),
        (
            0x20,
            &ssl,
            "ssl=tls, certificate, certificate in this session ssl_verified=yes ssl_version=TLSv1.3 ssl_cn=client",
        ),
        (0x20, &[1, 0, 0, 0, 1], "ssl=tls ssl_verified=no"),
        (0x20, &[1], "0x20=0x01"),
        (0x30, b"blue", "netns=blue"),
        (0xea, b"\x01vpce-08d2bf15fac5001c9", "aws_vpce_id=vpce-08d2bf15fac5001c9"),
        (0xea, b"\x02?", "0xea=0x023f"),
        (0xee, &[1, 0x2a, 0, 0, 0], "azure_private_endpoint=42"),
        (0xe0, &[0, 0, 0, 0, 0, 0, 0, 42], "gcp_psc_connection_id=42"),
        (0xe4, &[1], "0xe4=0x01"),
    ] {
        let fields = Tlv::new(kind, value).fields();
        let shown: Vec<_> = fields.iter().map(|(name, text)| format!("{name}={text}")).collect();
        assert_eq!(shown.join(" "), expected);
    }
}

#[test]
fn a_header_has_one_checksum_however_often_it_is_asked_for() {
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let header = Header::new(Version::V2, end("192.0.2.7:1"), end("198.51.100.1:2"));
    let header =
        [3, 2, 3].iter().fold(header, |header, &kind| header.with_tlv(Tlv::new(kind, "x")));
    let read = read_in_every_split(&header.to_bytes().unwrap());
    assert_eq!(read.tlvs.iter().map(|tlv| tlv.kind).collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn the_longest_header_has_no_name_twice() {
    // So many that are empty fill a header.
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let header = Header::new(Version::V2, end("192.0.2.7:1"), end("198.51.100.1:2"));
    let header = (0..1361).fold(header, |header, _| header.with_tlv(Tlv::new(0xf0, "")));
    let fields = header.fields();
    let names: HashSet<_> = fields.iter().map(|(name, _)| name).collect();
    assert_eq!((names.len(), &fields[1360].0[..]), (1361, "0xf0_1361"));
}

#[test]
fn a_name_that_comes_again_has_its_number() {
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let header = ["a", "b", "c"].iter().fold(
        Header::new(Version::V2, end("192.0.2.7:1"), end("198.51.100.1:2")),
        |header, value| header.with_tlv(Tlv::new(2, *value)),
    );
    let names: Vec<_> = header.fields().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["authority", "authority_2", "authority_3"]);
    assert_eq!(header.to_string(), "PROXY v2");
    assert_eq!(Header::local(Version::V2).to_string(), "PROXY v2, for the balancer itself");
    #[cfg(feature = "cli")] // which has a writer of JSON
    assert_eq!(
        serde_json::to_string(&header).unwrap(),
        r#"{"version":"v2","command":"proxy","source":"192.0.2.7:1","destination":"198.51.100.1:2","tlvs":{"authority":"a","authority_2":"b","authority_3":"c"}}"#
    );
}

#[test]
fn a_header_is_written_as_a_balancer_writes_it() {
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let write = |header: Header| String::from_utf8(header.to_bytes().unwrap()).unwrap();
    let line = |source, destination| write(Header::new(Version::V1, end(source), end(destination)));
    assert_eq!(line("192.0.2.7:1", "198.51.100.1:2"), "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n");
    assert_eq!(line("[::1]:1", "[2001:db8::1]:2"), "PROXY TCP6 ::1 2001:db8::1 1 2\r\n");
    assert_eq!(line("[::ffff:192.0.2.7]:1", "[::1]:2"), "PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n");
    assert_eq!(write(Header::local(Version::V1)), "PROXY UNKNOWN\r\n");
    assert_eq!(Header::local(Version::V2).to_bytes().unwrap(), v2(0x20, 0, &[]));
    let long = Header::new(Version::V2, end("[::1]:1"), end("[::1]:2"));
    let fits = |length| long.clone().with_tlv(Tlv::new(4, vec![0; length])).to_bytes().is_ok();
    assert!(fits(4096 - 36 - 3) && !fits(4096 - 36 - 2) && !fits(70_000));
}

fn any_end() -> impl Strategy<Value = SocketAddr> {
    let ip = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
        any::<[u8; 4]>().prop_map(|v4| std::net::Ipv4Addr::from(v4).to_ipv6_mapped().into()),
    ];
    (ip, any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn any_header() -> impl Strategy<Value = Header> {
    let version = prop_oneof![Just(Version::V1), Just(Version::V2)];
    let ends = prop::option::weighted(0.9, (any_end(), any_end()));
    let tlv = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40));
    (version, ends, prop::collection::vec(tlv, 0..4)).prop_map(|(version, ends, tlvs)| {
        let Some((source, destination)) = ends else { return Header::local(version) };
        let header = Header::new(version, source, destination);
        match version {
            Version::V1 => header,
            Version::V2 => tlvs
                .into_iter()
                .fold(header, |header, (kind, value)| header.with_tlv(Tlv::new(kind, value))),
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_in_every_split(header in any_header()) {
        let mut read = read_in_every_split(&header.to_bytes().unwrap());
        let mut written = header;
        // A header has one checksum, and only the writer knows what it is.
        let mut sums = 0..;
        written.tlvs.retain(|tlv| tlv.kind != 3 || sums.next() == Some(0));
        for tlv in written.tlvs.iter_mut().chain(&mut read.tlvs).filter(|tlv| tlv.kind == 3) {
            tlv.value.clear();
        }
        prop_assert_eq!(read, written);
    }

    #[test]
    fn a_broken_header_is_judged_the_same_in_every_split(
        header in any_header(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = header.to_bytes().unwrap();
        let at = place.index(bytes.len());
        bytes[at] = byte;
        match Header::parse(&bytes) {
            Ok(Parsed::Whole { length, .. }) => drop(read_in_every_split(&bytes[..length])),
            Ok(Parsed::Part { least }) => prop_assert!(least > 0),
            Err(_) => {
                let error = refused(&bytes);
                prop_assert!(error.position < bytes.len() || error.kind == Kind::Port);
            }
        }
    }

    #[test]
    fn noise_is_refused_or_waits_for_no_more_than_a_header_has(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        match Header::parse(&bytes) {
            Ok(Parsed::Part { least }) => prop_assert!(least <= 4112),
            Ok(Parsed::Whole { length, .. }) => prop_assert!(length <= bytes.len()),
            Err(error) => prop_assert!(error.position < bytes.len()),
        }
    }
}
