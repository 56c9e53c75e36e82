//! The server and the client of the library beside smol.

use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::{block_on as run, spawn};

mod promises;
