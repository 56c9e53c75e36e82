//! The marker calls the good server good, and names the mistake of each wrong one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(path: &str) -> Self {
        let mut command = Command::new(path);
        let mut child = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the marker says of a server, and whether it is content.
fn mark(path: &str) -> (String, bool) {
    let server = Server::start(path);
    let mut marker = Command::new(env!("CARGO_BIN_EXE_marker"));
    let output = marker.arg(&server.address).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn the_good_server_is_good() {
    let (text, good) = mark(env!("CARGO_BIN_EXE_good_server"));
    assert!(good, "{text}");
    assert_eq!(text.matches("  good:  ").count(), 7, "{text}");
}

/// One test a server, so that they run at the same time.
macro_rules! mistakes {
    ($($test:ident $server:literal $words:literal)*) => { $(
        #[test]
        fn $test() {
            let (text, good) = mark(env!(concat!("CARGO_BIN_EXE_", $server)));
            assert!(!good && text.contains("  wrong: "), "{text}");
            assert!(text.contains($words), "{text}");
        }
    )* };
}

mistakes! {
    one_read_is_too_few "wrong_reads_once" "a second message does not come back. Put read and write in a loop"
    the_rest_of_the_buffer_is_not_new "wrong_writes_it_all" "more comes back than was sent. Only the first bytes"
    bytes_are_no_text "wrong_makes_text" "bytes that are not UTF-8 come back changed"
    a_stream_has_no_lines "wrong_waits_for_a_line" "nothing comes back before a newline"
    an_echo_does_not_wait_for_the_end "wrong_waits_for_the_end" "nothing comes back before the end of the stream"
    zero_is_the_end "wrong_forgets_the_zero" "the server does not close after the client's end"
    nobody_waits_for_a_silent_client "wrong_one_at_a_time" "holds up the next one"
    a_write_may_take_less "wrong_writes_once" " bytes came back. A write may take fewer"
    a_reset_is_one_clients_alone "wrong_ends_with_a_client" "after one client's reset, the others are not served"
}

#[test]
fn nobody_there_is_said_as_such() {
    let address = {
        let server = Server::start(env!("CARGO_BIN_EXE_good_server"));
        server.address.clone()
    };
    let output = Command::new(env!("CARGO_BIN_EXE_marker")).arg(address).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("cannot connect"), "{output:?}");
}

/// The binary of this repository is built with the whole workspace, and not for this test alone.
#[test]
fn echo6_check_agrees_where_one_quick_client_can_see_it() {
    let mut echo6 = std::env::current_exe().unwrap();
    echo6.pop();
    echo6.set_file_name(format!("echo6{}", std::env::consts::EXE_SUFFIX));
    if !echo6.exists() {
        println!("skipped: what echo6 check says of the servers, as it is not built");
        return;
    }
    let check = |path: &str| {
        let server = Server::start(path);
        let output = Command::new(&echo6).args(["check", &server.address]).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (good, text) = check(env!("CARGO_BIN_EXE_good_server"));
    assert!(good, "{text}");
    for wrong in [
        env!("CARGO_BIN_EXE_wrong_reads_once"),
        env!("CARGO_BIN_EXE_wrong_writes_it_all"),
        env!("CARGO_BIN_EXE_wrong_makes_text"),
        env!("CARGO_BIN_EXE_wrong_forgets_the_zero"),
    ] {
        let (good, text) = check(wrong);
        assert!(!good, "{wrong}: {text}");
    }
}
