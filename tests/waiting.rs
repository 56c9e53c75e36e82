//! How long a command waits: for a server that is not ready yet, and altogether.

#![cfg(feature = "cli")]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use common::V4;
use common::binary::{Listening, run};
use common::liar;

#[test]
fn a_command_waits_until_the_server_echoes() {
    for command in [&["send", "-q"][..], &["ping", "-qc1"], &["check", "-q"]] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // It accepts and closes, as a balancer without a server behind it; then it echoes.
        let server = thread::spawn(move || {
            drop(listener.accept().unwrap());
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut buffer = [0; 65_536];
                    while let Ok(length @ 1..) = stream.read(&mut buffer) {
                        if stream.write_all(&buffer[..length]).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        let mut arguments = [command, &["--until-ready", "30s", &address]].concat();
        arguments.extend((command[0] == "send").then_some("hello"));
        let ready = run(&arguments);
        assert_eq!(ready.status, Some(0), "{arguments:?}: {ready:?}");
        drop(server);
    }
}

#[test]
fn what_is_never_ready_is_the_networks_failure_and_says_why() {
    let closed = liar::Closed::reserve(V4);
    let never = run(&["ping", "--until-ready", "200ms", &closed.address.to_string()]);
    assert_eq!(never.status, Some(1), "{never:?}");
    assert!(never.stderr.contains("is not ready after 200ms: cannot connect to"), "{never:?}");
    let json = run(&["send", "--json", "--until-ready", "100ms", "nosuch.invalid:7", "x"]);
    assert_eq!((json.status, &json.objects()[0]["cause"]), (Some(1), &"resolve".into()));
}

#[test]
fn a_deadline_ends_the_whole_command_with_its_summary() {
    let (_silent, silent) = Listening::faulty("[::1]:0", "stall");
    let send = run(&["send", "--json", "-w", "1h", "--deadline", "200ms", &silent, "hello"]);
    assert_eq!((send.status, &send.objects()[0]["interrupted"]), (Some(1), &true.into()));
    assert!(send.stderr.starts_with("deadline reached\n"), "{send:?}");
    let check = run(&["check", "--json", "-w", "1h", "--deadline", "200ms", &silent]);
    assert_eq!(check.status, Some(1), "{check:?}");
    assert_eq!(check.objects().last().unwrap()["interrupted"], true);

    let server = Listening::start(&["-q", "[::1]:0"]);
    let address = format!("[::1]:{}", server.port);
    let flags = ["ping", "-q", "-i", "1h", "--deadline", "2s", &address];
    let planned = run(&flags);
    assert_eq!(planned.status, Some(0), "{planned:?}");
    assert!(planned.stdout.contains("1 sent, 1 received"), "{planned:?}");
    let too_short = run(&[&flags[..], &["-c", "2"]].concat());
    assert_eq!(too_short.status, Some(1), "{too_short:?}");
}
