//! What `echo6 bench` prints and keeps, and how it exits.

#![cfg(feature = "cli")]

mod common;

use common::binary::{Listening, Run, run};
use common::liar::{self, Closed, Liar, closed_to_datagrams};
use common::{V4, V6};

/// A file that is removed when it is dropped.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("echo6-{}-{name}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn bench(arguments: &[&str]) -> Run {
    run(&[&["bench", "--warm-up", "0", "-c", "3"], arguments].concat())
}

#[test]
fn the_report_fits_80_columns_and_says_what_came_back() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let v4 = format!("127.0.0.1:{}", server.port);
    let v6 = format!("[::1]:{}", server.port);
    let long = format!("[::ffff:127.0.0.1]:{}", server.port);
    for addresses in [&[&v4[..], &v6][..], &[&long], &[&v4]] {
        let ran = bench(&[&["-v", "-n", "60", "--reconnect"], addresses].concat());
        assert_eq!((ran.status, &ran.stderr[..]), (Some(0), ""), "{ran:?}");
        for line in ran.stdout.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let echoes = format!("{} echoes, ", 60 * addresses.len());
        for words in [&echoes[..], "every byte as sent", "closed loop: ", " connect "] {
            assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
        }
        for word in ["NaN", "inf"] {
            assert!(!ran.stdout.contains(word), "{}", ran.stdout);
        }
        assert_eq!(ran.stdout.contains("IPv6"), addresses.contains(&&v6[..]), "{}", ran.stdout);
    }
}

