//! The `echo6` binary, run to its end or left to serve.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// What a run of the binary came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The JSON lines on stdout.
    pub(crate) fn objects(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn echo6(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_echo6"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Run {
    echo6(arguments).output().unwrap().into()
}

/// Runs the binary to its end with `input` on its stdin.
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Run {
    output_with_input(&mut echo6(arguments), input).into()
}

/// Runs a command to its end with `input` on its stdin; what comes out may be any bytes.
pub(crate) fn output_with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child = piped(command);
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

/// Starts a command with a pipe to each of its standard streams.
pub(crate) fn piped(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// `echo6 listen`, up and bound. Killed when it is dropped.
pub(crate) struct Listening {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    /// The line it printed.
    pub(crate) line: String,
    pub(crate) port: u16,
}

impl Listening {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(echo6(&[&["listen"], arguments].concat()))
    }

    /// A server at an address that deals a fault on purpose, and its address with the port.
    pub(crate) fn faulty(address: &str, fault: &str) -> (Self, String) {
        let server = Self::start(&["-q", "--fault", fault, address]);
        let (host, _) = address.rsplit_once(':').unwrap();
        let address = format!("{host}:{}", server.port);
        (server, address)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = port_of(&line);
        Self { child, stdout, line, port }
    }

    /// Reads another line from its stdout.
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// Sends the signal that a terminal or a service manager would, and waits for its end.
    #[cfg(unix)]
    pub(crate) fn stop(mut self, signal: rustix::process::Signal) -> Run {
        use std::io::Read as _;

        self.signal(signal);
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        self.stdout.read_to_string(&mut stdout).unwrap();
        Run { status: self.child.wait().unwrap().code(), stdout, stderr }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)
            .unwrap();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of a process so far, in hundredths of a second.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_ticks(listening: &Listening) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", listening.child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The port in `listening on [::]:7000 (IPv6 and IPv4)`, or in its JSON form.
fn port_of(line: &str) -> u16 {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    line.match_indices(':')
        .filter_map(|(at, _)| digits(&line[at + 1..]).parse().ok())
        .next_back()
        .unwrap_or_else(|| panic!("no port in {line:?}"))
}
