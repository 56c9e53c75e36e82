//! The steps with tasks do what the text of the lesson says.

#[path = "../../lesson/tests/common/mod.rs"]
mod common;

#[test]
fn each_step_is_short_and_prints_what_the_text_shows() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin");
    common::check_steps(folder, "cargo run -p tasks --bin");
}

#[cfg(target_os = "linux")] // where a file tells the memory of a process
#[test]
fn a_task_is_cheaper_than_a_thread() {
    let lines = common::run("step7d_memory");
    let memory =
        |line: &str| -> f64 { line.split_whitespace().rev().nth(1).unwrap().parse().unwrap() };
    assert!(memory(&lines[2]) < memory(&lines[3]), "{lines:#?}");
}
