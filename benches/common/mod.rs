//! Servers in processes of their own, and figures in, a table out that can be pasted into a text.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server, and how it is started: it serves on threads of its own.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// On how many threads async-std runs tasks; if that is not said, on one for each processor.
    pub(crate) async_std_threads: Option<u32>,
    pub(crate) serve: fn() -> SocketAddr,
}

/// Servers of each kind, each in a process of its own: two that share a reactor or an allocator would
/// share their waits too. Killed when they are dropped.
pub(crate) struct Servers(Vec<(Child, SocketAddr)>);

impl Servers {
    /// Starts this program again for each kind; in such a program, serves and never returns.
    pub(crate) fn start(kinds: &[Kind]) -> Self {
        raise_descriptor_limit();
        let asked =
            std::env::args().find_map(|word| Some(word.strip_prefix("--serve=")?.to_owned()));
        if let Some(kind) = kinds.iter().find(|kind| asked.as_deref() == Some(kind.name)) {
            announce((kind.serve)());
            // The pipe ends when the one that asks has ended, however that came.
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            std::process::exit(0);
        }
        Self(kinds.iter().map(start).collect())
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|(_, address)| *address).collect()
    }
}

#[allow(clippy::print_stdout)] // the other process waits for it
fn announce(address: SocketAddr) {
    println!("{address}");
}

fn start(kind: &Kind) -> (Child, SocketAddr) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.arg(format!("--serve={}", kind.name)).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env_remove("ASYNC_STD_THREAD_COUNT");
    if let Some(threads) = kind.async_std_threads {
        command.env("ASYNC_STD_THREAD_COUNT", threads.to_string());
    }
    let mut child = command.spawn().expect("it runs again");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("its address");
    (child, line.trim().parse().expect("its address"))
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (child, _) in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The seconds that the command line gives, or 5.
pub(crate) fn seconds() -> Duration {
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    Duration::from_secs_f64(given.unwrap_or(5.0))
}

/// All connections of a load are in one process, and so are those of a server.
fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Runs a server on a thread with a tokio of its own, for ever.
pub(crate) fn on_tokio(server: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        runtime.expect("a runtime").block_on(server);
    });
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn ratio(theirs: f64, ours: f64) -> String {
    format!("{:.2}", theirs / ours)
}

pub(crate) struct Table(String);

impl Table {
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let line = columns.iter().map(|_| "---|").collect::<String>();
        let mut table = Self(format!("\n{title}\n\n"));
        table.row(columns);
        table.0 += &format!("|{line}\n");
        table
    }

    /// A table with a column for each kind behind what is named `first`.
    pub(crate) fn of(first: &str, title: &str, kinds: &[Kind]) -> Self {
        let names: Vec<&str> =
            [first].into_iter().chain(kinds.iter().map(|kind| kind.name)).collect();
        Self::new(title, &names)
    }

    pub(crate) fn row(&mut self, cells: &[impl AsRef<str>]) {
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        self.0 += &format!("| {} |\n", cells.join(" | "));
    }

    #[allow(clippy::print_stdout)] // that is what a bench is for
    pub(crate) fn print(self) {
        println!("{}", self.0);
    }
}
