//! The examples end by themselves and print what they promise.

use std::path::PathBuf;
use std::process::Command;

/// Runs an example that was built beside this test; returns its lines.
fn example(name: &str) -> Vec<String> {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(&path).output().unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{name}: {}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn client_hears_back_over_both_families() {
    let lines = example("client");
    assert!(lines[0].ends_with("(IPv6 and IPv4)"), "{lines:?}");
    for family in ["IPv4 from 127.0.0.1:", "IPv6 from [::1]:"] {
        for n in 1..=3 {
            let start = format!("Hello from Client {n} came back over {family}");
            let line = lines.iter().find(|line| line.starts_with(&start));
            assert!(line.is_some_and(|line| line.ends_with(" ms")), "{start}: {lines:?}");
        }
    }
    assert_eq!(lines.len(), 7);
}

#[test]
fn server_greets_itself_and_stops() {
    let lines = example("server");
    assert!(lines[0].starts_with("listening on [::]:"), "{lines:?}");
    assert!(lines[1].starts_with("127.0.0.1:") && lines[1].ends_with(" connected"), "{lines:?}");
    assert!(lines[2].ends_with(" left, 5 bytes echoed"), "{lines:?}");
    assert_eq!(lines[3..], ["served 1 clients, lost 0"]);
}
