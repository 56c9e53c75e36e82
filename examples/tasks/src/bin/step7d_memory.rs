//! Step 7d: what one waiting client costs: as a line in a table for poll, a task, a thread.
//!
//! ```text
//! cargo run -p tasks --bin step7d_memory
//! ```
//!
//! Afterwards you can choose between threads, poll and tasks, and say why.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::{fs, io, thread};

use async_std::task;

/// How many wait at the same time. All wait in accept(2), so that no more descriptors are needed.
const WAITING: usize = 500;

fn main() -> io::Result<()> {
    println!("{WAITING} wait; each holds      bytes  of address space");
    // Step 7b: a PollFd (a descriptor and two sets of flags) and a Client.
    let line = 8 + size_of::<(TcpStream, Vec<u8>)>();
    println!("a line in two tables {line:>8}");

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let second_handle = listener.try_clone()?;
    let (ready, all_ready) = mpsc::channel();

    task::block_on(task::spawn(async {})); // starts the runtime, which is no task's cost
    let shared = Arc::new(async_std::net::TcpListener::from(second_handle));
    let before = (memory("VmRSS:"), memory("VmSize:"));
    for _ in 0..WAITING {
        let (listener, ready) = (Arc::clone(&shared), ready.clone());
        task::spawn(async move {
            let _ = ready.send(());
            listener.accept().await.map(drop)
        });
    }
    all_ready.iter().take(WAITING).for_each(drop);
    show("a task", memory("VmRSS:") - before.0, memory("VmSize:") - before.1);

    listener.set_nonblocking(false)?; // the runtime needed the opposite
    let shared = Arc::new(listener);
    let before = (memory("VmRSS:"), memory("VmSize:"));
    for _ in 0..WAITING {
        let (listener, ready) = (Arc::clone(&shared), ready.clone());
        thread::spawn(move || {
            let _ = ready.send(());
            listener.accept().map(drop)
        });
    }
    all_ready.iter().take(WAITING).for_each(drop);
    show("a thread", memory("VmRSS:") - before.0, memory("VmSize:") - before.1);
    Ok(()) // which ends the threads and the tasks
}

fn show(what: &str, memory: f64, address_space: f64) {
    let each = |bytes: f64| (bytes / WAITING as f64).round();
    println!("{what:<20} {:>8} {:>17}", each(memory), each(address_space));
}

/// A figure of this process in bytes, from a file of Linux (proc(5)).
fn memory(what: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap_or_default();
    let kib = line.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    kib.unwrap_or(f64::NAN) * 1024.0
}
