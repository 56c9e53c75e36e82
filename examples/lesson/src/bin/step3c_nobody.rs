//! Step 3c: what accept(2) says when there is nobody to accept.
//!
//! ```text
//! cargo run --bin step3c_nobody
//! ```
//!
//! Afterwards you can tell a blocking call from a non-blocking one, and EAGAIN from a failure.

use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use lesson::answer;
use socket2::{Domain, Socket, Type};

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;

    // Blocking, which is the default: the thread sleeps in accept until a client comes.
    let start = Instant::now();
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        TcpStream::connect(address)
    });
    listener.accept()?;
    let waited = start.elapsed() >= Duration::from_millis(100);
    println!("blocking, a client after 100 ms  {}", if waited { "waited" } else { "did not wait" });
    drop(late.join());

    // Non-blocking: the call returns immediately, and "nobody yet" is an error. Ask again later.
    listener.set_nonblocking(true)?;
    let result = listener.accept();
    println!("non-blocking, no client          {}", answer(result.map(|_| "accepted")));

    // Asking again does not help here: a socket that never listened has no queue.
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    bound.bind(&"127.0.0.1:0".parse::<SocketAddr>()?.into())?;
    let result = bound.accept();
    println!("bound, but not listening         {}", answer(result.map(|_| "accepted")));
    Ok(())
}
