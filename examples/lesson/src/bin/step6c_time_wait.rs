//! Step 6c: TIME_WAIT. Why a server that restarts finds its port in use, and SO_REUSEADDR.
//!
//! ```text
//! cargo run --bin step6c_time_wait [-- --pause]
//! ```
//!
//! Afterwards you can say which end waits in TIME_WAIT, what for, and what lets a server restart.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use lesson::{answer, look_at_port, pause};
use socket2::{Domain, Socket, Type};

fn main() -> io::Result<()> {
    println!("SO_REUSEADDR of");
    println!("old    new");
    for (old, new) in [(false, false), (false, true), (true, false), (true, true)] {
        let result = restart(old, new);
        println!("{old:<5}  {new:<5}  {}", answer(result.map(|()| "listening again")));
    }
    Ok(())
}

fn restart(old_reuses: bool, new_reuses: bool) -> io::Result<()> {
    let old = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    old.set_reuse_address(old_reuses)?;
    old.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    old.listen(128)?;
    let address = old.local_addr()?;
    let port = address.as_socket().map_or(0, |address| address.port());

    let client = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let (accepted, _peer) = old.accept()?;
    // The end that closes first keeps the connection in TIME_WAIT (60 s on Linux), in case the
    // other end's FIN comes again and must be acknowledged again.
    drop(accepted);
    drop(client);
    drop(old);
    pause("the old server is gone, its connection is in TIME-WAIT", &look_at_port(port));

    let new = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    new.set_reuse_address(new_reuses)?;
    new.bind(&address)?;
    new.listen(128)
}
