//! What a client says of a network that fails: each fault is made in network namespaces.

#![cfg(all(target_os = "linux", feature = "cli"))]

mod common;

use std::thread;
use std::time::Instant;

use common::PATIENCE;
use common::binary::Run;
use common::namespaces::{Path, SERVER4, SERVER6};

/// Runs echo6 on the client's side.
fn client(network: &Path, arguments: &[&str]) -> Run {
    network.client(env!("CARGO_BIN_EXE_echo6"), arguments).into()
}

/// Runs `check -q` of `target` at the port of the server.
fn sentence(network: &Path, options: &[&str], target: &str, port: u16) -> Run {
    let target = format!("{target}:{port}");
    // Within one host an ICMP message can be back while connect(2) still has the socket, which then does
    // not hear it: the second SYN, a second later, does.
    let limits = ["check", "-q", "-w", "2", "--connect-timeout", "3"];
    client(network, &[&limits, options, &[&target]].concat())
}

#[test]
fn each_firewall_is_told_by_what_it_does() {
    let Some(network) = Path::make(1500, "") else { return };
    let server = network.listen(&["-q", "[::]:0"]);
    let (six, four) =
        ("tcp dport 1-65535 ip6 daddr fd86:2::2", "tcp dport 1-65535 ip daddr 10.86.2.2");
    let rule = |family: &str, verdict: &str| format!("{family} {verdict}");
    for (rules, status, said) in [
        (vec![], 0, "IPv6 and IPv4 work\n"),
        (
            vec![rule(six, "reject with icmpv6 type admin-prohibited")],
            1,
            "IPv6: permission denied: a firewall on the way, or this host's own, prohibits it",
        ),
        (
            vec![rule(four, "reject with icmp type admin-prohibited")],
            1,
            "IPv4: host unreachable: the host does not answer on its own network, or a firewall",
        ),
        (
            vec![rule(six, "reject with tcp reset")],
            1,
            "IPv6: refused: nothing listens there, or a firewall rejects it; IPv4 works",
        ),
        (
            vec![rule(six, "drop")],
            1,
            "IPv6: no answer to the connect, while IPv4 is answered: a firewall, a missing way back",
        ),
        (
            vec![rule(six, "drop"), rule(four, "drop")],
            1,
            "IPv4: no answer to the connect: a firewall, no way back, the host is down, or its",
        ),
        (
            vec!["ip6 length gt 1260 drop".to_owned()],
            1,
            "IPv6: small messages return, 1 MiB hangs: probably a path MTU black hole, packets of \
             up to 1300 bytes pass: let ICMPv6 type 2 pass, or clamp the MSS; IPv4 works",
        ),
        (
            vec!["ip length gt 1400 drop".to_owned()],
            1,
            "packets of up to 1400 bytes pass: let ICMP type 3 code 4 pass",
        ),
        (
            vec!["ip daddr 10.86.2.2 numgen random mod 10 == 0 drop".to_owned()],
            0,
            "IPv4: slow: packets are lost and sent again (",
        ),
    ] {
        network.filter(&rules.iter().map(String::as_str).collect::<Vec<_>>());
        // A loss may hit whatever it likes, and so the lossy way has more than one chance.
        let chances = if status == 0 && !rules.is_empty() { 5 } else { 1 };
        let mut runs = (0..chances).map(|_| sentence(&network, &[], "both.test", server.port));
        let found = runs.find(|run| run.status == Some(status) && run.stdout.contains(said));
        network.filter(&[]);
        assert!(found.is_some(), "{said}: {:?}", sentence(&network, &[], "both.test", server.port));
    }
    let alone = sentence(&network, &[], "four.test", server.port);
    assert_eq!(alone.stdout, "IPv4 works; the name has no IPv6 address\n");
}

#[test]
fn it_is_told_who_has_no_route() {
    let Some(network) = Path::make(1500, "") else { return };
    network.client_ip("route add prohibit 10.7.0.0/16");
    for (target, said) in [
        ("10.9.9.9", "network unreachable: a router on the way says that there is no route"),
        ("[fd09::9]", "network unreachable: a router on the way says that there is no route"),
        ("10.7.0.1", "permission denied: a route of this host forbids it"),
        ("224.0.0.1", "this is a multicast address"),
        ("[fe80::1]", "name the interface: [fe80::1%eth0]:7"),
    ] {
        let run = sentence(&network, &[], target, 7);
        assert!(run.status == Some(1) && run.stdout.contains(said), "{said}: {run:?}");
    }
    network.client_ip("-6 route delete default");
    let run = sentence(&network, &[], "[fd09::9]", 7);
    assert!(run.stdout.contains("this host has no route there: does it have IPv6"), "{run:?}");
}

