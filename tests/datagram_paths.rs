//! What `echo6 check -u` finds out about a path: its MTU, whether it says so, and fragments. In
//! network namespaces, as root; skipped aloud otherwise.

#![cfg(all(target_os = "linux", feature = "cli"))]

mod common;

use std::io::BufRead;
use std::time::{Duration, Instant};

use common::namespaces::{Path, SERVER4, SERVER6};
use rustix::process::Signal;
use serde_json::json;

const ECHO6: &str = env!("CARGO_BIN_EXE_echo6");

/// A path with an echo server behind it, and its port.
fn path(mtu: u32, rules: &str) -> Option<(Path, String)> {
    let mut path = Path::make(mtu, rules)?;
    let mut stdout = path.serve(ECHO6, &["listen", "-q", "-u", "[::]:0"]);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let port = line["listening on [::]:".len()..].split(' ').next().unwrap().to_owned();
    // Links take a moment until IPv6 is ready on them.
    let both = format!("{SERVER4}:{port},[{SERVER6}]:{port}");
    let ready = path.client(ECHO6, &["send", "--until-ready", "20s", &both, "ready?"]);
    assert!(ready.status.success(), "{ready:?}");
    Some((path, port))
}

/// The sentences and the table of a check of both families.
fn check(path: &Path, port: &str) -> (Option<i32>, String) {
    let (four, six) = (format!("{SERVER4}:{port}"), format!("[{SERVER6}]:{port}"));
    let output = path.client(ECHO6, &["check", "-u", "-w", "1s", &four, &six]);
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text)
}

#[test]
fn a_path_that_says_its_mtu_works() {
    let Some((path, port)) = path(1280, "") else { return };
    let (status, text) = check(&path, &port);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains(&format!("{SERVER4}:{port}: IPv4 works")), "{text}");
    assert!(text.contains(&format!("[{SERVER6}]:{port}: IPv6 works")), "{text}");
    assert_eq!(text.matches(" 1280 ").count(), 2, "{text}");
}

#[test]
fn a_path_that_does_not_say_its_mtu_is_a_black_hole() {
    let rules = "chain out { type filter hook output priority 0; \
                 icmp type destination-unreachable drop; icmpv6 type packet-too-big drop; }";
    let Some((path, port)) = path(1280, rules) else { return };
    let (status, text) = check(&path, &port);
    assert_eq!(status, Some(1), "{text}");
    // Over IPv4 the router fragments what is not sent whole.
    for (family, vanishing) in [
        ("IPv4", ": let ICMP type 3 code 4 pass"),
        ("IPv6", ", datagrams over 1232 bytes vanish: let ICMPv6 type 2 pass"),
    ] {
        let said =
            format!("{family}: path MTU 1280, but no router reports it: a black hole{vanishing}\n");
        assert!(text.contains(&said), "{text}");
    }
    assert!(text.contains(" 1280    1232 "), "{text}");
}

#[test]
fn a_link_with_two_mtus_does_not_take_long_datagrams() {
    let Some((path, port)) = path(1500, "") else { return };
    // What is longer is dropped by veth(4), and the kernel says ENOBUFS.
    path.router_ip("link set eth1 mtu 1300");
    let (status, text) = check(&path, &port);
    assert_eq!(status, Some(1), "{text}");
    for (family, longest) in [("IPv4", 1276), ("IPv6", 1256)] {
        let said = format!(
            "{family}: datagrams over {longest} bytes are refused on the way out (no buffer space), \
             packets of up to 1304 bytes pass"
        );
        assert!(text.contains(&said), "{text}");
    }
    assert_eq!(text.matches(" unsent\n").count(), 2, "{text}");
}

