//! Arguments and lines for `echo6 address` in; what it prints, and its exit status, out.

#![cfg(feature = "cli")]

mod common;

use std::io::Read;

use common::binary::{Run, echo6, piped, run, run_with_input};

fn address(arguments: &[&str]) -> Run {
    run(&[&["address"], arguments].concat())
}

/// What `echo6 address -` makes of `lines`: its status, stdout and stderr.
fn canonical(lines: &[u8]) -> (Option<i32>, String, String) {
    let Run { status, stdout, stderr } = run_with_input(&["address", "-"], lines);
    (status, stdout, stderr)
}

fn explained(text: &str) -> String {
    let run = address(&[text]);
    assert_eq!((run.status, &run.stderr[..]), (Some(0), ""));
    run.stdout
}

fn refused(text: &str) -> String {
    let run = address(&[text]);
    assert_eq!((run.status, &run.stdout[..]), (Some(2), ""));
    run.stderr
}

#[test]
fn an_address_is_explained() {
    assert_eq!(
        explained("0:0:0::FFFF:192.0.2.7"),
        "::ffff:192.0.2.7
  family   IPv6
  bytes    00000000000000000000ffffc0000207
  is       IPv4-mapped: ::ffff:0:0/96 (RFC 4291)
  IPv4     192.0.2.7, documentation: 192.0.2.0/24 (RFC 5737)
  hint     write [0:0:0::FFFF:192.0.2.7]:PORT
"
    );
    for (text, line) in [
        ("127.0.0.1", "  is       loopback: 127.0.0.0/8 (RFC 1122)"),
        ("100.64.0.1", "  is       shared (carrier-grade NAT): 100.64.0.0/10 (RFC 6598)"),
        ("2002:c000:207::", "  IPv4     192.0.2.7, documentation: 192.0.2.0/24 (RFC 5737)"),
        ("::1:7000", "  hint     write [::1]:7000"),
    ] {
        assert!(explained(text).lines().any(|found| found == line), "{}", explained(text));
    }
}

#[test]
fn an_endpoint_is_explained_with_what_listen_and_send_would_do() {
    assert_eq!(
        explained("[fe80::1%eth0]:7000"),
        "[fe80::1%eth0]:7000
  family   IPv6
  bytes    fe800000000000000000000000000001
  is       link-local: fe80::/10 (RFC 4291)
  zone     eth0
  port     7000
  listen   serves IPv6 on fe80::1, port 7000, if this host has it
  send     connects to [fe80::1%eth0]:7000 over IPv6
"
    );
    for (text, listen, send) in [
        (":7", "serves IPv6 and IPv4 on every local address, port 7", "fails: there is no host"),
        ("[::]:0", "at a port that the system chooses", "fails: port 0"),
        ("[::ffff:192.0.2.7]:7", "serves IPv4 on 192.0.2.7, port 7", "connects to 192.0.2.7:7"),
        ("[fe80::1]:7", "fails: add the zone, as in [fe80::1%eth0]:7", "fails: add the zone"),
        ("[ff02::1]:7", "fails: TCP has no multicast", "fails: TCP has no multicast"),
        ("255.255.255.255:7", "fails: TCP has no limited broadcast", "fails"),
        ("name:7", "looks up name and serves", "looks up name and connects"),
    ] {
        let shown = explained(text);
        let row = |label| shown.lines().find(|line| line.starts_with(label)).unwrap();
        assert!(row("  listen").contains(listen) && row("  send").contains(send), "{shown}");
    }
}

#[test]
fn a_prefix_is_explained() {
    assert_eq!(
        explained("10.0.0.0/8"),
        "10.0.0.0/8
  family   IPv4
  is       private-use: 10.0.0.0/8 (RFC 1918)
  first    10.0.0.0
  last     10.255.255.255
  size     16,777,216 addresses
  mask     255.0.0.0
"
    );
    assert_eq!(
        explained("::ffff:192.0.0.0/112"),
        "192.0.0.0/16
  family   IPv4
  is       global unicast: 0.0.0.0/0 (RFC 791)
  first    192.0.0.0
  last     192.0.255.255
  size     65,536 addresses
  mask     255.255.0.0
  within   IETF protocol assignments: 192.0.0.0/24 (RFC 6890), \
IPv4 service continuity: 192.0.0.0/29 (RFC 7335), \
IPv4 dummy address: 192.0.0.8/32 (RFC 7600), and 4 more
"
    );
    for (text, line) in [
        ("fe80::/64", "  size     2^64 addresses"),
        ("fe80::/64", "  is       link-local: fe80::/10 (RFC 4291)"),
        ("::1/128", "  size     1 address"),
        ("0.0.0.0/0", "  mask     0.0.0.0"),
    ] {
        assert!(explained(text).lines().any(|found| found == line), "{}", explained(text));
    }
    let run = address(&["--json", "0.0.0.0/7"]);
    let object: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&object["canonical"], &object["length"]), (&"0.0.0.0/7".into(), &7.into()));
    assert_eq!(
        (&object["last"], &object["netmask"]),
        (&"1.255.255.255".into(), &"254.0.0.0".into())
    );
    assert_eq!(object["within"][0]["prefix"], "0.0.0.0/8");
}

