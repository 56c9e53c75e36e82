//! Step 7c: tasks. The loop of step 4a again, and the compiler writes step 7b for it.
//!
//! ```text
//! cargo run -p tasks --bin step7c_tasks                      # the load of step 7a
//! cargo run -p tasks --bin step7c_tasks -- 127.0.0.1:7012    # serves until Ctrl-C
//! ```
//!
//! Afterwards you can say what `async`, `.await` and a runtime do, in terms of step 7b.

use std::io;

use async_std::io::{ReadExt, WriteExt};
use async_std::net::{TcpListener, TcpStream};
use async_std::task;

fn main() -> io::Result<()> {
    lesson::measure_or_serve("a task each", |listener| {
        // The runtime has the loop around poll (here epoll, kqueue or IOCP), and runs `serve` in it.
        task::block_on(serve(TcpListener::from(listener.try_clone()?)))
    })
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        // 1: not ready? Then this function returns to the runtime, and goes on here later.
        let (client, _peer) = listener.accept().await?;
        // 2: a line in the runtime's table of tasks, as `clients.push` in step 7b.
        task::spawn(echo(client));
    }
}

/// The loop of step 4a, with `.await` behind what may have to wait.
///
/// 3: its variables are fields of a value that the compiler makes, as `Client` in step 7b: the
/// stream, the buffer, how much of it is unsent, and at which `.await` it goes on.
async fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096]; // so each waiting client holds 4096 bytes: see step 7d
    loop {
        let length = client.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..length]).await?;
    }
}
