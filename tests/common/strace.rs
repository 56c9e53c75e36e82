//! strace(1), which makes system calls of the binary fail.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// Says whether this process may trace others; if not, it says so aloud.
pub(crate) fn can_trace() -> bool {
    let mut tried = strace("socket", "EMFILE", "1+");
    let tried = tried.args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let works = tried.is_ok_and(|status| status.success());
    if !works {
        eprintln!("skipped: system calls that fail take strace(1) and ptrace(2)");
    }
    works
}

/// strace(1), with what is to be traced still to be said. It runs beside (`-D`), so that the child is
/// the traced program itself.
pub(crate) fn strace(call: &str, error: &str, when: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-q", "--seccomp-bpf", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:error={error}:when={when}")]);
    command
}

/// What strace(1) writes: a file that is gone with this.
pub(crate) struct Log(pub(crate) String);

impl Log {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("echo6-strace-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name).into_os_string().into_string().unwrap())
    }

    /// How often the call has failed in a process that has ended.
    pub(crate) fn failures(&self, process: u32) -> usize {
        self.whole(process).matches("(INJECTED)").count()
    }

    /// All of it, when a process has ended.
    fn whole(&self, process: u32) -> String {
        let (id, end) = (format!("{process} "), Instant::now() + PATIENCE);
        loop {
            let log = fs::read_to_string(&self.0).unwrap();
            if log.lines().any(|line| line.starts_with(&id) && line.contains("+++")) {
                return log;
            }
            assert!(Instant::now() < end, "strace does not end: {log}");
            thread::yield_now();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A run of the command in which a call fails.
pub(crate) struct Traced {
    child: Child,
    log: Log,
    start: Instant,
}

/// What it came to.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) said: String,
    pub(crate) failed: usize,
    /// How often the call was made.
    pub(crate) calls: usize,
    pub(crate) took: Duration,
}

impl Traced {
    pub(crate) fn of(call: &str, error: &str, when: &str, arguments: &[&str]) -> Self {
        let log = Log::new();
        let mut command = strace(call, error, when);
        command.args(["-o", &log.0, env!("CARGO_BIN_EXE_echo6")]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap(), log, start: Instant::now() }
    }

    pub(crate) fn finish(mut self, name: &str) -> Ended {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
                None => {
                    self.child.kill().unwrap();
                    panic!("{name}: it does not end");
                }
            }
        };
        let took = self.start.elapsed();
        let log = self.log.whole(self.child.id());
        let (failed, calls) = (log.matches("(INJECTED)").count(), log.matches(" = ").count());
        let mut said = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        Ended { status: status.code(), said, failed, calls, took }
    }
}
