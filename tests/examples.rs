//! The examples end by themselves and print what they promise.

use std::net::TcpListener;
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

/// The lines of an example of the ladder. A host without IPv6 has others: it says so, and so does
/// the test.
fn step(name: &str) -> Option<Vec<String>> {
    let lines = example(name);
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("this host has no IPv6: what {name} prints is not looked at");
        return None;
    }
    Some(lines)
}

/// Says whether each of `lines` has the words in it that stand beside it, and no more lines come.
fn assert_lines(lines: &[String], expected: &[&str]) {
    for (line, words) in lines.iter().zip(expected) {
        assert!(words.split(" … ").all(|part| line.contains(part)), "{words:?}: {lines:#?}");
    }
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
}

/// The number before `unit` at the end of a line.
fn number(line: &str, unit: &str) -> f64 {
    let number = line.strip_suffix(unit).and_then(|line| line.split_whitespace().last());
    number.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {unit}: {line}"))
}

#[test]
fn step_1_is_refused_for_three_reasons_and_runs_out_of_descriptors() {
    let Some(lines) = step("step1_socket") else { return };
    assert_eq!(lines.iter().filter(|line| line.contains("  descriptor ")).count(), 4, "{lines:?}");
    assert!(lines[5..8].iter().all(|line| line.contains("(os error ")), "{lines:?}");
    if cfg!(unix) {
        let after = ["sockets open, and the next: Too many open files", "the next: opened"];
        assert_lines(&lines[8..], &after);
    }
}

#[test]
fn step_2_shows_the_bytes_and_what_bind_and_listen_refuse() {
    let Some(lines) = step("step2_bind_listen") else { return };
    let expected = [
        "text to bytes",
        "127.0.0.1 … [7f, 00, 00, 01]",
        "0.0.0.0 … [00, 00, 00, 00]",
        "255.255.255.255 … [ff, ff, ff, ff]",
        "port 7000 … [1b, 58] on the network",
        "octet greater than 255 at byte 10",
        "bind",
        "127.0.0.1:0 … 127.0.0.1:",
        "the same port … (os error ",
        "a second time … (os error ",
        "192.0.2.1:0 … (os error ",
        "listen",
        "datagrams … (os error ",
        "clients connected, none accepted",
        "one more client",
        "IPV6_V6ONLY 0",
        "client of ::1 … yes",
        "of 127.0.0.1 … yes",
        "IPV6_V6ONLY 1",
        "client of ::1 … yes",
        "of 127.0.0.1 … refused",
    ];
    assert_lines(&lines, &expected);
    assert!(!lines[14].ends_with("yes"), "the queue is full: {lines:#?}");
}

#[test]
fn step_3_names_its_peers_and_finds_a_task_cheaper_than_a_thread() {
    let Some(lines) = step("step3_accept") else { return };
    let expected = [
        "listening on [::]: … (IPv6 and IPv4)",
        "accepted [::ffff:127.0.0.1]: … address 127.0.0.1, port ",
        "accepted [::1]: … address ::1, port ",
        "nobody there: … (os error ",
        "not listening: … (os error ",
        "500 pending accepts, a task ",
        "500 pending accepts, a thread ",
    ];
    assert_lines(&lines, &expected);
    if cfg!(target_os = "linux") {
        assert!(number(&lines[5], " KiB each") < number(&lines[6], " KiB each"), "{lines:#?}");
    }
}

#[test]
fn step_4_sends_in_parts_and_tells_the_end_from_an_error() {
    let lines = example("step4_receive_send");
    let expected = [
        "a stream has no messages",
        "peek … \"Hello \"",
        "read … \"Hell\"",
        "read_exact … \"o from Client 1\"",
        "a send may take less",
        "of 1000000 bytes",
        "times without room",
        "the three answers of recv",
        "nothing yet … (os error ",
        "bytes … 5",
        "the end … 0",
        "once more … 0",
        "send, ended … (os error ",
        "a reset … (os error ",
    ];
    assert_lines(&lines, &expected);
    if cfg!(target_os = "linux") {
        assert!(!lines[5].contains(" 1000000 of ") && !lines[6].contains(" 1 sends"), "{lines:#?}");
    }
}

#[test]
fn step_5_is_slow_only_where_one_client_waits_for_another() {
    let lines = example("step5_concurrency");
    let expected = ["30 clients behind one", "one after another", "a thread each", "a task each"];
    assert_lines(&lines, &expected);
    let times: Vec<f64> = lines[1..].iter().map(|line| number(line, " ms")).collect();
    assert!(times[0] >= 500.0 && times[1] < times[0] && times[2] < times[0], "{lines:#?}");
}