#[test]
fn a_prefix_with_host_bits_is_refused_with_the_fix() {
    assert_eq!(
        refused("10.0.0.1/24"),
        "error: invalid prefix: bits set beyond the prefix length
  10.0.0.1/24
           ^
help: write 10.0.0.0/24, or 10.0.0.1/32 for the address alone
"
    );
    assert_eq!(
        canonical(b"2001:DB8::0/32\n10.0.0.1/8\n"),
        (
            Some(1),
            "2001:db8::/32\n".to_owned(),
            "line 2: invalid prefix: bits set beyond the prefix length at byte 9: 10.0.0.1/8\n"
                .to_owned()
        )
    );
    // What has a slash for another reason is no prefix.
    assert!(refused("http://10.0.0.1/24").contains("URL"));
    assert!(refused("name/8").contains("invalid address"));
}

#[test]
fn several_texts_are_explained_one_by_one_and_a_bad_one_does_not_hide_the_others() {
    for texts in [&["::1", "x:y", "127.0.0.1"][..], &["\u{feff}::1, x:y\r\n127.0.0.1 "]] {
        let Run { status, stdout: shown, .. } = address(texts);
        assert_eq!(status, Some(2));
        assert!(shown.starts_with("::1\n") && shown.contains("\n\n127.0.0.1\n"), "{shown}");
    }
}

#[test]
fn json_has_one_object_a_line_with_the_same_facts() {
    let run = address(&["--json", "64:ff9b::8.8.8.8", "[::1]:80", "name:80"]);
    assert_eq!(run.status, Some(0));
    let shown = run.stdout;
    let objects: Vec<serde_json::Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[0]["input"], "64:ff9b::8.8.8.8");
    assert_eq!(objects[0]["canonical"], "64:ff9b::808:808");
    assert_eq!(objects[0]["event"], "address");
    assert_eq!(objects[0]["family"], "ipv6");
    assert_eq!(objects[0]["bytes"], "0064ff9b000000000000000008080808");
    assert_eq!(objects[0]["purpose"], "NAT64");
    assert_eq!(objects[0]["rfc"], 6052);
    assert_eq!(objects[0]["embedded_ipv4"]["canonical"], "8.8.8.8");
    assert_eq!(objects[1]["prefix"], "::1/128");
    assert_eq!(objects[1]["port"], 80);
    assert_eq!(objects[1]["send"], "connects to [::1]:80 over IPv6");
    assert_eq!(objects[2]["name"], "name");
    assert!(objects[2].get("family").is_none());
}

#[test]
fn a_bad_text_is_shown_with_a_caret_and_the_likely_fix() {
    assert_eq!(
        refused("2001:db8::1::2"),
        "error: invalid IPv6 address: second \"::\"
  2001:db8::1::2
              ^
help: \"::\" may stand only once: write the other zero groups as 0
"
    );
    for (text, place, help) in [
        ("[::1]", "[::1]\n       ^", "add a port: '[::1]:7000'"),
        ("[::1:7000", "[::1:7000\n           ^", "write '[::1]:7000'"),
        ("http://x:80/", "http://x:80/\n       ^", "write x:80"),
        ("1.2.3.4.5:80", "1.2.3.4.5:80\n         ^", "four numbers"),
        ("256.1.1.1:80", "256.1.1.1:80\n    ^", "0 to 255"),
        ("2001:db8:::1", "2001:db8:::1\n            ^", "at most two colons stand in a row"),
        ("::ffff:10.0.0.1:80", "::ffff:10.0.0.1:80\n   ^", "write '[::ffff:10.0.0.1]:80'"),
        (":::80", ":::80\n   ^", "write '[::]:80'"),
        ("m\u{fc}nchen.de:80", "m\u{fc}nchen.de:80\n   ^", "write xn--mnchen-3ya.de:80"),
        ("m\u{fc}nchen.de", "m\u{fc}nchen.de\n   ^", "write xn--mnchen-3ya.de, with a port xn--"),
        ("10.0.0.1/24:80", "10.0.0.1/24:80\n          ^", "prefix length: write 10.0.0.1:80"),
        ("[fe80::1/64]:80", "[fe80::1/64]:80\n          ^", "length: write '[fe80::1]:80'"),
        ("", "\n  ^", "write an address"),
        ("a\u{4e3b}\u{4e3b}:80", "a\u{4e3b}\u{4e3b}:80\n   ^", ""),
        ("a\u{1b}[2J\u{202e}", "a\\u{1b}[2J\\u{202e}\n   ^", ""),
    ] {
        let shown = refused(text);
        assert!(shown.contains(&format!("\n  {place}\n")), "{shown}");
        assert!(shown.contains("help: ") && shown.contains(help), "{shown}");
    }
}