#[test]
fn a_host_without_a_route_says_so_of_both_transports_in_the_same_words() {
    let Some((path, port)) = path(1500, "") else { return };
    path.client_ip("route del default");
    path.client_ip("-6 route del default");
    let addresses = [format!("{SERVER4}:{port}"), format!("[{SERVER6}]:{port}")];
    for (address, family) in addresses.iter().zip(["IPv4", "IPv6"]) {
        let sentences = [&["check", "-q"][..], &["check", "-q", "-u"]].map(|check| {
            let checked = path.client(ECHO6, &[check, &[address]].concat());
            assert_eq!(checked.status.code(), Some(1), "{checked:?}");
            String::from_utf8(checked.stdout).unwrap()
        });
        let said = format!("this host has no route there: does it have {family} connectivity?\n");
        assert!(sentences[0].ends_with(&said), "{sentences:?}");
        assert_eq!(sentences[0], sentences[1]);
        let checked = path.client(ECHO6, &["check", "-u", address]);
        let text = String::from_utf8(checked.stdout).unwrap();
        assert!(text.contains(" unreachable\n"), "{text}");
    }
}

#[test]
fn fragments_that_are_dropped_on_the_way_are_told_from_a_small_mtu() {
    let rules = "chain through { type filter hook prerouting priority -450; \
                 exthdr frag exists drop; }";
    let Some((path, port)) = path(1500, rules) else { return };
    let (status, text) = check(&path, &port);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains(": IPv4 works"), "{text}");
    let said = "IPv6: datagrams over 1452 bytes vanish, small ones return: fragments are dropped";
    assert!(text.contains(said), "{text}");
}

#[test]
fn udp_that_is_filtered_is_told_from_a_host_that_is_down() {
    let rules = "chain through { type filter hook prerouting priority 0; meta l4proto udp drop; }";
    let Some((path, port)) = path(1500, rules) else { return };
    let (status, text) = check(&path, &port);
    assert_eq!(status, Some(1), "{text}");
    let said = "silent, TCP works: UDP is filtered, or not served";
    assert_eq!(text.matches(said).count(), 2, "{text}");
}

#[test]
fn a_ping_says_who_refuses_and_how_many_routers_a_reply_passed() {
    let Some((path, port)) = path(1500, "") else { return };
    for address in [format!("{SERVER4}:{port}"), format!("[{SERVER6}]:{port}")] {
        let pinged = path.client(ECHO6, &["ping", "-u", "-v", "-c1", &address]);
        let text = String::from_utf8(pinged.stdout).unwrap();
        assert!(text.contains(" hops=1\n"), "{text}");
    }
    for (address, by) in [(format!("{SERVER4}:9"), SERVER4), (format!("[{SERVER6}]:9"), SERVER6)] {
        let pinged = path.client(ECHO6, &["ping", "-u", "-c1", &address]);
        let text = String::from_utf8(pinged.stderr).unwrap();
        assert!(
            text.contains(&format!("nothing listens there, or a firewall rejects it, says {by}")),
            "{text}"
        );
    }
}

#[test]
fn a_link_that_takes_nothing_does_not_keep_the_server_from_its_end() {
    let Some(path) = Path::make(1500, "") else { return };
    let server = path.listen(&["-u", "--json", "--grace", "1s", &format!("{SERVER4}:0")]);
    let address = format!("{SERVER4}:{}", server.port);
    let ready = path.client(ECHO6, &["send", "-u", "--until-ready", "20s", &address, "ready?"]);
    assert!(ready.status.success(), "{ready:?}");
    // Of a megabyte, the rest waits for a minute: some in the queue of the link, some in the buffer
    // of the socket, some in the server.
    if !path.server_slows("64kbit") {
        eprintln!("skipped: no slow link here");
        return;
    }
    let load =
        ["ping", "-u", "-q", "--size", "20000", "-c", "40", "-i", "1ms", "-w", "1s", &address];
    path.client(ECHO6, &load);
    let asked = Instant::now();
    let run = server.stop(Signal::TERM);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let stopped = run.objects().pop().unwrap();
    assert_eq!((run.status, &stopped["event"]), (Some(0), &json!("stopped")), "{stopped}");
    let unsent = &stopped["datagrams"]["unsent"];
    assert!(unsent["no_buffer"].as_u64() > Some(0) && unsent.get("other").is_none(), "{stopped}");
}
