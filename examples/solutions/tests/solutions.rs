//! The solutions of the exercises end, and print what their exercises ask for.

#[path = "../../lesson/tests/common/mod.rs"]
mod common;

use common::{README, programs, run};

#[test]
fn each_solution_belongs_to_an_exercise() {
    for (name, text) in programs(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin")) {
        assert!(README.contains(&name), "no exercise for {name}");
        assert!(
            text.contains(&format!("cargo run -p solutions --bin {name}")),
            "{name}: no command"
        );
        assert!(!text.contains("unwrap()"), "{name} gives up instead of saying why");
    }
}

#[test]
fn solutions_that_are_the_same_everywhere() {
    assert_eq!(run("ex3_1_two_clients"), ["first:  from the first", "second: from the second"]);
    assert_eq!(run("ex4_1_send_all"), ["10000000 bytes received"]);
    let messages = ["message \"one\"", "message \"two\"", "message \"three\"", "pending \"four\""];
    assert_eq!(run("ex4_3_lines"), messages);
    assert_eq!(run("ex5_1_client"), ["5 bytes came back"]);
    let datagrams = [
        " 5 bytes came back: \"Hello\"",
        " 0 bytes came back: \"\"",
        "13 bytes came back: \"from Client 1\"",
    ];
    assert_eq!(run("ex8_1_udp_echo"), datagrams);
}

#[cfg(unix)]
#[test]
fn a_server_survives_a_shortage_of_descriptors() {
    assert_eq!(run("ex7_1_survives"), ["30 clients served, accept failed on the way: true"]);
}

#[cfg(target_os = "linux")]
#[test]
fn solutions_as_on_linux() {
    let lines = run("ex1_1_raw");
    assert!(lines[0].contains("EPROTONOSUPPORT: "), "{lines:?}");
    // Root, or not.
    assert!(lines[1].ends_with("  a descriptor") || lines[1].contains("  EPERM: "), "{lines:?}");

    let lines = run("ex1_2_kept");
    let numbers = lines.iter().filter_map(|line| line.strip_prefix("descriptor ")?.parse().ok());
    let numbers: Vec<i32> = numbers.collect();
    assert_eq!(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2], "{lines:?}");

    let lines = run("ex2_1_broadcast");
    assert_eq!(lines[..2], ["bind     bound", "listen   listening"]);
    assert!(lines[2].starts_with("connect  E"), "{lines:?}");

    let backlogs = ["a backlog of  0 holds  1 clients", "a backlog of  1 holds  2 clients"];
    assert_eq!(run("ex2_2_backlog")[..2], backlogs);

    let lines = run("ex4_2_empty_buffer");
    assert!(lines[0].contains("  EAGAIN: "), "{lines:?}");
    assert!(lines[1].ends_with("  0") && lines[2].ends_with("  5"), "{lines:?}");
}