#[test]
fn a_small_mtu_between_larger_ones_that_nobody_tells_is_a_black_hole_for_tcp_too() {
    let rules = "chain out { type filter hook output priority 0; \
                 icmp type destination-unreachable drop; icmpv6 type packet-too-big drop; }";
    let Some(network) = Path::make(1280, rules) else { return };
    // Else it asks for segments that fit.
    network.server_ip("link set eth0 mtu 1500");
    let server = network.listen(&["-q", "[::]:0"]);
    for (target, family) in [(SERVER4.to_owned(), "IPv4"), (format!("[{SERVER6}]"), "IPv6")] {
        let run = sentence(&network, &[], &target, server.port);
        let said = format!(
            "{family}: small messages return, 1 MiB hangs: probably a path MTU black hole, packets of \
             up to 1280 bytes pass: let ICMP"
        );
        assert!(run.status == Some(1) && run.stdout.starts_with(&said), "{run:?}");
    }
}

#[test]
fn a_ping_tells_losses_that_tcp_hides() {
    let Some(network) = Path::make(1500, "") else { return };
    let server = network.listen(&["-q", "0.0.0.0:0"]);
    network.filter(&["ip daddr 10.86.2.2 tcp dport 1-65535 numgen inc mod 10 == 9 drop"]);
    let target = format!("{SERVER4}:{}", server.port);
    let run = client(&network, &["ping", "-c", "40", "-i", "20ms", &target]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stdout.contains("0 lost, 0 late, "), "{run:?}");
    assert!(run.stdout.contains(" segments sent again\n"), "{run:?}");
    assert!(run.stderr.contains("lost or not acknowledged in time"), "{run:?}");
}

#[test]
fn send_says_who_answered_in_place_of_the_first() {
    let Some(network) = Path::make(1500, "") else { return };
    let server = network.listen(&["-q", "0.0.0.0:0"]);
    let target = format!("both.test:{}", server.port);
    // The first packet over IPv6 waits for its neighbours, longer than IPv4 lets it have its head start.
    sentence(&network, &[], "both.test", server.port);
    for (quiet, words) in [
        (
            &[][..],
            format!(
                "10.86.2.2:{0} answered over IPv4; [fd86:2::2]:{0}: connection refused\n",
                server.port
            ),
        ),
        (&["-q"], String::new()),
    ] {
        let run = client(&network, &[&["send"], quiet, &[&target, "hi"]].concat());
        assert_eq!((run.status, run.stderr), (Some(0), words));
    }
}

#[test]
fn a_way_that_is_gone_is_no_idle_connection_that_was_forgotten() {
    let Some(network) = Path::make(1500, "") else { return };
    let mut server = network.listen(&["--json", "[::]:0"]);
    let port = server.port;
    let hold = ["--json", "--hold", "4"];
    let to_port = format!(":{port}");
    let open = ["-tinH", "state", "established", "dport", "=", &to_port];
    let gone = thread::scope(|scope| {
        let check = scope.spawn(|| sentence(&network, &hold, SERVER4, port));
        // Two connections echo, one is half-closed, and the fourth is silent.
        for _ in 0..4 {
            while !server.next_line().contains("\"connected\"") {}
        }
        // Its first echo is there when ss(8) has counted it.
        let end = Instant::now() + PATIENCE;
        while !Run::from(network.client("ss", &open)).stdout.contains("bytes_received:") {
            assert!(Instant::now() < end, "no first echo");
        }
        network.filter(&["meta l4proto tcp drop"]);
        check.join().unwrap()
    });
    let words = gone.stdout.contains("and a new one neither: the server or the way to it is gone");
    assert!(gone.status == Some(1) && words, "{gone:?}");
    // A firewall that knows the connections that it has seen begin, and forgets them after a second.
    network.filter(&["ct state invalid drop"]);
    let forgets = network.router_setting("net.netfilter.nf_conntrack_tcp_loose=0")
        && network.router_setting("net.netfilter.nf_conntrack_tcp_timeout_established=1");
    if !forgets {
        eprintln!("skipped: this kernel's conntrack cannot be told to forget");
        return;
    }
    let dead = sentence(&network, &["--json", "--hold", "4"], SERVER4, port);
    let objects = dead.objects();
    assert_eq!((&objects[0]["hold"], dead.status), (&"dead".into(), Some(1)), "{dead:?}");
    assert!(objects[0]["held_us"].as_f64() > Some(4e6), "{dead:?}");
}
