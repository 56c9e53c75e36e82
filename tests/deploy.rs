//! The files of `examples/deploy`, as the programs that are to read them read them, and the commands in
//! them, run. A program that is not installed is skipped aloud.

#![cfg(all(unix, feature = "cli"))]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::binary::{Listening, run};
use serde_json::Value;

const UNITS: [&str; 3] = ["echo6.socket", "echo6.service", "echo6@.service"];
const SERVICES: [&str; 2] = ["echo6.service", "echo6@.service"];

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).unwrap()
}

/// Runs a program to its end; `None`, aloud, if it is not installed.
fn output(command: &mut Command) -> Option<Output> {
    let output = command.output().ok();
    if output.is_none() {
        eprintln!("skipped: {} is not installed", command.get_program().to_string_lossy());
    }
    output
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    // It looks for the binary where the unit says, so the copies name the one under test.
    let folder = std::env::temp_dir().join(format!("echo6-units-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let copies = UNITS.map(|unit| {
        let copy = folder.join(unit);
        let text = text(unit).replace("/usr/bin/echo6", env!("CARGO_BIN_EXE_echo6"));
        std::fs::write(&copy, text).unwrap();
        copy
    });
    let verified =
        output(Command::new("systemd-analyze").args(["verify", "--man=no"]).args(copies));
    std::fs::remove_dir_all(folder).unwrap();
    let Some(verified) = verified else { return };
    assert_eq!(String::from_utf8_lossy(&verified.stderr), "");
    assert!(verified.status.success());
}

#[test]
fn the_services_are_exposed_by_at_most_one_and_a_half_of_ten() {
    for unit in SERVICES {
        let mut command = Command::new("systemd-analyze");
        command.args(["security", "--offline=true", "--threshold=15"]).arg(deploy(unit));
        let Some(judged) = output(&mut command) else { return };
        assert!(judged.status.success(), "{unit}:\n{}", String::from_utf8_lossy(&judged.stdout));
    }
}

#[test]
fn a_unit_that_conflicts_with_another_starts_when_that_has_stopped() {
    for unit in UNITS {
        let text = text(unit);
        let named = |key: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(key));
            lines.flat_map(|line| line.split(' ').map(str::to_owned)).collect()
        };
        for other in named("Conflicts=") {
            assert!(named("After=").contains(&other), "{unit}: {other}");
        }
    }
}

#[test]
fn what_the_units_start_is_a_command_that_can_be_run() {
    for unit in SERVICES {
        let text = text(unit);
        let command = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let mut words: Vec<&str> = command.split(' ').skip(1).collect();
        match words.pop() {
            Some(":7") => words.push(":0"),
            // It is given its sockets: see tests/activation.rs.
            last => words.extend(last.into_iter().chain(["127.0.0.1:0"])),
        }
        assert!(Listening::start(&words[1..]).line.starts_with("listening on "), "{unit}");
    }
}

/// Starts the server that `words` name, on a port that the system chooses in place of 7000, and then
/// runs the client that `probe` names against it.
fn serve_and_probe(words: &[&str], probe: &[&str]) {
    let words: Vec<_> = words.iter().map(|word| word.replace(":7000", ":0")).collect();
    assert_eq!(words[0], "listen");
    let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let listening = Listening::start(&arguments);
    let probe: Vec<_> =
        probe.iter().map(|word| word.replace("7000", &listening.port.to_string())).collect();
    assert_eq!(probe[0], "/echo6");
    let arguments: Vec<&str> = probe[1..].iter().map(String::as_str).collect();
    let probed = run(&arguments);
    assert_eq!(probed.status, Some(0), "{probe:?}: {probed:?}");
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn the_container_serves_and_its_health_check_passes() {
    let text = text("Containerfile");
    // The form of its commands that needs no shell is a JSON array.
    let words = |instruction: &str| -> Value {
        let line = text.lines().rfind(|line| line.starts_with(instruction)).unwrap();
        serde_json::from_str(&line[line.find('[').unwrap()..]).unwrap()
    };
    assert_eq!(strings(&words("ENTRYPOINT")), ["/echo6"]);
    // In podman's own format, which is OCI's, an image has no health check.
    let build = text.lines().find(|line| line.contains("podman build ")).unwrap();
    assert!(build.contains(" --format docker "), "{build}");
    serve_and_probe(&strings(&words("CMD")), &strings(&words("HEALTHCHECK")));
}

/// The documents of a YAML file, as JSON.
fn yaml(name: &str) -> Option<Vec<Value>> {
    let script = "import json, sys, yaml\n\
                  print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let read = output(Command::new("python3").args(["-c", script]).arg(deploy(name)))?;
    let error = String::from_utf8_lossy(&read.stderr);
    if error.contains("No module named 'yaml'") {
        eprintln!("skipped: python3 has no module yaml");
        return None;
    }
    assert!(read.status.success(), "{error}");
    Some(serde_json::from_slice(&read.stdout).unwrap())
}

#[test]
fn the_pods_of_kubernetes_serve_and_their_probes_pass() {
    let Some(documents) = yaml("kubernetes.yaml") else { return };
    let of_kind = |kind: &str| documents.iter().find(|document| document["kind"] == kind).unwrap();
    let deployment = of_kind("Deployment");
    let pod = &deployment["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    serve_and_probe(
        &strings(&container["args"]),
        &strings(&container["readinessProbe"]["exec"]["command"]),
    );

    // What refers to something names something that is there.
    let ports = container["ports"].as_array().unwrap();
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"]);
    let service = &of_kind("Service")["spec"];
    assert_eq!(service["selector"], pod["metadata"]["labels"]);
    for port in service["ports"].as_array().unwrap() {
        let target = ports.iter().find(|target| target["name"] == port["targetPort"]);
        assert_eq!(target.unwrap()["protocol"], port["protocol"]);
    }
}

#[test]
fn the_jobs_of_kubernetes_run_their_load_against_the_service() {
    let Some(documents) = yaml("kubernetes.yaml") else { return };
    let service = documents.iter().find(|document| document["kind"] == "Service").unwrap();
    let port = &service["spec"]["ports"][0]["port"];
    let target = format!("{}:{port}", service["metadata"]["name"].as_str().unwrap());
    let folder = std::env::temp_dir().join(format!("echo6-results-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for job in ["bench.yaml", "bench-pods.yaml"] {
        let Some(jobs) = yaml(job) else { return };
        let container = &jobs[0]["spec"]["template"]["spec"]["containers"][0];
        let words = strings(&container["args"]);
        assert_eq!(words.last(), Some(&&target[..]), "{job}");

        // The same load, for a shorter time, and on this host.
        let listening = Listening::start(&["-q", "127.0.0.1:0"]);
        let here = format!("127.0.0.1:{}", listening.port);
        let words: Vec<_> = words
            .iter()
            .map(|word| match *word {
                "10s" | "60s" => "300ms".to_owned(),
                word if word == target => here.clone(),
                word => word.replace("/results", folder.to_str().unwrap()),
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--warm-up", "0"]).collect();
        let loaded = run(&words);
        // A busy host may send less than was due, and says so; what it sends comes back.
        let sent_less = loaded.stdout.contains("this host sent only");
        assert_eq!(loaded.status, Some(i32::from(sent_less)), "{job}: {loaded:?}");
        assert!(loaded.stdout.contains("every byte as sent"), "{job}: {loaded:?}");
    }
    assert!(folder.join("$(JOB_COMPLETION_INDEX).hgrm").exists());
    std::fs::remove_dir_all(folder).unwrap();
}
