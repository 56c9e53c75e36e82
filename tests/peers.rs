//! Echo servers that others wrote: socat, ncat and xinetd, each skipped aloud if it is not there.

#![cfg(all(unix, feature = "cli"))]

mod common;

use std::net::{IpAddr, SocketAddr};

use common::binary::{echo6, output_with_input, run};
use common::foreign::{Foreign, echoes, host};
use common::liar::Closed;
use common::{V4, V6, noise};

/// Loads it in each way, message by message.
fn loads(address: SocketAddr) {
    let address = address.to_string();
    for shape in [&[][..], &["--in-flight", "4"], &["-r", "500"], &["--reconnect"]] {
        let common = ["bench", "-q", "--warm-up", "0", "-c", "4", "-n", "100"];
        let ran = run(&[&common[..], shape, &[&address]].concat());
        assert_eq!(ran.status, Some(0), "{shape:?}: {ran:?}");
        assert!(ran.stdout.contains("100 echoes, 6.2 KiB, every byte as sent"), "{ran:?}");
    }
}

/// A port that was free a moment ago.
fn free(ip: IpAddr) -> SocketAddr {
    Closed::reserve(ip).address
}

#[test]
fn socat_echoes_over_both_families() {
    for (ip, listen) in [(V4, "TCP4-LISTEN"), (V6, "TCP6-LISTEN")] {
        let address = free(ip);
        let listen = format!("{listen}:{},bind={},fork,reuseaddr", address.port(), host(address));
        let Some(_peer) = Foreign::start("socat", &[&listen, "PIPE"], || echoes(address)) else {
            return;
        };
        let message = noise(3 << 20);
        let output = output_with_input(&mut echo6(&["send", &address.to_string()]), &message);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == message);
        let checked = run(&["check", &address.to_string()]);
        assert_eq!(checked.status, Some(0), "{checked:?}");
        let pinged = run(&["ping", "-q", "-i", "0", "-c", "50", &address.to_string()]);
        assert_eq!(pinged.status, Some(0), "{pinged:?}");
        loads(address);
    }
}

#[test]
fn ncat_with_cat_echoes_small_messages() {
    let address = free(V4);
    let port = address.port().to_string();
    let arguments = ["-l", "-k", "-e", "/bin/cat", "127.0.0.1", &port];
    let Some(_peer) = Foreign::start("ncat", &arguments, || echoes(address)) else { return };
    let pinged = run(&["ping", "-q", "-i", "0", "-c", "20", &address.to_string()]);
    assert_eq!(pinged.status, Some(0), "{pinged:?}");
    let sent = run(&["send", "--no-half-close", &address.to_string(), "hello"]);
    assert_eq!((sent.status, &sent.stdout[..]), (Some(0), "hello\n"));
    loads(address);
    // Of a megabyte it loses the rest when a pipe of its own is full, and what is under way when the
    // client half-closes. At which step that shows is a race inside of it.
    let checked = run(&["check", "-q", "-w", "1s", &address.to_string()]);
    let said = [
        "IPv4: small messages return, 1 MiB stops after ",
        "IPv4: the far end cuts the reply when we half-close",
        "IPv4: only ",
        "IPv4 works",
    ];
    let one = said.iter().position(|said| checked.stdout.starts_with(said));
    assert!(one.is_some(), "{checked:?}");
    assert_eq!(checked.status, Some(i32::from(one != Some(3))), "{checked:?}");
}

#[test]
fn xinetd_echoes() {
    let address = free(V4);
    let service = "type = INTERNAL UNLISTED\n id = echo-stream\n socket_type = stream\n protocol = tcp\n \
                   wait = no\n bind = 127.0.0.1";
    let peer = Foreign::xinetd(service, address.port(), || echoes(address));
    let Some(_peer) = peer else { return };
    let sent = run(&["send", &address.to_string(), "hello"]);
    assert_eq!((sent.status, &sent.stdout[..]), (Some(0), "hello\n"), "{sent:?}");
    let checked = run(&["check", &address.to_string()]);
    assert_eq!(checked.status, Some(0), "{checked:?}");
}
