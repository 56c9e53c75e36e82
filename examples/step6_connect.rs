//! Step 6: connect. A name's addresses, who says no and how, and why to try two at a time.
//!
//! ```text
//! cargo run --example step6_connect
//! ```
//!
//! Shows: getaddrinfo(3), connect(2), getsockname(2), getpeername(2) and Happy Eyeballs (RFC 8305).
//!
//! A client's socket is not bound first: connect picks the local address by the route, and a free
//! port. All of it happens on loopback, where EHOSTUNREACH, a router's answer, is not to be had.

use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream as Blocking};
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};
use std::{io, iter};

use async_std::{future::timeout, net::TcpStream, task};
use echo6::address::Endpoint;
use futures::future::select_ok;
use socket2::{Domain, Socket, Type};

/// How long the first address may be alone: the 250 ms that RFC 8305, section 5, recommends.
const HEAD_START: Duration = Duration::from_millis(250);

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let good = listener.local_addr()?;
    let name: Endpoint = format!("localhost:{}", good.port()).parse()?;
    println!("getaddrinfo  {name} is {:?}", name.resolve()?);
    let client = Blocking::connect(good)?;
    println!("connected    from {} to {}", client.local_addr()?, client.peer_addr()?);

    // Bound but not listening: the port is nobody else's, and the system answers with a reset.
    let (refused, _closed) = bound("[::1]:0").or_else(|_| bound("127.0.0.1:0"))?;
    say("refused", Blocking::connect(refused));
    // A queue that is full: Linux and macOS do not answer, as a firewall that drops packets would
    // not. (Windows refuses here.) Left alone, connect gives up with ETIMEDOUT after minutes.
    let (silent, full) = bound("[::1]:0").or_else(|_| bound("127.0.0.1:0"))?;
    full.listen(1)?;
    let connect = || Blocking::connect_timeout(&silent, Duration::from_millis(400));
    let _waiting: Vec<_> = iter::from_fn(|| connect().ok()).take(99).collect();
    say("silent", connect());
    // An IPv6-only socket has no way to an IPv4 address: ENETUNREACH, or on some systems EINVAL.
    let mapped: SocketAddr = format!("[::ffff:127.0.0.1]:{}", good.port()).parse()?;
    let six = Socket::new(Domain::IPV6, Type::STREAM, None);
    let six = six.and_then(|six| six.set_only_v6(true).map(|()| six));
    say("no route", six.and_then(|six| six.connect(&mapped.into())));

    println!("happy eyeballs with two addresses, of which the second is good");
    for (first, address) in [("good", good), ("refused", refused), ("silent", silent)] {
        let start = Instant::now();
        let winner = task::block_on(happy_eyeballs(address, good))?.peer_addr()?;
        let millis = start.elapsed().as_secs_f64() * 1e3;
        println!("  the first is {first:<7}  {winner} after {millis:>5.1} ms");
    }
    Ok(())
}

/// Tries the second address when the first has failed or has had its head start.
async fn happy_eyeballs(first: SocketAddr, second: SocketAddr) -> io::Result<TcpStream> {
    let mut first: Pin<&mut dyn Future<Output = _>> = pin!(TcpStream::connect(first));
    match timeout(HEAD_START, &mut first).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(_)) => TcpStream::connect(second).await, // no reason to wait any longer
        // Both go on. The first that succeeds wins; the other is dropped, which closes it.
        Err(_) => {
            let second: Pin<&mut dyn Future<Output = _>> = pin!(TcpStream::connect(second));
            select_ok([first, second]).await.map(|(stream, _)| stream)
        }
    }
}

fn bound(address: &str) -> io::Result<(SocketAddr, Socket)> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok((socket.local_addr()?.as_socket().unwrap_or(address), socket))
}

fn say<T>(what: &str, answer: io::Result<T>) {
    let answer = answer.map_or_else(|error| error.to_string(), |_| "connected".to_owned());
    println!("{what:<11}  {answer}");
}
