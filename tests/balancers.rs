//! Balancers that others wrote, in front of `echo6 listen` and behind `echo6 send`: HAProxy and
//! nginx, each skipped aloud if it is not there.

#![cfg(all(unix, feature = "cli"))]

mod common;

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::binary::{Listening, run};
use common::liar::Closed;
use common::{PATIENCE, V4, V6, connect, round_trip};
use serde_json::Value;

/// A balancer with a configuration of its own, killed when it is dropped.
struct Balancer {
    child: Child,
    folder: PathBuf,
}

impl Balancer {
    /// Writes the configuration, starts the program and waits until it listens at `address`; `None`,
    /// aloud, if it is not installed.
    fn start(program: &str, configuration: &str, address: SocketAddr) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("echo6-{program}-{}", address.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("balancer.conf");
        std::fs::write(&file, configuration.replace("FOLDER", folder.to_str().unwrap())).unwrap();
        let mut command = Command::new(program);
        match program {
            "haproxy" => command.args(["-db", "-f"]).arg(&file),
            _ => command.arg("-p").arg(&folder).arg("-c").arg(&file),
        };
        let log = std::fs::File::create(folder.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let Ok(child) = command.spawn() else {
            eprintln!("skipped: {program} is not installed");
            let _ = std::fs::remove_dir_all(&folder);
            return None;
        };
        let mut balancer = Self { child, folder };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            let log = std::fs::read_to_string(balancer.folder.join("log")).unwrap_or_default();
            if log.contains("ngx_stream_module.so") {
                eprintln!("skipped: nginx has no stream module");
                return None;
            }
            let ended = balancer.child.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "{program}: {log}");
            std::thread::sleep(Duration::from_millis(5)); // it has no way to say that it is ready
        }
        Some(balancer)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that was free at both loopback addresses a moment ago.
fn free() -> u16 {
    loop {
        let port = Closed::reserve(V6).address.port();
        if std::net::TcpListener::bind((V4, port)).is_ok() {
            return port;
        }
    }
}

/// The next connected client of which `wanted` holds.
fn connected(listening: &mut Listening, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let event: Value = serde_json::from_str(&listening.next_line()).unwrap();
        assert_ne!(event["event"], "refused", "{event}");
        if event["event"] == "connected" && wanted(&event) {
            return event;
        }
    }
}

/// Echoes through the balancer over both families; the server then names each client, and not the
/// balancer. Returns what was announced.
fn echoes_through(listening: &mut Listening, port: u16) -> Vec<Value> {
    let clients = [V4, V6].map(|ip| {
        let mut client = connect((ip, port).into());
        assert_eq!(round_trip(&mut client, b"hello"), b"hello");
        client
    });
    let announced = clients.iter().map(|client| {
        let peer = client.local_addr().unwrap().to_string();
        let connected = connected(listening, |event| event["peer"] == peer);
        assert!(connected["via"].as_str().unwrap().starts_with("127.0.0.1:"), "{connected}");
        let announced = connected["announced"].clone();
        assert_eq!(announced["destination"], client.peer_addr().unwrap().to_string());
        announced
    });
    announced.collect()
}

#[test]
fn haproxy_announces_clients_and_checks_in_both_versions() {
    for (send, version, check) in [
        ("send-proxy", "v1", &["proxy", "unknown"][..]),
        ("send-proxy-v2", "v2", &["local"]),
        ("send-proxy-v2 proxy-v2-options crc32c,unique-id", "v2", &["local"]),
    ] {
        let mut listening = Listening::start(&["--json", "--accept-proxy=127.0.0.1", "[::]:0"]);
        let port = free();
        let configuration = format!(
            "defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    unique-id-format %ci-%cp
frontend clients
    bind 127.0.0.1:{port}
    bind [::1]:{port}
    default_backend echo
backend echo
    server one 127.0.0.1:{} {send} check inter 100ms\n",
            listening.port
        );
        let Some(_haproxy) = Balancer::start("haproxy", &configuration, (V6, port).into()) else {
            return;
        };
        for announced in echoes_through(&mut listening, port) {
            assert_eq!(announced["version"], version);
            if send.ends_with("unique-id") {
                // In HAProxy's own format of what it was told to make it of.
                assert!(announced["tlvs"]["unique_id"].is_string(), "{announced}");
                assert!(announced["tlvs"]["crc32c"].is_string(), "{announced}");
            }
        }
        // Its checks come again and again, and are served, each as the balancer's own.
        for _ in 0..2 {
            let checked = connected(&mut listening, |event| {
                check.contains(&event["announced"]["command"].as_str().unwrap())
                    && event.get("via").is_none()
            });
            assert!(checked["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{checked}");
        }
    }
}

#[test]
fn haproxy_reads_our_headers_in_both_versions() {
    let mut listening = Listening::start(&["--json", "--accept-proxy=127.0.0.1", "[::]:0"]);
    let port = free();
    let configuration = format!(
        "defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend clients
    bind 127.0.0.1:{port} accept-proxy
    bind [::1]:{port} accept-proxy
    default_backend echo
backend echo
    server one 127.0.0.1:{} send-proxy-v2\n",
        listening.port
    );
    let Some(_haproxy) = Balancer::start("haproxy", &configuration, (V6, port).into()) else {
        return;
    };
    for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        for version in ["v1", "v2"] {
            for (source, destination) in
                [("192.0.2.7:41000", "198.51.100.1:7"), ("[2001:db8::1]:41000", "[::2]:7")]
            {
                let header = format!("--proxy-protocol={version}={source},{destination}");
                let run = run(&["send", &header, &address, "hello"]);
                assert_eq!((run.status, &run.stdout[..]), (Some(0), "hello\n"), "{header}");
                let connected = connected(&mut listening, |event| event["peer"] == source);
                assert_eq!(connected["announced"]["destination"], destination);
            }
        }
    }
}

#[test]
fn nginx_announces_clients_and_reads_our_headers_in_both_versions() {
    let mut listening = Listening::start(&["--json", "--accept-proxy=127.0.0.1", "[::]:0"]);
    let (plain, reads) = (free(), free());
    let configuration = format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid FOLDER/pid;
error_log stderr;
events {{}}
stream {{
    proxy_half_close on;
    server {{
        listen 127.0.0.1:{plain};
        listen [::1]:{plain};
        proxy_pass 127.0.0.1:{0};
        proxy_protocol on;
    }}
    server {{
        listen 127.0.0.1:{reads} proxy_protocol;
        listen [::1]:{reads} proxy_protocol;
        set_real_ip_from 127.0.0.1;
        set_real_ip_from ::1;
        proxy_pass 127.0.0.1:{0};
        proxy_protocol on;
    }}
}}\n",
        listening.port
    );
    let Some(_nginx) = Balancer::start("nginx", &configuration, (V6, reads).into()) else {
        return;
    };
    for announced in echoes_through(&mut listening, plain) {
        assert_eq!(announced["version"], "v1");
    }
    // Only within a family: of a client of the one at an address of the other nginx writes a line
    // that is neither.
    for (ip, source, destination) in [
        ("127.0.0.1", "192.0.2.7:41000", "198.51.100.1:7"),
        ("[::1]", "[2001:db8::1]:41000", "[2001:db8::7]:7"),
    ] {
        let address = format!("{ip}:{reads}");
        for version in ["v1", "v2"] {
            let header = format!("--proxy-protocol={version}={source},{destination}");
            let run = run(&["send", &header, &address, "hello"]);
            assert_eq!((run.status, &run.stdout[..]), (Some(0), "hello\n"), "{}", run.stderr);
            connected(&mut listening, |event| event["peer"] == source);
        }
    }
}
