//! Marks an echo server, and names its first mistake.
//!
//! ```text
//! cargo run -p project --bin marker -- '127.0.0.1:7012' '[::1]:7012'
//! ```
//!
//! Uses std alone. Its last three tests are those that a look at one quick client cannot replace: a
//! client that connects first and says nothing, one that is slow to read, and one that resets.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What does not come within this time does not come.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it takes for bytes that should not come at all.
const MOMENT: Duration = Duration::from_secs(1);
/// More than the buffers of both ends hold together, on every system.
const MUCH: usize = 20_000_000;

/// A mistake as a sentence, or what the system says.
type Mark = Result<(), String>;
type Test = fn(&str) -> Mark;

fn main() -> ExitCode {
    let addresses: Vec<String> = std::env::args().skip(1).collect();
    if addresses.is_empty() {
        eprintln!("usage: marker '127.0.0.1:7012' '[::1]:7012'");
        return ExitCode::from(2);
    }
    let mut all_good = true;
    for address in &addresses {
        println!("{address}");
        if let Err(mistake) = mark(address) {
            println!("  wrong: {mistake}");
            all_good = false;
        }
    }
    if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn mark(address: &str) -> Mark {
    let tests: [(&str, Test); 7] = [
        ("a message comes back", a_message),
        ("a second one too, of any bytes", any_bytes),
        ("the end of the stream is answered with the end", the_end),
        ("1 MiB comes back", a_mebibyte),
        ("a silent client holds up nobody", a_silent_client),
        ("a slow reader gets everything", a_slow_reader),
        ("a reset ends one client alone", a_reset),
    ];
    for (title, test) in tests {
        test(address)?;
        println!("  good:  {title}");
    }
    Ok(())
}

fn a_message(address: &str) -> Mark {
    let mut server = connect(address)?;
    write(&mut server, b"hello")?;
    let mut reply = [0; 5];
    if let Err(error) = server.read_exact(&mut reply) {
        if !is_silence(&error) {
            return Err(format!("it closes without an answer: {error}"));
        }
        write(&mut server, b"\n")?;
        if server.read_exact(&mut reply).is_ok() {
            return Err("nothing comes back before a newline. A stream has no lines: write what \
                        read returned, whatever it is (step 4b)"
                .to_owned());
        }
        let _ = server.shutdown(Shutdown::Write);
        if server.read_exact(&mut reply).is_ok() {
            return Err("nothing comes back before the end of the stream. Write after each read, \
                        not after the last, and flush what has a buffer (step 4a)"
                .to_owned());
        }
        return Err("it accepts, but nothing comes back. Does it wait for a full buffer? read \
                    returns what is there, and read_exact does not (step 4a)"
            .to_owned());
    }
    if &reply != b"hello" {
        return Err(format!("other bytes come back: {}", reply.escape_ascii()));
    }
    let _ = server.set_read_timeout(Some(MOMENT));
    match server.read(&mut [0; 64]) {
        Ok(0) | Err(_) => Ok(()),
        Ok(_) => Err("more comes back than was sent. Only the first bytes of the buffer are new: \
                      write &buffer[..length] (step 4a)"
            .to_owned()),
    }
}

fn any_bytes(address: &str) -> Mark {
    let mut server = connect(address)?;
    round_trip(&mut server, b"first")?;
    let bytes = b"\xff\xfe\x00 caf\xe9\r\n";
    let mut reply = vec![0; bytes.len()];
    if write(&mut server, bytes).is_err() || server.read_exact(&mut reply).is_err() {
        return Err("a second message does not come back. Put read and write in a loop (step 4a)"
            .to_owned());
    }
    if reply != bytes {
        return Err("bytes that are not UTF-8 come back changed. Return the bytes, and make no \
                    text of them"
            .to_owned());
    }
    Ok(())
}

fn the_end(address: &str) -> Mark {
    let mut server = connect(address)?;
    round_trip(&mut server, b"the last message")?;
    server.shutdown(Shutdown::Write).map_err(|error| error.to_string())?;
    match server.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err("more comes back than was sent".to_owned()),
        Err(error) if is_silence(&error) => Err("everything comes back, but the server does not \
             close after the client's end. What does your loop do when read returns 0? (step 4a)"
            .to_owned()),
        Err(error) => Err(format!("it answers the end of the stream with: {error} (step 6b)")),
    }
}

fn a_mebibyte(address: &str) -> Mark {
    let returned = exchange(connect(address)?, 1 << 20, |_progress| ())?;
    all_of_it(returned, 1 << 20)
}

fn a_silent_client(address: &str) -> Mark {
    let _silent = connect(address)?;
    let mut server = connect(address)?;
    round_trip(&mut server, b"hello").map_err(|_| {
        "a client that says nothing holds up the next one. Serve each in a thread of its own \
         (step 7a)"
            .to_owned()
    })
}

