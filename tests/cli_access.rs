//! Access rules and PROXY headers on the command line: what is served, what is logged, what is told.

#![cfg(all(unix, feature = "cli"))]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use common::binary::{Listening, run};
use common::{V4, V6, connect, round_trip};
use echo6::proxy::{Header, Tlv, Version};
use rustix::process::Signal;
use serde_json::Value;

/// A file that is gone when this is dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let name = format!("echo6-access-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn is_closed(mut stream: &TcpStream) -> bool {
    !matches!(stream.read(&mut [0]), Ok(1..))
}

/// The next event of that name.
fn next(listening: &mut Listening, name: &str) -> Value {
    loop {
        let event: Value = serde_json::from_str(&listening.next_line()).unwrap();
        if event["event"] == name {
            return event;
        }
    }
}

#[test]
fn a_denied_client_is_one_line_however_often_it_comes() {
    let file = File::new("deny", "# nobody from here\n10.0.0.0/8, 127.0.0.0/8\n");
    let listening = Listening::start(&["--deny-file", file.name(), "--deny", "::2", "[::]:0"]);
    for _ in 0..5 {
        assert!(is_closed(&connect((V4, listening.port).into())));
    }
    assert_eq!(round_trip(&mut connect((V6, listening.port).into()), b"hello"), b"hello");
    let stopped = listening.stop(Signal::TERM);
    let refusals: Vec<_> =
        stopped.stderr.lines().filter(|line| line.contains(" refused:")).collect();
    assert_eq!(refusals.len(), 1, "{}", stopped.stderr);
    assert!(refusals[0].ends_with(" refused: 127.0.0.0/8 is denied"), "{}", refusals[0]);
    assert!(stopped.stderr.contains("1 client, 5 refused"), "{}", stopped.stderr);
}

#[test]
fn a_refusal_is_an_object_with_its_reason() {
    let mut listening = Listening::start(&["--json", "--allow", "192.0.2.0/24,::1", "[::]:0"]);
    let client = connect((V4, listening.port).into());
    assert!(is_closed(&client));
    let refused = next(&mut listening, "refused");
    assert_eq!(refused["peer"], client.local_addr().unwrap().to_string());
    assert_eq!((&refused["reason"], refused.get("prefix")), (&"denied".into(), None));
    assert_eq!(round_trip(&mut connect((V6, listening.port).into()), b"hello"), b"hello");
}

#[test]
fn a_wrong_prefix_is_told_with_its_place() {
    let wrong = File::new("wrong", "10.0.0.0/8\n\n192.0.2.1, 192.0.2.7/24 # host bits\n");
    for (arguments, told) in [
        (
            &["--allow", "loopback,10.0.0.1/8"][..],
            "error: --allow: invalid prefix: bits set beyond the prefix length\n  10.0.0.1/8\n           ^\n\
             help: write 10.0.0.0/8, or 10.0.0.1/32 for the address alone\n"
                .to_owned(),
        ),
        (&["--deny", "lopback"], "error: --deny: invalid prefix: unknown word\n  lopback\n    ^\n".to_owned()),
        (&["--accept-proxy", "any,"], "error: --accept-proxy: invalid prefix: empty\n".to_owned()),
        (
            &["--deny-file", wrong.name()],
            format!(
                "error: {}, line 3: invalid prefix: bits set beyond the prefix length\n  \
                 192.0.2.7/24\n            ^\nhelp: write 192.0.2.0/24",
                wrong.name()
            ),
        ),
        (&["--allow-file", "/nowhere/to/be/found"], "error: cannot read /nowhere".to_owned()),
        (
            &["--accept-proxy", ":7000"],
            "error: --accept-proxy: invalid prefix: lone leading \":\"\n  :7000\n   ^\n\
             help: :7000 is an ADDRESS: write a prefix, such as loopback or any\n"
                .to_owned(),
        ),
        (
            &["--deny=127.0.0.1:7000"],
            "error: --deny: invalid prefix: IPv4 part in the wrong place\n  127.0.0.1:7000\n     ^\n\
             help: a prefix has no port: write 127.0.0.1\n"
                .to_owned(),
        ),
        (
            &["--allow", "10.0.0.0/8", "192.168.0.0/16"],
            "error: 192.168.0.0/16 is a prefix, not an ADDRESS\nhelp: several prefixes have commas \
             between them: --allow 10.0.0.0/8,192.168.0.0/16\n"
                .to_owned(),
        ),
    ] {
        let run = run(&[&["listen"], arguments, &["[::1]:0"]].concat());
        assert_eq!((run.status, &run.stdout[..]), (Some(2), ""), "{}", run.stderr);
        assert!(run.stderr.starts_with(&told), "{}", run.stderr);
    }
}

#[test]
fn to_trust_everyone_is_warned_of_where_others_can_connect() {
    for (address, warned) in [("[::]:0", true), ("127.0.0.1:0", false), ("[::1]:0", false)] {
        let listening = Listening::start(&["--accept-proxy", "any", address]);
        let stopped = listening.stop(Signal::TERM);
        let warning = stopped.stderr.contains("warning: --accept-proxy any");
        assert_eq!(warning, warned, "{}", stopped.stderr);
    }
}

