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
    assert_eq!(lines[3..], ["clients served: 1, lost: 0"]);
}

#[test]
fn udp_brings_back_datagrams_over_both_families_and_says_who_is_silent() {
    let lines = example("udp");
    assert!(lines[0].ends_with("(IPv6 and IPv4, UDP)"), "{lines:?}");
    for (line, family) in lines[1..7].iter().zip(["IPv4", "IPv4", "IPv4", "IPv6", "IPv6", "IPv6"]) {
        assert!(line.contains(&format!(" bytes came back over {family} in ")), "{lines:?}");
    }
    assert!(lines[7].starts_with("no reply from 127.0.0.1:"), "{lines:?}");
    assert_eq!(lines[8..], ["datagrams answered: 6"]);
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
        match link.strip_prefix('#') {
            Some(anchor) => {
                assert!(headings().contains(&anchor.to_owned()), "no heading #{anchor}");
            }
            None => {
                let path = format!("{}/examples/{link}", env!("CARGO_MANIFEST_DIR"));
                assert!(PathBuf::from(path).exists(), "{link} does not exist");
            }
        }
    }
}

/// The names by which the README links to its own headings.
fn headings() -> Vec<String> {
    let titles = README.lines().filter_map(|line| line.strip_prefix("## "));
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ';
    titles
        .map(|title| {
            title.chars().filter(kept).collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}

/// A line without what differs from run to run: ports and times.
#[cfg(target_os = "linux")]
fn shape(line: &str) -> String {
    let mut shape = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = rest[start..].find(|c: char| !c.is_ascii_digit() && c != '.');
        let end = length.map_or(rest.len(), |length| start + length);
        let number = &rest[start..end];
        shape += &rest[..start];
        let is_time = number.trim_end_matches('.').matches('.').count() == 1;
        let is_port = !number.contains('.') && number.len() > 2;
        shape += if is_time || is_port { "#" } else { number };
        rest = &rest[end..];
    }
    (shape + rest).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(target_os = "linux")] // other systems have other words for the same errors
#[test]
fn the_outputs_in_the_readme_of_the_examples_are_real() {
    for block in README.split("```console\n$ cargo run --example ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap();
        let mut real: Vec<String> = example(name).iter().map(|line| shape(line)).collect();
        let mut shown: Vec<String> = rest.split("```").next().unwrap().lines().map(shape).collect();
        if name == "client" {
            // Its messages come back in any order.
            real.sort();
            shown.sort();
        }
        assert_eq!(real, shown, "{name}");
    }
}
