//! What the programs of the lesson share: the names of errors, and pauses to look around in.

use std::fmt::Display;
use std::io;

pub use errno::{ERRNOS, Errno};
pub use load::{CLIENTS, SILENCE, load, measure_or_serve};

mod errno;
mod load;

/// Returns the name of an error in front of the system's text, as in
/// `ECONNREFUSED: Connection refused (os error 111)`.
///
/// An error without a number is not the system's. It is std's own, and has no name.
pub fn name(error: &io::Error) -> String {
    let number = error.raw_os_error();
    match ERRNOS.iter().find(|errno| Some(errno.here()) == number) {
        Some(errno) => format!("{}: {error}", errno.name),
        None => format!("{error}"),
    }
}

/// Returns the answer of a call as text: what it returned, or the error with its name.
pub fn answer(result: io::Result<impl Display>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => name(&error),
    }
}

/// Stops until you press Enter, if the program was started with `--pause`. Prints the `stage` that
/// the program has reached, and the command to `look` with from another terminal.
pub fn pause(stage: &str, look: &str) {
    if std::env::args().any(|argument| argument == "--pause") {
        eprintln!("-- {stage}. In another terminal:  {look}");
        eprintln!("-- Enter goes on.");
        let _ = io::stdin().read_line(&mut String::new());
    }
}

/// The command that lists the sockets of a port with their states.
pub fn look_at_port(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!("ss -tan 'sport = :{port} or dport = :{port}'")
    } else if cfg!(windows) {
        format!("netstat -ano | findstr :{port}")
    } else {
        format!("netstat -an -p tcp | grep '[.]{port} '")
    }
}

/// The command that lists what the descriptors of this process stand for.
pub fn look_at_descriptors() -> String {
    let process = std::process::id();
    if cfg!(target_os = "linux") {
        format!("ls -l /proc/{process}/fd")
    } else if cfg!(windows) {
        format!("netstat -ano | findstr {process}")
    } else {
        format!("lsof -p {process}")
    }
}

/// The number by which the system knows a socket: a descriptor.
#[cfg(unix)]
pub fn descriptor(socket: &impl std::os::fd::AsRawFd) -> i32 {
    socket.as_raw_fd()
}

/// The number by which Windows knows a socket: a handle, which is no descriptor of a file.
#[cfg(windows)]
pub fn descriptor(socket: &impl std::os::windows::io::AsRawSocket) -> u64 {
    socket.as_raw_socket()
}
