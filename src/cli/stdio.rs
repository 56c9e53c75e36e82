//! The standard streams, without the buffers of std, and waited for where they are non-blocking.
//!
//! Another process may have made a stream non-blocking, because the file description is shared
//! (fcntl(2), `F_SETFL`): node, ssh and the wrappers of agents do. EAGAIN is then no error.

use std::io::{self, Read, Write};

/// stdin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stdin;

/// stdout or stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// Writes all of `bytes`, however long the reader takes.
    pub(crate) fn write_all(self, mut bytes: &[u8]) -> io::Result<()> {
        self.write_rest(&mut bytes)
    }

    /// Writes all of `bytes`, however long the reader takes; after an error they are those that were
    /// not written.
    pub(crate) fn write_rest(self, bytes: &mut &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match system::write(self, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => *bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        system::write(*self, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        system::read(buffer)
    }
}

/// Says whether stderr and stdin are the same socket, as inetd(8) has it.
#[cfg(unix)]
pub(crate) fn stderr_is_stdin() -> bool {
    use rustix::fs::FileType;

    let file = |descriptor| {
        let stat = rustix::fs::fstat(descriptor).ok()?;
        let is_socket = FileType::from_raw_mode(stat.st_mode) == FileType::Socket;
        is_socket.then_some((stat.st_dev, stat.st_ino))
    };
    let stdin = file(rustix::stdio::stdin());
    stdin.is_some() && file(rustix::stdio::stderr()) == stdin
}

#[cfg(not(unix))]
pub(crate) fn stderr_is_stdin() -> bool {
    false
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::os::fd::BorrowedFd;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    use rustix::stdio::{stderr, stdin, stdout};

    use super::Stream;

    pub(super) fn write(stream: Stream, bytes: &[u8]) -> io::Result<usize> {
        let descriptor = match stream {
            Stream::Stdout => stdout(),
            Stream::Stderr => stderr(),
        };
        when_ready(descriptor, PollFlags::OUT, || rustix::io::write(descriptor, bytes))
    }

    pub(super) fn read(buffer: &mut [u8]) -> io::Result<usize> {
        when_ready(stdin(), PollFlags::IN, || rustix::io::read(stdin(), &mut *buffer))
    }

    /// Tries again when poll(2) says so, for as long as a call is answered with EAGAIN.
    fn when_ready(
        descriptor: BorrowedFd<'_>,
        flags: PollFlags,
        mut call: impl FnMut() -> Result<usize, Errno>,
    ) -> io::Result<usize> {
        loop {
            match call() {
                Err(Errno::AGAIN) => match poll(&mut [PollFd::new(&descriptor, flags)], None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                },
                result => return Ok(result?),
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io::{self, Read, Write};

    use super::Stream;

    pub(super) fn write(stream: Stream, bytes: &[u8]) -> io::Result<usize> {
        fn put(mut stream: impl Write, bytes: &[u8]) -> io::Result<usize> {
            let written = stream.write(bytes)?;
            stream.flush()?;
            Ok(written)
        }
        match stream {
            Stream::Stdout => put(io::stdout().lock(), bytes),
            Stream::Stderr => put(io::stderr().lock(), bytes),
        }
    }

    pub(super) fn read(buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().lock().read(buffer)
    }
}