#[test]
fn what_a_balancer_says_is_shown_by_name() {
    let (client, service) = ("192.0.2.7:41000".parse().unwrap(), "198.51.100.1:7".parse().unwrap());
    let header = Header::new(Version::V2, client, service)
        .with_tlv(Tlv::new(0x02, "echo.example"))
        .with_tlv(Tlv::new(0xea, "\u{1}vpce-1"));
    let announce = |listening: &Listening| {
        let mut stream = connect((V4, listening.port).into());
        stream.write_all(&header.to_bytes().unwrap()).unwrap();
        assert_eq!(round_trip(&mut stream, b"hello"), b"hello");
        stream.local_addr().unwrap().to_string()
    };

    let mut listening = Listening::start(&["--json", "--accept-proxy", "loopback", "[::]:0"]);
    let via = announce(&listening);
    let connected = next(&mut listening, "connected");
    assert_eq!((&connected["peer"], &connected["via"]), (&"192.0.2.7:41000".into(), &via.into()));
    let announced = &connected["announced"];
    assert_eq!((&announced["version"], &announced["command"]), (&"v2".into(), &"proxy".into()));
    assert_eq!(announced["destination"], "198.51.100.1:7");
    assert_eq!(announced["tlvs"]["authority"], "echo.example");
    assert_eq!(announced["tlvs"]["aws_vpce_id"], "vpce-1");
    assert_eq!(next(&mut listening, "closed")["peer"], "192.0.2.7:41000");

    for (arguments, details) in
        [(&["-v"][..], ": authority=echo.example aws_vpce_id=vpce-1"), (&[], "")]
    {
        let arguments = [arguments, &["--accept-proxy", "any", "127.0.0.1:0"]].concat();
        let listening = Listening::start(&arguments);
        let via = announce(&listening);
        let stopped = listening.stop(Signal::TERM);
        let line = format!("192.0.2.7:41000 connected via {via} (PROXY v2){details}\n");
        assert!(stopped.stderr.contains(&line), "{}", stopped.stderr);
    }
}

#[test]
fn pieces_need_a_header() {
    let run = run(&["send", "--proxy-split", "3", "[::1]:7", "hello"]);
    assert_eq!((run.status, &run.stdout[..]), (Some(2), ""));
    assert!(
        run.stderr.starts_with("error: --proxy-split needs --proxy-protocol"),
        "{}",
        run.stderr
    );
}

/// What a plain echo server returns first is what was sent first: it does not speak first, nor does it
/// change a byte.
#[test]
fn each_client_says_that_its_header_was_echoed() {
    let listening = Listening::start(&["-q", "[::]:0"]);
    let address = format!("[::1]:{}", listening.port);
    let said = format!("{address} echoed the PROXY header");
    let help = "help: the server echoes the PROXY header instead of reading it: an echo6 server \
                reads one with --accept-proxy\n";
    for header in ["v1", "v2", "local", "v2=[::2]:1,[::3]:2"] {
        for (command, splits) in [
            (&["send", &address, "hello"][..], true),
            (&["send", &address, "Ping"], true),
            (&["send", &address, "hello", "there"], true),
            (&["send", &address, ""], true),
            (&["send", &address], true), // which ends without a byte
            (&["ping", "-c", "1", &address], true),
            (&["ping", "-c", "1", "--reconnect", &address], true),
            (&["send", "--until-ready", "100ms", &address, "hello"], true),
            (&["bench", "-n", "4", "-c", "2", "--warm-up", "0", &address], false),
        ] {
            let split = if splits { &["--proxy-split", "7"][..] } else { &[] };
            for pieces in [&[][..], split] {
                let flags = [command, &["--proxy-protocol", header], pieces].concat();
                let ran = run(&flags);
                let all = ran.stdout.clone() + &ran.stderr;
                assert_eq!(ran.status, Some(1), "{flags:?}: {ran:?}");
                assert!(all.contains(&said), "{flags:?}: {ran:?}");
                assert!(ran.stderr.contains(help), "{flags:?}: {ran:?}");
                for untrue in ["speaks before", "differs", "other bytes on the way"] {
                    assert!(!all.contains(untrue), "{flags:?}: {ran:?}");
                }
            }
        }
        let objects =
            run(&["send", "--json", "--proxy-protocol", header, &address, "hi"]).objects();
        assert_eq!(
            (&objects[0]["cause"], &objects[0]["error"]),
            (&"mismatch".into(), &said.clone().into())
        );
    }
}

#[test]
fn each_client_gets_past_a_server_that_wants_a_header() {
    let mut listening = Listening::start(&["--json", "--accept-proxy", "loopback", "[::]:0"]);
    for ip in ["127.0.0.1", "[::1]"] {
        let address = format!("{ip}:{}", listening.port);
        for header in ["v1", "v2", "local", "v1=192.0.2.7:1,192.0.2.8:2", "v2=[::2]:1,[::3]:2"] {
            for command in [&["send", &address, "hello"][..], &["ping", "-c", "1", &address]] {
                let run =
                    run(&[command, &["--proxy-protocol", header, "--proxy-split", "7"]].concat());
                assert_eq!(run.status, Some(0), "{command:?} {header}: {}", run.stderr);
                let connected = next(&mut listening, "connected");
                match header.split_once('=') {
                    Some((_, ends)) => {
                        assert_eq!(connected["peer"], ends.split(',').next().unwrap());
                        assert!(connected["via"].is_string());
                    }
                    // Of its own addresses there is no other.
                    None => assert_eq!(connected.get("via"), None),
                }
            }
        }
        let check = run(&["check", &address, "--proxy-protocol=v2"]);
        assert_eq!(check.status, Some(0), "{}", check.stdout);
        // Without, it is refused with the reason.
        assert_eq!(run(&["send", &address, "hello"]).status, Some(1));
        let refused = next(&mut listening, "refused");
        assert_eq!(refused["reason"], "header");
        assert_eq!(refused["error"], "no PROXY header at byte 0");
    }
    let check = run(&["check", &format!("[::1]:{}", listening.port)]);
    assert_eq!(check.status, Some(1));
    assert!(check.stdout.contains("wants a PROXY header"), "{}", check.stdout);
}