#[test]
fn a_zone_needs_no_brackets_where_no_port_follows() {
    let shown = explained("fe80::1%eth0");
    assert!(shown.contains("is       link-local: fe80::/10"), "{shown}");
    assert!(shown.contains("write [fe80::1%eth0]:PORT"), "{shown}");
    let lines = b"\xef\xbb\xbfFE80::1%eth0 \n\n \n";
    assert_eq!(canonical(lines), (Some(0), "fe80::1%eth0\n".to_owned(), String::new()));
}

#[test]
fn a_name_is_explained_by_its_addresses_and_looked_up_only_as_an_argument() {
    let shown = explained("localhost");
    assert!(shown.contains("\n  address  "), "{shown}");
    let unknown = address(&["nosuch.invalid"]);
    assert_eq!(unknown.status, Some(1), "{unknown:?}");
    assert!(unknown.stderr.starts_with("error: cannot resolve nosuch.invalid"), "{unknown:?}");
    assert_eq!(canonical(b"localhost\n").0, Some(1));
}

#[test]
fn a_long_text_is_refused_with_short_lines() {
    // Windows takes no command line of more than 32,767 characters.
    for unit in ["1", "1.", ":", "1:", "[fe80::1%", "\u{4e3b}", "\u{301}", "\u{1b}"] {
        let shown = refused(&unit.repeat(30_000 / unit.len()));
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
    }
}

#[test]
fn wrong_usage_is_told_from_a_bad_address() {
    for arguments in [&[][..], &["-", "::1"], &["--nonsense"]] {
        let run = address(arguments);
        assert_eq!((run.status, &run.stdout[..]), (Some(2), ""));
        assert!(run.stderr.contains("try 'echo6 address --help'"), "{}", run.stderr);
    }
}

#[test]
fn lines_become_canonical_and_bad_ones_are_counted_and_escaped() {
    let input =
        b"2001:DB8:0:0::1\r\n192.0.2.1\n[::0:1]:080\nname:7\n\n256.1.1.1\nx\xff\n\x1b[2J\n::1";
    let stdout = "2001:db8::1\n192.0.2.1\n[::1]:80\nname:7\n::1\n";
    let stderr = "line 6: invalid address: octet greater than 255 at byte 2: 256.1.1.1
line 7: not UTF-8 at byte 1: x\u{fffd}
line 8: invalid address: unexpected character at byte 0: \\u{1b}[2J
";
    assert_eq!(canonical(input), (Some(1), stdout.to_owned(), stderr.to_owned()));
}

#[test]
fn good_lines_end_with_status_0_also_when_there_are_none() {
    assert_eq!(canonical(b""), (Some(0), String::new(), String::new()));
    let run = run_with_input(&["address", "-", "--json"], b"::1\n");
    assert_eq!(run.status, Some(0));
    assert!(run.stdout.contains(r#""input":"::1","canonical":"::1","#), "{}", run.stdout);
}

#[test]
fn a_line_longer_than_the_buffer_is_one_bad_line() {
    let error = "line 1: longer than 131072 bytes\n".to_owned();
    let input = ["a".repeat(500_000).as_bytes(), b"\n::1\n"].concat();
    assert_eq!(canonical(&input), (Some(1), "::1\n".to_owned(), error.clone()));
    assert_eq!(canonical(&[b'1'; 131_072]), (Some(1), String::new(), error));
}

#[test]
fn many_lines_come_out_in_order_whatever_block_they_fall_into() {
    let lines: String =
        (0..100_000_u32).map(|n| format!("{}\n", std::net::Ipv4Addr::from(n))).collect();
    assert_eq!(canonical(lines.as_bytes()), (Some(0), lines, String::new()));
}

#[test]
fn a_reader_that_went_away_ends_it_quietly() {
    let mut child = piped(&mut echo6(&["address", "-"]));
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // More than the pipe holds, so it is read; the write ends when the child does.
    let _ = std::io::Write::write_all(&mut stdin, "::1\n".repeat(1_000_000).as_bytes());
    drop(stdin);
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert_eq!((child.wait().unwrap().code(), words.as_str()), (Some(0), ""));
}
