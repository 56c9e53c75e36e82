//! What is said on a host that lacks something, and of each way in which a network refuses: in network
//! namespaces, as root.

#![cfg(all(target_os = "linux", feature = "cli"))]

mod common;

use std::time::Instant;

use common::PATIENCE;
use common::binary::Run;
use common::namespaces::{Path, SERVER4, SERVER6};

const ECHO6: &str = env!("CARGO_BIN_EXE_echo6");

fn client(network: &Path, arguments: &[&str]) -> Run {
    network.client(ECHO6, arguments).into()
}

#[test]
fn each_answer_of_icmp_has_its_sentence() {
    let Some(network) = Path::make(1500, "") else { return };
    let no_route = "network unreachable: a router on the way says that there is no route";
    let no_host = "host unreachable: the host does not answer on its own network, or a firewall";
    let no_entry = "permission denied: a firewall on the way, or this host's own, prohibits it";
    let no_port = "refused: nothing listens there, or a firewall rejects it";
    let no_tcp = "protocol not available: the host, or a firewall in its place, answers that it";
    let rows = [
        ("ip", "net-unreachable", no_route),
        ("ip", "host-unreachable", no_host),
        ("ip", "prot-unreachable", no_tcp),
        ("ip", "port-unreachable", no_port),
        ("ip", "net-prohibited", no_route),
        ("ip", "host-prohibited", no_host),
        ("ip", "admin-prohibited", no_host),
        ("ip6", "no-route", no_route),
        ("ip6", "admin-prohibited", no_entry),
        ("ip6", "addr-unreachable", no_host),
        ("ip6", "port-unreachable", no_port),
        ("ip6", "policy-fail", no_entry),
        ("ip6", "reject-route", no_entry),
    ];
    // A port for each, so that one check hears them all.
    let (mut rules, mut targets) = (Vec::new(), Vec::new());
    for (port, (family, code, _)) in (100..).zip(&rows) {
        let (protocol, icmp, host) = match *family {
            "ip" => ("ipv4", "icmp", SERVER4.to_owned()),
            _ => ("ipv6", "icmpv6", format!("[{SERVER6}]")),
        };
        let with = format!("reject with {icmp} type {code}");
        rules.push(format!("meta nfproto {protocol} tcp dport {port} {with}"));
        targets.push(format!("{host}:{port}"));
    }
    network.filter(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    let options = ["check", "-q", "-w", "2", "--connect-timeout", "3"];
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let run = client(&network, &[&options, &targets[..]].concat());
    assert_eq!(run.status, Some(1), "{run:?}");
    for ((target, line), (_, code, said)) in targets.iter().zip(run.stdout.lines()).zip(&rows) {
        assert!(line.starts_with(target) && line.contains(said), "{code}: {line}");
    }
    assert_eq!(run.stdout.lines().count(), rows.len(), "{}", run.stdout);
}

#[test]
fn a_name_server_that_never_answers_is_named_and_does_not_outlast_a_deadline() {
    let Some(network) = Path::make(1500, "") else { return };
    network.filter(&["udp dport 53 drop"]);
    let silent = "error: cannot resolve name.test: failed to lookup address information: Temporary \
                  failure in name resolution\nhelp: no name server answered: try again, or give";
    for command in [&["send", "name.test:7", "hi"][..], &["check", "name.test:7"]] {
        let run = client(&network, command);
        assert!(run.status == Some(1) && run.stderr.starts_with(silent), "{run:?}");
    }
    // The resolver itself gives up later than this test.
    let in_time = |arguments: &[&str]| {
        let start = Instant::now();
        let arguments = [&["RES_OPTIONS=timeout:30", ECHO6], arguments].concat();
        let run = Run::from(network.client("env", &arguments));
        assert!(start.elapsed() < PATIENCE, "{arguments:?}: {:?}", start.elapsed());
        (run.status, run.stderr.lines().next().unwrap_or_default().to_owned())
    };
    let run = in_time(&["send", "--deadline", "200ms", "name.test:7", "hi"]);
    assert_eq!(run, (Some(1), "deadline reached".to_owned()));
    for command in [&["send"][..], &["ping", "-c1"], &["check"], &["bench"], &["ping", "-uc1"]] {
        let limited = [command, &["--connect-timeout", "200ms", "name.test:7"]].concat();
        let said = "error: cannot resolve name.test: timed out".to_owned();
        assert_eq!(in_time(&limited), (Some(1), said), "{limited:?}");
    }
}

#[test]
fn a_host_whose_ports_are_all_taken_says_so() {
    let Some(network) = Path::make(1500, "") else { return };
    let server = network.listen(&["-q", "0.0.0.0:0"]);
    let target = format!("{SERVER4}:{}", server.port);
    network.client_setting("net.ipv4.ip_local_port_range=42000 42099");
    let load = ["-c", "200", "-d", "300ms", "--warm-up", "0", "-w", "1", &target];
    let run = client(&network, &[&["bench"], &load[..]].concat());
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stdout.contains("this host ran out of ports"), "{run:?}");
    // The connections of the load are closed, and keep their ports for a minute.
    let run = client(&network, &["check", "-q", &target]);
    let said = "this host has no IPv4 address to connect from, or no port left to do so";
    assert!(run.status == Some(1) && run.stdout.contains(said), "{run:?}");
    let run = client(&network, &["listen", "0.0.0.0:0"]);
    let said = "address already in use\nhelp: no port is left of those that the system gives out";
    assert!(run.status == Some(2) && run.stderr.contains(said), "{run:?}");
}