#[test]
fn step_6_waits_for_a_silent_address_only_as_long_as_its_head_start() {
    let Some(lines) = step("step6_connect") else { return };
    let expected = [
        "getaddrinfo  localhost: … is [",
        "connected    from 127.0.0.1: … to 127.0.0.1:",
        "refused … (os error ",
        "silent ",
        "no route … (os error ",
        "happy eyeballs",
        "the first is good ",
        "the first is refused ",
        "the first is silent ",
    ];
    assert_lines(&lines, &expected);
    assert!(!lines[3].ends_with("connected"), "{lines:#?}");
    if cfg!(target_os = "linux") {
        let times: Vec<f64> = lines[6..].iter().map(|line| number(line, " ms")).collect();
        assert!(times[2] >= 250.0 && times[1] < times[2], "{lines:#?}");
    }
}

#[test]
fn step_7_tells_an_end_from_a_reset_and_drains() {
    let lines = example("step7_close");
    let expected = [
        "half-close",
        "the server reads … 10 bytes, then end of stream",
        "the client reads … 9 bytes, then end of stream",
        "close",
        "in good order … 0 bytes, then end of stream",
        if cfg!(target_os = "linux") { "unread … (os error " } else { "unread" },
        "SO_LINGER 0 … 0 bytes, then … (os error ",
        "drain",
        "the client reads … 14 bytes, then end of stream",
        "the server … 1 client served, 0 reset",
        "one more client … (os error ",
    ];
    assert_lines(&lines, &expected);
}

#[test]
fn pton_ntop_points_at_the_mistake() {
    let lines = example("pton_ntop");
    assert!(lines[0].starts_with("127.0.0.1 ") && lines[0].ends_with(" 127.0.0.1"), "{lines:#?}");
    assert!(lines[3].ends_with(" 2001:db8::1:0:0:1"), "{lines:#?}");
    for (wrong, column) in [("256.0.0.1", 2), ("1::2::3", 5), ("12345::", 4)] {
        let at = lines.iter().position(|line| line.starts_with(wrong)).unwrap();
        assert_eq!(lines[at + 1].find('^'), Some(column), "{lines:#?}");
    }
}

/// The examples by name, with their text.
fn sources() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn an_example_has_at_most_60_lines_of_code_and_a_header_with_its_command() {
    for (name, text) in sources() {
        let code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        assert!(text.lines().filter(code).count() <= 60, "{name} is too long");
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let header = header.join("\n");
        assert!(header.contains(&format!("cargo run --example {name}")), "{name}: no command");
        if name.starts_with("step") || name == "pton_ntop" {
            assert!(["(2)", "(3)", "RFC "].iter().any(|word| header.contains(word)), "{name}");
        }
        assert!(!text.contains("unwrap()"), "{name} gives up instead of saying why");
    }
}

const README: &str = include_str!("../examples/README.md");

#[test]
fn the_readme_of_the_examples_lists_each_and_names_files_that_exist() {
    for (name, _) in sources() {
        for part in [format!("]({name}.rs)"), format!("| `cargo run --example {name}` |")] {
            assert!(README.contains(&part), "no {part}");
        }
        assert!(README.contains(&format!("$ cargo run --example {name}\n")), "no output of {name}");
    }
    for link in README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        let path = format!("{}/examples/{link}", env!("CARGO_MANIFEST_DIR"));
        assert!(PathBuf::from(path).exists(), "{link} does not exist");
    }
    for section in README.split("\n## ").skip(1).take(7) {
        assert!(section.contains("\n1. ") && section.contains("\n2. "), "two exercises: {section}");
    }
}

/// A line without what differs from run to run: ports, times, sizes, the width of columns, and the
/// numbers of descriptors. Errno values, addresses and small counts stay.
#[cfg(target_os = "linux")]
fn shape(line: &str) -> String {
    if let Some((name, _)) = line.split_once(" is [").filter(|_| line.starts_with("getaddrinfo")) {
        return shape(name); // a host's own names
    }
    let counts = ["descriptor ", "sockets open", "times without room"];
    let all = counts.iter().any(|word| line.contains(word));
    let mut shape = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit() && c != '.');
        let (before, number) =
            rest[..length.map_or(rest.len(), |length| start + length)].split_at(start);
        rest = &rest[start + number.len()..];
        shape += before;
        let is_errno = shape.ends_with("(os error ");
        let is_time = number.trim_end_matches('.').matches('.').count() == 1;
        let is_port = !number.contains('.') && number.len() > 2;
        shape += if !is_errno && (is_time || is_port || all) { "#" } else { number };
    }
    (shape + rest).split_whitespace().collect::<Vec<_>>().join(" ").replace("-#", "#")
}

#[cfg(target_os = "linux")] // other systems have other words for the same errors
#[test]
fn the_outputs_in_the_readme_of_the_examples_are_real() {
    for block in README.split("```console\n$ cargo run --example ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap();
        let Some(lines) = step(name) else { return };
        let mut real: Vec<String> = lines.iter().map(|line| shape(line)).collect();
        let mut shown: Vec<String> = rest.split("```").next().unwrap().lines().map(shape).collect();
        if name == "client" {
            // Its messages come back in any order.
            real.sort();
            shown.sort();
        }
        assert_eq!(real, shown, "{name}");
    }
}
