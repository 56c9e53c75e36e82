//! Step 4e: two small sends can cost 40 ms. Nagle's algorithm, and TCP_NODELAY (tcp(7)).
//!
//! ```text
//! cargo run --bin step4e_nagle
//! ```
//!
//! Afterwards you can recognise a wait of about 40 ms per message, and name two cures.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 20;

fn main() -> io::Result<()> {
    println!("two sends   {:>7.3} ms a round", millis(exchange(false, false)?));
    println!("NODELAY     {:>7.3} ms a round", millis(exchange(true, false)?));
    println!("one send    {:>7.3} ms a round", millis(exchange(false, true)?));
    Ok(())
}

/// Sends 10 bytes and reads the reply, many times; returns how long one round took.
fn exchange(nodelay: bool, in_one_send: bool) -> io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || answer_each_message(&listener));

    let mut client = TcpStream::connect(address)?;
    // Nagle: a small segment waits as long as an earlier one has no ACK. And the receiver delays
    // its ACK, in the hope that a reply carries it. So each waits for the other.
    client.set_nodelay(nodelay)?;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        if in_one_send {
            client.write_all(b"headerbody")?;
        } else {
            client.write_all(b"header")?;
            client.write_all(b"body")?;
        }
        client.read_exact(&mut [0; 10])?;
    }
    let time = start.elapsed() / ROUNDS;
    drop(client);
    server.join().map_err(|_| io::Error::other("the server panicked"))??;
    Ok(time)
}

/// Answers when a message of 10 bytes is complete.
fn answer_each_message(listener: &TcpListener) -> io::Result<()> {
    let (mut client, _peer) = listener.accept()?;
    let mut message = [0; 10];
    while client.read_exact(&mut message).is_ok() {
        client.write_all(&message)?;
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
