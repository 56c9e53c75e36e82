//! `echo6 ping -u` and `send -u`: what they print, and how they exit.

#![cfg(all(unix, feature = "cli"))]

mod common;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};

use common::binary::{Listening, run, run_with_input};
use common::foreign::{Foreign, echoes_datagrams, host};
use common::forwarder::Forwarder;
use common::liar::closed_to_datagrams;
use common::{V4, V6, noise};

/// A port that was free a moment ago.
fn free(ip: IpAddr) -> SocketAddr {
    UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn a_ping_of_datagrams_says_how_they_went_over_both_families() {
    let server = Listening::start(&["-q", "-u", "[::]:0"]);
    for (address, family) in
        [(format!("127.0.0.2:{}", server.port), "IPv4"), (format!("[::1]:{}", server.port), "IPv6")]
    {
        let pinged = run(&["ping", "-u", "-c", "3", "-i", "1ms", &address]);
        assert_eq!((pinged.status, &pinged.stderr[..]), (Some(0), ""));
        let lines: Vec<&str> = pinged.stdout.lines().collect();
        assert!(lines[0].starts_with(&format!("64 bytes from {address}: seq=1 time=")));
        assert_eq!(lines[3], format!("--- {address} ({family}, UDP) ---"));
        assert_eq!(lines[4], "3 sent, 3 received, 0 lost, 0 late");
        assert!(lines[6].starts_with("rtt ") && lines[7].starts_with("ipdv "));
    }
}

#[test]
fn what_goes_wrong_is_said_and_the_status_is_1() {
    let closed = closed_to_datagrams(V4);
    let nobody = closed.local_addr().unwrap().to_string();
    let from_elsewhere = Forwarder::start(V6, "wrong-source");
    let foreign = from_elsewhere.address.to_string();
    let cutting = Forwarder::start(V4, "cut@10");
    let cut = cutting.address.to_string();
    for (address, said, summed) in [
        (&nobody, "refused: nothing listens there, or a firewall rejects it", "1 lost"),
        (&cut, "seq=1, 10 of 64 bytes", "1 truncated"),
        (&foreign, "which was not asked", "1 foreign"),
    ] {
        let pinged = run(&["ping", "-u", "-c", "1", "-w", "2s", address]);
        assert_eq!(pinged.status, Some(1), "{pinged:?}");
        assert!(pinged.stderr.contains(said), "{pinged:?}");
        assert!(pinged.stdout.contains(summed), "{pinged:?}");
    }
}

#[test]
fn a_cut_datagram_is_truncated_wherever_it_is_cut() {
    for (fault, pinged_said, checked_said) in [
        ("cut@10", "seq=1, 10 of 64 bytes", "datagrams over 10 bytes come back cut"),
        ("cut@4", "seq=1, 4 of 64 bytes", "datagrams over 4 bytes come back cut"),
        ("cut", "seq=1, 0 of 64 bytes", "datagrams over 0 bytes come back cut"),
    ] {
        let cutting = Forwarder::start(V6, fault);
        let address = cutting.address.to_string();
        let pinged = run(&["ping", "-u", "-c", "1", "-w", "2s", &address]);
        assert!(pinged.stderr.contains(pinged_said), "{pinged:?}");
        assert!(pinged.stdout.contains("1 truncated"), "{pinged:?}");
        let checked = run(&["check", "-u", "-w", "2s", &address]);
        assert!(checked.stdout.contains(checked_said), "{checked:?}");
        assert_eq!((pinged.status, checked.status), (Some(1), Some(1)));
    }
}

#[test]
fn marks_come_back_only_from_a_server_that_copies_them() {
    for (flags, said) in [
        (&["-q", "-u", "--copy-tos", "[::]:0"][..], "tos 0xb8: 0xb8 came back on 2 of 2"),
        (&["-q", "-u", "[::]:0"], "tos 0xb8: not reflected on 2 of 2"),
    ] {
        let server = Listening::start(flags);
        for host in ["127.0.0.1", "[::1]"] {
            let address = format!("{host}:{}", server.port);
            let pinged = run(&["ping", "-u", "--tos=ef", "-c2", "-i", "1ms", &address]);
            assert!(pinged.stdout.contains(said), "{pinged:?}");
        }
    }
}

#[test]
fn messages_and_a_stream_come_back_as_datagrams() {
    let server = Listening::start(&["-q", "-u", "--no-tcp", "[::]:0"]);
    let addresses = format!("127.0.0.1:{0},[::1]:{0}", server.port);
    let sent = run(&["send", "-u", &addresses, "hello", "world"]);
    assert_eq!((sent.status, &sent.stdout[..]), (Some(0), "hello\nworld\nhello\nworld\n"));
    let longest = "x".repeat(65_507);
    let one = format!("127.0.0.1:{}", server.port);
    assert_eq!(run(&["send", "-u", &one, &longest]).status, Some(0));

    let stream: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    let back = run_with_input(&["send", "-u", "--size=1200", &one], stream.as_bytes());
    assert_eq!((back.status, back.stdout == stream), (Some(0), true), "{}", back.stderr);
}

#[test]
fn a_datagram_that_does_not_come_back_is_a_failure() {
    let closed = closed_to_datagrams(V6);
    let nobody = closed.local_addr().unwrap().to_string();
    let sent = run(&["send", "-u", &nobody, "hello"]);
    assert_eq!(sent.status, Some(1));
    assert!(sent.stderr.contains("connection refused"), "{sent:?}");

    let silent = UdpSocket::bind((V4, 0)).unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let sent = run(&["send", "-u", "-w", "50ms", "--json", &address, "hello"]);
    assert_eq!((sent.status, sent.objects()[0]["cause"].clone()), (Some(1), "timeout".into()));
    let pieces = run_with_input(&["send", "-u", "-w", "50ms", "--size=9", &address], b"hello");
    assert!(pieces.stderr.starts_with("error: datagram 1: no reply from "), "{pieces:?}");
}

#[test]
fn what_cannot_be_a_datagram_is_refused_before_anything_is_sent() {
    for (arguments, said) in [
        (&["send", "-u", "127.0.0.1:7", &"x".repeat(65_508)][..], "at most 65507"),
        (&["send", "-u", "127.0.0.1:7"], "datagrams of a stream need a size"),
        (&["send", "-u", "--size=9", "127.0.0.1:7", "x"], "--size and MESSAGE exclude"),
        (&["send", "--size=9", "127.0.0.1:7"], "needs --udp"),
        (&["send", "-u", "--no-half-close", "127.0.0.1:7", "x"], "excludes --udp"),
        (&["send", "-u", "--size=65508", "127.0.0.1:7"], "at most 65507"),
        (&["ping", "-u", "--size=65508", "127.0.0.1:7"], "at most 65507"),
        (&["ping", "--tos=ef", "127.0.0.1:7"], "needs --udp"),
        (&["ping", "--flows=2", "127.0.0.1:7"], "needs --udp"),
        (&["ping", "-u", "--flows=2", "--reconnect", "127.0.0.1:7"], "exclude each other"),
        (&["ping", "-u", "--flows=257", "127.0.0.1:7"], "from 1 to 256"),
    ] {
        let run = run(arguments);
        assert_eq!(run.status, Some(2), "{:?}", &arguments[..2]);
        assert!(run.stderr.contains(said), "{:?}: {}", &arguments[..2], run.stderr);
    }
}

#[test]
fn a_check_of_datagrams_ends_in_a_sentence_to_act_on() {
    let server = Listening::start(&["-q", "-u", "--copy-tos", "[::]:0"]);
    let both = [format!("127.0.0.1:{}", server.port), format!("[::1]:{}", server.port)];
    let checked = run(&["check", "-u", &both[0], &both[1]]);
    assert_eq!(checked.status, Some(0), "{checked:?}");
    if cfg!(target_os = "linux") {
        assert_eq!(checked.stdout.matches(" kept ").count(), 4, "{checked:?}");
    }
    assert!(checked.stdout.ends_with(&format!("{}: IPv6 works\n", both[1])), "{checked:?}");

    let cuts = Forwarder::start(V4, "cut@1200");
    let elsewhere = Forwarder::start(V6, "wrong-source");
    let tcp_only = Listening::start(&["-q", "127.0.0.1:0"]);
    let closed = closed_to_datagrams(V6);
    let nobody = closed.local_addr().unwrap().to_string();
    for (address, said) in [
        (cuts.address.to_string(), "datagrams over 1200 bytes come back cut"),
        (elsewhere.address.to_string(), "answers from [::1]:"),
        (format!("127.0.0.1:{}", tcp_only.port), "refused: nothing listens there"),
        (nobody, "refused: nothing listens there"),
    ] {
        let checked = run(&["check", "-u", "-q", "-w", "1s", &address]);
        assert_eq!(checked.status, Some(1), "{checked:?}");
        assert!(checked.stdout.contains(said), "{checked:?}");
    }
}

#[test]
fn a_check_that_was_stopped_before_anything_came_back_does_not_say_that_it_works() {
    let server = Listening::start(&["-q", "-u", "--no-tcp", "--fault", "drop", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let checked = run(&["check", "-u", "-q", "--deadline", "200ms", &address]);
    let said = "IPv4: interrupted before all was checked\n";
    assert_eq!((checked.status, &checked.stdout[..]), (Some(1), said), "{checked:?}");
    let checked = run(&["check", "-u", "--json", "--deadline", "200ms", &address]);
    let object = &checked.objects()[0];
    for field in ["verdict", "diagnosis"] {
        assert_eq!(object[field], "interrupted", "{object}");
    }
    assert_eq!(object["ok"], false);
}

#[test]
fn what_comes_back_wrong_from_some_length_on_is_no_black_hole() {
    for (fault, cause, wrong, said) in [
        (
            "flip@100",
            "mismatch",
            101,
            "IPv4: datagrams over 100 bytes come back changed at byte 100",
        ),
        (
            "wrong-source@1000",
            "foreign",
            1001,
            "IPv4: datagrams over 1000 bytes come back from 127.0.0.",
        ),
        // All of them pass whole, so that it is the fragments that are sent first.
        ("flip@65500", "mismatch", 65_501, "IPv4: datagrams over 65500 bytes come back changed"),
    ] {
        let server = Listening::start(&["-q", "-u", "--no-tcp", "--fault", fault, "127.0.0.1:0"]);
        let address = format!("127.0.0.1:{}", server.port);
        let checked = run(&["check", "-u", "--json", "-w", "250ms", &address]);
        assert_eq!(checked.status, Some(1), "{checked:?}");
        let [object, summary] = &checked.objects()[..] else { panic!("{checked:?}") };
        assert!(summary["sentences"][0].as_str().unwrap().starts_with(said), "{summary}");
        for field in ["verdict", "diagnosis", "cause"] {
            assert_eq!(object[field], cause, "{object}");
        }
        assert_eq!((&object["wrong"], &object["longest"]), (&wrong.into(), &(wrong - 1).into()));
        assert!(object.get("black_hole").is_none() && object.get("vanishes").is_none(), "{object}");
    }
}

#[test]
fn a_silent_flow_and_a_silent_connection_live_up_to_the_bound() {
    let server = Listening::start(&["-q", "-u", "[::]:0"]);
    let both = [format!("127.0.0.1:{}", server.port), format!("[::1]:{}", server.port)];
    for (flags, silent) in [(&[][..], "connection"), (&["-u"], "flow")] {
        for hold in ["300ms", "auto=300ms"] {
            let held =
                run(&[&["check", "--json", "--hold", hold], flags, &[&both[0], &both[1]]].concat());
            assert_eq!(held.status, Some(0), "{held:?}");
            let objects = held.objects();
            for address in &objects[..2] {
                assert_eq!(
                    (&address["hold"], &address["hold_alive_us"]),
                    (&"alive".into(), &300_000.0.into())
                );
                assert!(address.get("hold_ended_us").is_none(), "{address}");
            }
            let said = format!("IPv6 works; IPv6: a silent {silent} lives for at least 300 ms");
            let sentence = objects[2]["sentences"][1].as_str().unwrap();
            assert!(sentence.ends_with(&said), "{sentence}");
        }
    }
    let wrong = run(&["check", "--hold", "automatic", "[::1]:7"]);
    assert_eq!(wrong.status, Some(2));
    assert!(wrong.stderr.contains("must be a duration, auto, or auto=D"), "{wrong:?}");
}

#[test]
fn a_server_that_drops_empty_or_all_datagrams_is_found_out() {
    let silent = UdpSocket::bind((V4, 0)).unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let checked = run(&["check", "-u", "-w", "300ms", "--json", &address]);
    let objects = checked.objects();
    assert_eq!((checked.status, &objects[0]["diagnosis"]), (Some(1), &"silent".into()));
    assert_eq!(objects[0]["tcp_connects"], false);
    assert_eq!(objects[0]["cause"], "timeout");
}

#[test]
fn socat_echoes_datagrams_over_both_families() {
    for (ip, listen) in [(V4, "UDP4-RECVFROM"), (V6, "UDP6-RECVFROM")] {
        let address = free(ip);
        let listen = format!("{listen}:{},bind={},fork", address.port(), host(address));
        let ready = || echoes_datagrams(address);
        let Some(_peer) = Foreign::start("socat", &[&listen, "PIPE"], ready) else { return };
        let pinged = run(&["ping", "-u", "-q", "-i", "10ms", "-c", "20", &address.to_string()]);
        assert_eq!(pinged.status, Some(0), "{pinged:?}");
        let sent = run(&["send", "-u", &address.to_string(), "hello"]);
        assert_eq!((sent.status, &sent.stdout[..]), (Some(0), "hello\n"));
        // It is silent for a while after an empty datagram, and receives into 8 KiB.
        let checked = run(&["check", "-u", "-q", "-w", "1s", &address.to_string()]);
        let said = "datagrams over 8192 bytes come back cut: the server truncates them";
        assert!(checked.stdout.contains(said), "{checked:?}");
        let checked = run(&["check", "-u", "--json", "-w", "1s", &address.to_string()]);
        assert!(!checked.stdout.contains("black_hole"), "a cut reply passed: {checked:?}");
    }
}

#[test]
fn xinetd_answers_from_the_wrong_address_and_ping_says_so() {
    let address = free(V4);
    let service = "type = INTERNAL UNLISTED\n id = echo-dgram\n socket_type = dgram\n protocol = udp\n \
                   wait = yes";
    let peer = Foreign::xinetd(service, address.port(), || echoes_datagrams(address));
    let Some(_peer) = peer else { return };
    let sent = run(&["send", "-u", &address.to_string(), "hello"]);
    assert_eq!((sent.status, &sent.stdout[..]), (Some(0), "hello\n"), "{sent:?}");
    // Bound to all addresses, it lets the kernel choose the one that it answers from.
    let other = format!("127.0.0.2:{}", address.port());
    let pinged = run(&["ping", "-u", "-c", "1", "-w", "2s", &other]);
    assert_eq!(pinged.status, Some(1), "{pinged:?}");
    let said = format!("replies came from {address}, but {other} was asked");
    assert!(pinged.stdout.contains(&said), "{pinged:?}");
}

#[test]
fn socat_as_a_client_gets_back_what_it_sends() {
    if Command::new("socat").arg("-V").stdout(Stdio::null()).status().is_err() {
        return eprintln!("skipped: socat is not installed");
    }
    let server = Listening::start(&["-q", "-u", "[::]:0"]);
    let message = noise(1000);
    for (ip, kind) in [("127.0.0.1", "UDP4"), ("[::1]", "UDP6")] {
        let mut command = Command::new("socat");
        command.args(["-t2", "-", &format!("{kind}:{ip}:{}", server.port)]);
        let output = common::binary::output_with_input(&mut command, &message);
        assert!(output.stdout == message, "{kind}: {} bytes", output.stdout.len());
    }
}

#[test]
fn one_address_that_works_is_enough_for_any_whatever_else_was_named() {
    let server = Listening::start(&["-q", "-u", "127.0.0.1:0"]);
    let good = format!("127.0.0.1:{}", server.port);
    let nobody = free(V6).to_string();
    for transport in [&[][..], &["-u"]] {
        for other in ["nosuch.invalid:7", &nobody] {
            for (flags, status) in [(&[][..], 1), (&["--any"], 0)] {
                let addresses = [&good[..], other];
                let checked = run(&[&["check", "-q"], transport, flags, &addresses].concat());
                assert_eq!(checked.status, Some(status), "{transport:?} {flags:?} {checked:?}");
            }
        }
    }
}

#[test]
fn rows_of_datagrams_too_stand_below_the_target_that_they_belong_to() {
    let server = Listening::start(&["-q", "-u", "127.0.0.1:0"]);
    let (name, address) =
        (format!("localhost:{}", server.port), format!("127.0.0.1:{}", server.port));
    let checked = run(&["check", "-4u", &name, &address]);
    assert_eq!(checked.status, Some(0), "{checked:?}");
    let lines: Vec<&str> = checked.stdout.lines().collect();
    assert_eq!((lines[1], lines[3]), (&name[..], &address[..]), "{checked:?}");
    assert!(lines[2].starts_with(&address) && lines[4].starts_with(&address), "{checked:?}");
}

#[test]
fn several_messages_end_with_a_total_over_datagrams_too() {
    let server = Listening::start(&["-q", "-u", "--no-tcp", "[::]:0"]);
    let addresses = format!("127.0.0.1:{0},[::1]:{0}", server.port);
    let sent = run(&["send", "-u", &addresses, "hello", "world"]);
    assert!(sent.stderr.starts_with("all 4 datagrams came back, "), "{sent:?}");
    let some = format!("127.0.0.1:{},{}", server.port, free(V6));
    let sent = run(&["send", "-u", &some, "hello"]);
    assert_eq!(sent.status, Some(1), "{sent:?}");
    assert!(sent.stderr.contains("\n1 of 2 datagrams came back, "), "{sent:?}");
    for flag in ["-q", "--json"] {
        let sent = run(&["send", "-u", flag, &addresses, "hello"]);
        assert_eq!((sent.status, &sent.stderr[..]), (Some(0), ""), "{sent:?}");
    }
}

#[test]
fn a_signal_asks_how_many_datagrams_came_back_so_far() {
    use std::io::{BufRead, BufReader, Read, Write};

    use rustix::process::{Pid, Signal, kill_process};

    let server = Listening::start(&["-q", "-u", "--no-tcp", "[::]:0"]);
    for signal in [Signal::QUIT, Signal::USR1] {
        let address = format!("[::1]:{}", server.port);
        let arguments = ["send", "-u", "--size=5", "--deadline=20s", &address];
        let mut sending = common::binary::piped(&mut common::binary::echo6(&arguments));
        let mut stdin = sending.stdin.take().unwrap();
        stdin.write_all(b"hello").unwrap();
        sending.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
        kill_process(Pid::from_child(&sending), signal).unwrap();
        let mut so_far = String::new();
        let mut stderr = BufReader::new(sending.stderr.take().unwrap());
        stderr.read_line(&mut so_far).unwrap();
        assert_eq!(so_far, "1 datagram came back by then\n");
        drop(stdin);
        assert_eq!(sending.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn the_figures_so_far_of_several_targets_name_each() {
    use std::collections::BTreeSet;
    use std::io::{BufRead, BufReader};

    use rustix::process::{Pid, Signal, kill_process};

    let server = Listening::start(&["-q", "-u", "--no-tcp", "[::]:0"]);
    let both = [format!("127.0.0.1:{}", server.port), format!("[::1]:{}", server.port)];
    let arguments = ["ping", "-u", "-i1ms", "--deadline=20s", &both[0], &both[1]];
    let mut ping = common::binary::piped(&mut common::binary::echo6(&arguments));
    let process = Pid::from_child(&ping);
    let mut stdout = BufReader::new(ping.stdout.take().unwrap());
    let mut stderr = BufReader::new(ping.stderr.take().unwrap());
    // Both have begun.
    let mut heard = BTreeSet::new();
    while heard.len() < 2 {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        heard.extend(both.iter().filter(|address| line.contains(*address)));
    }
    kill_process(process, Signal::QUIT).unwrap();
    std::thread::scope(|scope| {
        let drain = scope.spawn(|| std::io::copy(&mut stdout, &mut std::io::sink()));
        let mut lines = [String::new(), String::new()];
        for line in &mut lines {
            stderr.read_line(line).unwrap();
        }
        kill_process(process, Signal::INT).unwrap();
        drain.join().unwrap().unwrap();
        for address in &both {
            let named = lines.iter().filter(|line| line.starts_with(&format!("{address}: ")));
            assert_eq!(named.count(), 1, "{lines:?}");
        }
    });
    assert_eq!(ping.wait().unwrap().code(), Some(0));
}

#[test]
fn a_summary_says_what_icmp_said_in_the_words_of_the_library() {
    use echo6::client::DatagramLoss;

    for ip in [V4, V6] {
        let nobody = free(ip).to_string();
        let pinged = run(&["ping", "-uq", "-c2", "-i1ms", "-w2s", &nobody]);
        let said = format!("2 by ICMP from {ip} ({})\n", DatagramLoss::Refused);
        assert!(pinged.stdout.contains(&said), "{pinged:?}");
        let summed = run(&["ping", "-uq", "-c2", "-i1ms", "-w2s", "--json", &nobody]);
        let icmp = &summed.objects()[0]["icmp"][0];
        assert_eq!((&icmp["cause"], &icmp["by"]), (&"refused".into(), &ip.to_string().into()));
    }
}

#[test]
fn the_runs_of_lost_probes_are_of_those_that_are_lost_in_the_end() {
    let faults = ["--fault", "delay=300ms"];
    let server = Listening::start(&[&["-q", "-u"], &faults[..], &["127.0.0.1:0"]].concat());
    let address = format!("127.0.0.1:{}", server.port);
    let ping = ["ping", "-u", "--json", "-q", "-c5", "-i100ms", "-w200ms", &address];
    let pinged = run(&ping);
    let objects = pinged.objects();
    let summary = objects.last().unwrap();
    let of = |field: &str| summary[field].as_u64().unwrap();
    assert!(of("late") > 0, "{summary}");
    assert_eq!((of("lost") + of("late"), of("silent")), (5, of("lost")), "{summary}");
    // They come back in order, so that those that are lost are the last.
    let runs = u64::from(of("lost") > 0);
    assert_eq!((of("loss_runs"), of("longest_loss")), (runs, of("lost")), "{summary}");
}