fn a_slow_reader(address: &str) -> Mark {
    // Reads nothing until the server takes no more either.
    let until_it_stands_still = |progress: &AtomicUsize| {
        let mut before = usize::MAX;
        while progress.load(Ordering::Relaxed) != before {
            before = progress.load(Ordering::Relaxed);
            thread::sleep(MOMENT);
        }
    };
    let returned = exchange(connect(address)?, MUCH, until_it_stands_still)?;
    all_of_it(returned, MUCH)
}

fn a_reset(address: &str) -> Mark {
    let mut other = connect(address)?;
    round_trip(&mut other, b"before")?;
    let mut leaves = connect(address)?;
    let _ = leaves.write_all(&[b'x'; 65536]);
    let _ = leaves.peek(&mut [0]); // waits until some of it is back
    drop(leaves); // with bytes unread, and more on the way: a reset on every system (step 6b)
    thread::sleep(MOMENT); // a server that ends has ended by then
    let new = connect(address).and_then(|mut server| round_trip(&mut server, b"after"));
    if round_trip(&mut other, b"after").is_err() || new.is_err() {
        return Err("after one client's reset, the others are not served. An error of one client \
                    ends its own thread, and never the program (step 6b)"
            .to_owned());
    }
    Ok(())
}

fn all_of_it(returned: usize, sent: usize) -> Mark {
    if returned == sent {
        return Ok(());
    }
    Err(format!(
        "{returned} of {sent} bytes came back. A write may take fewer bytes than it is given, or \
         none: repeat it with the rest, as write_all does (step 4c)"
    ))
}

/// Sends `length` bytes and the end of the stream, and meanwhile, after `pause`, reads what comes
/// back. Returns how many bytes did, and were right.
fn exchange(
    mut server: TcpStream,
    length: usize,
    pause: impl FnOnce(&AtomicUsize),
) -> Result<usize, String> {
    let mut sender = server.try_clone().map_err(|error| error.to_string())?;
    // A busy host may take its time for so much.
    server.set_read_timeout(Some(PATIENCE * 5)).map_err(|error| error.to_string())?;
    let progress = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let bytes = pattern(0, 65536);
            let mut sent = 0;
            while sent < length {
                let rest = &bytes[sent % bytes.len()..];
                match sender.write(&rest[..rest.len().min(length - sent)]) {
                    Ok(taken) => sent += taken,
                    Err(error) if is_silence(&error) => {} // the pause is longer than patience
                    Err(_) => break,
                }
                progress.store(sent, Ordering::Relaxed);
            }
            let _ = sender.shutdown(Shutdown::Write);
        });
        pause(&progress);
        let mut returned = 0;
        let mut buffer = vec![0; 65536];
        loop {
            match server.read(&mut buffer) {
                Ok(taken) if taken > 0 && buffer[..taken] == pattern(returned, taken) => {
                    returned += taken;
                }
                _ => {
                    let _ = server.shutdown(Shutdown::Both); // ends the sender, too
                    return Ok(returned);
                }
            }
        }
    })
}

/// Bytes from `start` on, of a pattern that repeats after 65536 and never shifts onto itself.
fn pattern(start: usize, length: usize) -> Vec<u8> {
    let byte = |at: usize| (at ^ (at >> 8)) as u8;
    (start..start + length).map(|at| byte(at % 65536)).collect()
}

fn connect(address: &str) -> Result<TcpStream, String> {
    let connect = || -> io::Result<TcpStream> {
        let address = address.to_socket_addrs()?.next().ok_or(ErrorKind::NotFound)?;
        let server = TcpStream::connect_timeout(&address, PATIENCE)?;
        server.set_read_timeout(Some(PATIENCE))?;
        server.set_write_timeout(Some(PATIENCE))?;
        server.set_nodelay(true)?;
        Ok(server)
    };
    connect().map_err(|error| {
        format!("cannot connect: {error}. Does it run, on this port? Has this host IPv6?")
    })
}

fn write(server: &mut TcpStream, bytes: &[u8]) -> Mark {
    server.write_all(bytes).map_err(|error| format!("cannot write: {error}"))
}

fn round_trip(server: &mut TcpStream, message: &[u8]) -> Mark {
    write(server, message)?;
    let mut reply = vec![0; message.len()];
    match server.read_exact(&mut reply) {
        Ok(()) if reply == message => Ok(()),
        Ok(()) => Err(format!("other bytes come back: {}", reply.escape_ascii())),
        Err(error) => Err(format!("nothing comes back: {error}")),
    }
}

/// Says whether an error is that of a timeout: EAGAIN on Unix, WSAETIMEDOUT on Windows.
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