#[test]
fn a_host_whose_ipv6_is_switched_off_serves_and_reaches_ipv4() {
    let Some(network) = Path::make(1500, "") else { return };
    let server = network.listen(&["-q", "[::]:0"]);
    network.client_setting("net.ipv6.conf.all.disable_ipv6=1");
    let both = format!("both.test:{}", server.port);
    let run = client(&network, &["check", "-q", &both]);
    let said = "IPv6: address not available on this host: this host has no IPv6 address to connect \
                from, none that has been there for a second or two, or no port left to do so; IPv4 \
                works\n";
    assert_eq!((run.status, &run.stdout[..]), (Some(1), said));
    assert_eq!(client(&network, &["send", "-q", &both, "hi"]).status, Some(0));
    let run = client(&network, &["listen", "[::1]:0"]);
    assert!(
        run.status == Some(2) && run.stderr.contains("no interface has the address"),
        "{run:?}"
    );
    serves_ipv4(&network, "[::]:0");
    serves_ipv4(&network, ":0");
}

#[test]
fn an_address_that_is_not_ready_yet_is_not_said_to_be_missing() {
    let Some(network) = Path::make(1500, "") else { return };
    // A hundred seconds of duplicate address detection, one to a probe.
    for setting in ["accept_dad=1", "dad_transmits=100"] {
        network.client_setting(&format!("net.ipv6.conf.eth0.{setting}"));
    }
    network.client_ip("addr add fd86:9::1/64 dev eth0");
    let new = "or it is new: IPv6 checks for a duplicate first";
    let run = client(&network, &["listen", "[fd86:9::1]:0"]);
    assert!(run.status == Some(2) && run.stderr.contains(new), "{run:?}");
    let source = ["-s", "fd86:9::1", "[fd86:2::2]:7"];
    let run = client(&network, &[&["send"], &source[..], &["hi"]].concat());
    assert!(run.status == Some(1) && run.stderr.contains(new), "{run:?}");
    let run = client(&network, &[&["check", "-q"], &source[..]].concat());
    assert!(run.status == Some(1) && run.stdout.contains(new), "{run:?}");
}

#[test]
fn one_socket_serves_both_families_whatever_the_host_takes_for_the_default() {
    let Some(network) = Path::make(1500, "") else { return };
    network.client_setting("net.ipv6.bindv6only=1");
    for address in ["[::]:0", ":0"] {
        let port = serves_ipv4(&network, address);
        assert_ne!(port, 0);
    }
    let listening = network.client_listens(&["-6", "[::]:0"]);
    let target = |ip: &str| format!("{ip}:{}", listening.port);
    assert_eq!(client(&network, &["send", "-q", &target("[::1]"), "hi"]).status, Some(0));
    assert_eq!(client(&network, &["send", "-q", &target("127.0.0.1"), "hi"]).status, Some(1));
}

/// Serves on the client's side, and reaches that over IPv4; returns the port.
fn serves_ipv4(network: &Path, address: &str) -> u16 {
    let listening = network.client_listens(&["-q", address]);
    let target = format!("127.0.0.1:{}", listening.port);
    let run = client(network, &["send", &target, "hi"]);
    assert_eq!((run.status, &run.stdout[..]), (Some(0), "hi\n"), "{address}: {}", run.stderr);
    listening.port
}

#[test]
fn a_family_that_a_name_has_not_is_named_for_both_transports() {
    let Some(network) = Path::make(1500, "") else { return };
    let server = network.listen(&["-q", "-u", "0.0.0.0:0"]);
    let four = format!("four.test:{}", server.port);
    for transport in [&[][..], &["-u"]] {
        let run = client(&network, &[&["check", "-q"], transport, &[&four]].concat());
        let said = "IPv4 works; the name has no IPv6 address\n";
        assert_eq!((run.status, &run.stdout[..]), (Some(0), said), "{run:?}");
    }
}