#[test]
fn connections_that_are_held_have_times_and_no_rate() {
    let server = Listening::start(&["-q", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let ran = bench(&["--hold", "50ms", &address]);
    let row = ran.stdout.lines().nth(1).unwrap_or_default();
    let mut columns = row.split_whitespace().skip_while(|column| *column != "IPv4").skip(1);
    assert_eq!((ran.status, columns.next()), (Some(0), Some("-")), "{ran:?}");
    assert!(columns.next().and_then(|p50| p50.parse::<f64>().ok()).is_some(), "{ran:?}");
    assert!(ran.stdout.contains("hold: times are those of the echo"), "{}", ran.stdout);
}

#[test]
fn what_failed_is_said_by_cause_with_the_place_of_the_first_difference() {
    let (_changing, changing) = Listening::faulty("127.0.0.1:0", "flip@4");
    let ran = bench(&["-n", "9", &changing]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("9 faults: 9 other bytes came back"), "{ran:?}");
    assert!(ran.stdout.contains("differs at byte 4: sent 0x"), "{ran:?}");

    let closed = Closed::reserve(V6).address.to_string();
    let ran = bench(&["-n", "9", &closed]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let said = "nothing came back, 3 faults: 3 connection refused\ncannot connect to ";
    assert!(ran.stdout.contains(said), "{ran:?}");
    for word in ["NaN", "inf", "±", "every byte", "closed loop", "not measured"] {
        assert!(!ran.stdout.contains(word), "{ran:?}");
    }
    let start = format!("start a server with \"echo6 listen '{closed}'\"\n");
    assert!(ran.stderr.starts_with("help: nothing listens") && ran.stderr.ends_with(&start));
    let sent = run(&["send", &closed, "hello"]);
    assert!(sent.stderr.ends_with(&ran.stderr), "{sent:?}");

    let closed = closed_to_datagrams(V4);
    let closed = closed.local_addr().unwrap().to_string();
    let ran = run(&["bench", "-u", "-c", "1", "--warm-up", "10ms", &closed]);
    let said = format!("{closed} is not measured, because nothing came back");
    assert!(ran.stdout.contains(&said), "{ran:?}");
    assert!(ran.stderr.contains(&format!("echo6 listen -u {closed}")), "{ran:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_this_host_lacks_is_named_by_what_the_system_says() {
    let server = Listening::start(&["-uq", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    for transport in [&["-u"][..], &[]] {
        let ran = bench(&[transport, &["-n", "2", "-s", "192.0.2.1", &address]].concat());
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(!ran.stdout.contains("ran out"), "{ran:?}");
        let help = "help: no interface of this host has the source address 192.0.2.1\n";
        assert_eq!(ran.stderr, help, "{ran:?}");

        let limited = "ulimit -n 100 && exec \"$@\"";
        let arguments = ["-c", limited, "sh", env!("CARGO_BIN_EXE_echo6"), "bench"];
        let load = ["-c", "300", "-n", "300", "--warm-up", "0", &address];
        let output = std::process::Command::new("sh")
            .args(arguments.iter().chain(transport).chain(&load))
            .output();
        let ran = Run::from(output.unwrap());
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.stdout.contains("this host ran out of descriptors (ulimit -n)\n"), "{ran:?}");
        assert!(!ran.stdout.contains("of 1 core"), "{ran:?}");
    }
}

/// What nothing came of is not called good: the warm-up counts for nothing.
#[cfg(unix)]
#[test]
fn an_interrupt_in_the_warm_up_says_that_nothing_was_measured() {
    use std::io::Read;

    let listener = std::net::TcpListener::bind((V4, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for json in [&[][..], &["--json"]] {
        let arguments = ["bench", "--warm-up", "1h", "-w", "1h", "-c", "1", &address];
        let arguments = [&arguments[..], json].concat();
        let child = common::binary::piped(&mut common::binary::echo6(&arguments));
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 64]).unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let ran = Run::from(child.wait_with_output().unwrap());
        assert_eq!((ran.status, &ran.stderr[..]), (Some(1), ""), "{ran:?}");
        if json.is_empty() {
            assert_eq!(ran.stdout, "interrupted in the warm-up: nothing was measured\n");
            continue;
        }
        let [summary, result] = &ran.objects()[..] else { panic!("{ran:?}") };
        assert_eq!(
            (&result["interrupted"], &result["interrupted_in"]),
            (&true.into(), &"warm_up".into())
        );
        for absent in ["rate", "cpu", "bound_by"] {
            assert!(summary.get(absent).is_none(), "{absent}: {summary}");
        }
    }
}

/// No host sends a thousand million messages a second, and none takes hours for one: what ends the
/// search is what this host can send.
#[test]
fn a_search_that_this_host_ends_does_not_call_that_the_limit() {
    let server = Listening::start(&["-q", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let search = ["-d", "50ms", "-r", "1000M", "-w", "1h", "--search", "p50=2h", &address];
    let ran = bench(&search);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let said = ran.stdout.lines().find(|line| line.starts_with("this host could not send more"));
    let said = said.unwrap_or_else(|| panic!("{ran:?}"));
    assert!(said.ends_with("/s: p50=7200s was not reached"), "{said}");
    assert!(!ran.stdout.contains("highest rate"), "{ran:?}");
    assert!(
        ran.stderr.ends_with("help: load from other hosts too, or try another -c\n"),
        "{ran:?}"
    );

    let objects = bench(&[&["--json"], &search[..]].concat()).objects();
    let found = &objects.last().unwrap()["found"][0];
    assert_eq!(found["ended_by"], "not_sent", "{objects:?}");
    assert!(found["rate"].as_f64().is_some_and(|rate| rate > 1.0), "{objects:?}");
}

#[test]
fn a_run_is_kept_and_compared_with_and_other_settings_are_refused() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let file = File::new("run.json");
    let kept = bench(&["-n", "200", "--save", file.path(), &address]);
    assert_eq!(kept.status, Some(0), "{kept:?}");
    let text = file.text();
    let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&kept["settings"]["count"], &kept["settings"]["task"]),
        (&200.into(), &"closed".into())
    );
    let counts = kept["addresses"][0]["rtt_counts"].as_array().unwrap();
    assert_eq!(counts.iter().map(|row| row[1].as_u64().unwrap()).sum::<u64>(), 200);

    let again = bench(&["-n", "200", "--compare", file.path(), &address]);
    assert_eq!(again.status, Some(0), "{again:?}");
    let head = "compared, the times by the median slice of each run:\nrate: ";
    for figure in [head, "p50: ", "p99: ", " before, ", " now ("] {
        assert!(again.stdout.contains(figure), "{again:?}");
    }

    // One slow slice is not what the run is compared by.
    let mut stalled = kept.clone();
    let slices = stalled["addresses"][0]["slices"].as_array_mut().unwrap();
    assert_eq!(slices.len(), 20);
    slices[11]["p50_us"] = 1e12.into();
    slices[11]["p99_us"] = 1e12.into();
    std::fs::write(&file.0, stalled.to_string()).unwrap();
    let ran = bench(&["-n", "200", "--json", "--compare", file.path(), &address]);
    let objects = ran.objects();
    let changes: Vec<_> = objects.iter().filter(|object| object["event"] == "change").collect();
    assert_eq!(changes.len(), 3, "{ran:?}");
    for change in changes {
        for run in ["before", "now"] {
            let end = |name: &str| change[run][name].as_f64().unwrap();
            assert!(end("low") <= end("value") && end("value") <= end("high"), "{change}");
            assert!(change["of"] == "rate" || end("high") < 1e11, "{change}");
        }
    }

    // A run whose rate no run reaches, the same in each slice, and whose times none exceeds.
    let mut fast = kept.clone();
    for slice in fast["addresses"][0]["slices"].as_array_mut().unwrap() {
        slice["rate"] = 1e10.into();
        slice["p50_us"] = 1e9.into();
        slice["p99_us"] = 1e9.into();
    }
    std::fs::write(&file.0, fast.to_string()).unwrap();
    for (limit, status) in [("5%", 1), ("99.99999999%", 0)] {
        let ran = bench(&["-n", "200", "--compare", file.path(), "--fail-above", limit, &address]);
        assert_eq!(ran.status, Some(status), "{limit}: {ran:?}");
        assert!(ran.stdout.contains("worse"), "{ran:?}");
    }

    let other = bench(&["-n", "201", "--compare", file.path(), &address]);
    assert_eq!(other.status, Some(2), "{other:?}");
    assert!(other.stderr.contains("the runs cannot be compared: the count differs"), "{other:?}");
    assert_eq!(other.stdout, "", "it is refused before the load");
    let v6 = format!("[::1]:{}", server.port);
    for addresses in [&[&v6[..]][..], &[&address, &v6]] {
        let other = bench(&[&["-n", "200", "--compare", file.path()], addresses].concat());
        assert_eq!((other.status, &other.stdout[..]), (Some(2), ""), "{other:?}");
        assert!(other.stderr.contains("they loaded different kinds of addresses"), "{other:?}");
    }
}

/// A gate that compares nothing does not open.
#[test]
fn a_run_that_is_too_short_to_compare_is_refused() {
    let server = Listening::start(&["-q", "127.0.0.1:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let file = File::new("short.json");
    let kept = bench(&["-n", "1", "--save", file.path(), &address]);
    assert_eq!(kept.status, Some(0), "{kept:?}");
    let ran = bench(&["-n", "1", "--compare", file.path(), "--fail-above", "5%", &address]);
    assert_eq!((ran.status, &ran.stdout[..]), (Some(2), ""), "{ran:?}");
    assert!(ran.stderr.contains("cannot be compared: too few slices"), "{ran:?}");
}

#[test]
fn a_run_in_which_nothing_came_back_does_not_replace_the_one_that_is_kept() {
    let closed = Closed::reserve(V4).address.to_string();
    let file = File::new("good.json");
    std::fs::write(&file.0, "good").unwrap();
    let ran = bench(&["-n", "9", "--save", file.path(), &closed]);
    assert_eq!((ran.status, &file.text()[..]), (Some(1), "good"), "{ran:?}");
    let words = "good.json is not written: nothing was measured";
    let stderr = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(stderr.contains(words), "{ran:?}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_the_load() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let v6 = format!("[::1]:{}", server.port);
    let nowhere = "/nowhere/run";
    for flag in ["--save", "--hdr", "--plot"] {
        let ran = bench(&["-n", "20", flag, nowhere, &v6]);
        assert_eq!((ran.status, &ran.stdout[..]), (Some(2), ""), "{ran:?}");
        assert_eq!(ran.stderr, "error: cannot write /nowhere/run: no such file\n");
    }
    for flags in [&[][..], &["-u"]] {
        let ran = run(&[&["ping", "-c1", "--plot", nowhere, &v6], flags].concat());
        assert_eq!((ran.status, &ran.stdout[..]), (Some(2), ""), "{ran:?}");
    }
    // What is there already stays when nothing comes to be written.
    let kept = File::new("kept.json");
    std::fs::write(&kept.0, "kept").unwrap();
    bench(&["-n", "20", "--save", kept.path(), "--hdr", nowhere, &v6]);
    assert_eq!(kept.text(), "kept");
}

#[test]
fn spectra_are_written_for_each_address_and_merged() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let v4 = format!("127.0.0.1:{}", server.port);
    let v6 = format!("[::1]:{}", server.port);
    let file = File::new("run.hgrm");
    let (one, two) = (File::new("run.1.hgrm"), File::new("run.2.hgrm"));
    let ran = bench(&["-n", "50", "--hdr", file.path(), &v4, &v6]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(one.text().contains("Total count    =           50"), "{}", one.text());
    let ran = run(&["bench", "--merge", one.path(), "--merge", two.path(), "--hdr", file.path()]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("100 echoes of 2 spectra"), "{ran:?}");
    assert!(file.text().contains("Total count    =          100"), "{}", file.text());

    std::fs::write(&file.0, "hello\n").unwrap();
    let ran = run(&["bench", "--merge", file.path()]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("not a percentile spectrum"), "{ran:?}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (arguments, error) in [
        (&[][..], "no ADDRESS given"),
        (&["--merge", "x", "[::1]:7"], "--merge takes no ADDRESS"),
        (&["--merge", "x", "--save", "y"], "--merge and --save exclude each other"),
        (&["--merge", "x", "--plot", "y"], "--merge and --plot exclude each other"),
        (&["--merge", "x", "--compare", "y"], "--merge and --compare exclude each other"),
        (&["--merge", "x", "-n", "5"], "--merge and --count exclude each other"),
        (&["--burst", "5", "--compare", "x", "[::1]:7"], "--compare and --burst exclude"),
        (&["--hold", "1", "--compare", "x", "[::1]:7"], "--compare and --hold exclude"),
        (&["--burst", "5", "--hold", "1", "[::1]:7"], "--burst and --hold exclude each other"),
        (&["--burst", "5", "-r", "1", "[::1]:7"], "--burst and --rate exclude each other"),
        (&["--in-flight", "5", "-r", "1", "[::1]:7"], "--in-flight and --rate exclude"),
        (&["--fail-above", "5%", "[::1]:7"], "--fail-above needs --compare"),
        (&["--proxy-protocol", "v1", "--proxy-split", "3", "[::1]:7"], "PROXY header whole"),
        (&["-u", "--reconnect", "[::1]:7"], "--reconnect is for connections: it excludes --udp"),
        (&["-u", "--burst", "5", "[::1]:7"], "--burst is for connections"),
        (&["-u", "--hold", "1", "[::1]:7"], "--hold is for connections"),
        (&["-u", "--proxy-protocol", "v1", "[::1]:7"], "--proxy-protocol is for connections"),
        (&["-u", "--size", "7", "[::1]:7"], "--size 7: each datagram has a number of 8 bytes"),
        (&["-u", "--size", "65508", "127.0.0.1:7"], "over IPv4 has at most 65507 bytes"),
        (&["-r", "fast", "[::1]:7"], "--rate fast: a rate is a number"),
        (&["--search", "p99", "[::1]:7"], "--search p99: a goal is a percentile"),
        (&["--size", "0", "[::1]:7"], "--size 0: must be from 1 to 16M"),
        (&["--compare", "/nowhere/run.json", "[::1]:7"], "cannot read /nowhere/run.json"),
    ] {
        let ran = run(&[&["bench"], arguments].concat());
        assert_eq!((ran.status, &ran.stdout[..]), (Some(2), ""), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(error), "{arguments:?}: {}", ran.stderr);
        let to_do = ran.stderr.contains("\nhelp: ") || error.starts_with("cannot read");
        assert!(to_do, "{arguments:?}: {}", ran.stderr);
    }
}

/// Ctrl-C ends with the summary of what was measured.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_the_summary() {
    use std::io::{BufRead, BufReader, Read};

    let server = Listening::start(&["-q", "[::]:0"]);
    let address = format!("127.0.0.1:{}", server.port);
    let arguments = ["bench", "--json", "--warm-up", "0", "-d", "1h", &address];
    let mut child = common::binary::piped(&mut common::binary::echo6(&arguments));
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("\"event\":\"slice\""), "{line}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(
        rest.contains("\"event\":\"summary\"") && rest.contains("\"interrupted\":true"),
        "{rest}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// What a load of its own does not do for a while is no fault of the server's.
#[cfg(unix)]
#[test]
fn a_pause_of_the_load_is_left_out_and_said() {
    use std::io::{BufRead, BufReader, Read};
    use std::time::Duration;

    use rustix::process::{Pid, Signal, kill_process};

    let server = Listening::start(&["-q", "[::]:0"]);
    let address = format!("[::1]:{}", server.port);
    let arguments = ["bench", "--json", "--warm-up=0", "-d2", "-c2", "-w2s", &address];
    let mut child = common::binary::piped(&mut common::binary::echo6(&arguments));
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).unwrap();
    std::thread::sleep(Duration::from_secs(5)); // for longer than the timeout, nobody reads
    kill_process(pid, Signal::CONT).unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    let summary = rest.lines().find(|line| line.contains("\"event\":\"summary\"")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
    assert!(summary["rtt_us"]["max"].as_f64() < Some(4e6), "{summary}");
    let warnings = summary["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|warning| warning["warning"] == "stopped"), "{summary}");
}

#[test]
fn a_picture_names_its_addresses_and_marks_what_was_lost() {
    let server = Listening::start(&["-q", "[::]:0"]);
    let good = format!("127.0.0.1:{}", server.port);
    let late = Liar::start(V6, liar::answers_late).address.to_string();
    let file = File::new("picture.svg");
    let ran = bench(&["-n", "100", "--plot", file.path(), &good]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let picture = file.text();
    assert!(picture.contains(&good) && picture.contains("currentColor"), "{picture}");
    assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
    assert!(picture.trim_end().ends_with("</svg>") && picture.contains("percentile"), "{picture}");

    let arguments = ["ping", "-q", "-i", "0", "-c", "2", "-w", "150ms", "--plot", file.path()];
    run(&[&arguments[..], &[&late]].concat());
    let picture = file.text();
    for words in [&late[..], "× lost", "▲ late"] {
        assert!(picture.contains(words), "{words}: {picture}");
    }

    let closed = Closed::reserve(V4).address.to_string();
    bench(&["-n", "1", "--plot", file.path(), &closed]);
    assert!(file.text().contains("nothing came back"));
}
