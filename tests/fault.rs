//! The pump over a faulty stream, without a network.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use echo6::echo::{End, Flow, echo};
use echo6::fault::{Action, Fault, Faulty, StreamFaults};
use futures::executor::block_on;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use futures::task::noop_waker_ref;

/// Gives its messages one a read, then end of stream, and takes a few bytes at a time.
#[derive(Debug, Default)]
struct Client {
    messages: Vec<&'static [u8]>,
    /// How many reads have been tried.
    reads: usize,
    got: Vec<u8>,
    /// How many writes a signal interrupts.
    interruptions: usize,
    closed: bool,
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let message = self.messages.get(self.reads).copied().unwrap_or_default();
        self.reads += 1;
        buffer[..message.len()].copy_from_slice(message);
        Poll::Ready(Ok(message.len()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(rest) = self.interruptions.checked_sub(1) {
            self.interruptions = rest;
            return Poll::Ready(Err(io::ErrorKind::Interrupted.into()));
        }
        let length = bytes.len().min(3);
        self.got.extend_from_slice(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.closed = true;
        Poll::Ready(Ok(()))
    }
}

fn faults(texts: &[&str]) -> StreamFaults {
    let faults: Vec<Fault> = texts.iter().map(|text| text.parse().unwrap()).collect();
    StreamFaults::new(&faults, 7)
}

fn faulty<'a>(client: &'a mut Client, texts: &[&str]) -> Faulty<&'a mut Client> {
    client.messages = vec![b"hello ", b"world"];
    Faulty::new(client, faults(texts).draw().unwrap())
}

#[test]
fn the_pump_knows_nothing_of_the_faults_that_it_deals() {
    for (texts, text, dealt) in [
        (&["flip@4"][..], &b"helln world"[..], "flip@4"),
        (&["drop=6"], b"world", "drop@0"),
        (&["twice=100"], b"hello worldhello world", "twice@0"),
        (&["greet=hi ", "slice=1", "add@end"], b"hi hello world!", "greet slice@0 add@end"),
        (&["late"], b"hello world", "late"),
        (&["delay=20ms", "rate=1M"], b"hello world", "delay@0 rate@0"),
    ] {
        let mut client = Client::default();
        let stream = faulty(&mut client, texts);
        let told = stream.told();
        let (reader, writer) = stream.split();
        let flow = Flow::default();
        let end = block_on(echo(reader, writer, &flow)).unwrap();
        assert_eq!((end, &client.got[..], client.closed), (End::OfStream, text, true), "{texts:?}");
        assert_eq!(told.written(), text.len() as u64);
        let names: Vec<String> = told.dealt().iter().map(ToString::to_string).collect();
        assert_eq!(names.join(" "), dealt);
    }
}

#[test]
fn bytes_whose_write_was_interrupted_go_out_once() {
    let mut client = Client { interruptions: 100, ..Client::default() };
    let (reader, writer) = faulty(&mut client, &["flip@4"]).split();
    block_on(echo(reader, writer, &Flow::default())).unwrap();
    assert_eq!(client.got, b"helln world");
}

#[test]
fn what_takes_a_socket_comes_as_an_error_that_names_it() {
    for (texts, action, text, reads) in [
        (&["close"][..], Action::Close, &b""[..], 0),
        (&["hang"], Action::Hang, b"", 0),
        (&["greet=hi", "reset"], Action::Reset, b"hi", 0),
        (&["stall@6"], Action::Stall, b"hello ", 1),
        (&["half-close@7"], Action::HalfClose, b"hello w", 2),
        (&["reset@end"], Action::Reset, b"hello world", 3),
    ] {
        let mut client = Client::default();
        let (reader, writer) = faulty(&mut client, texts).split();
        let error = block_on(echo(reader, writer, &Flow::default())).unwrap_err();
        assert_eq!(Action::of(&error), Some(action), "{texts:?}: {error}");
        assert_eq!(
            (&client.got[..], client.reads, client.closed),
            (text, reads, false),
            "{texts:?}"
        );
    }
    assert_eq!(Action::of(&io::ErrorKind::BrokenPipe.into()), None);
    assert_eq!(Action::of(&io::Error::other("of somebody else")), None);
}

#[test]
fn a_delay_is_waited_for_and_a_pump_can_be_cut_while_it_waits() {
    let start = Instant::now();
    let mut client = Client::default();
    let (reader, writer) = faulty(&mut client, &["delay=50ms"]).split();
    block_on(echo(reader, writer, &Flow::default())).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(client.got, b"hello world");

    let mut client = Client::default();
    let (reader, writer) = faulty(&mut client, &["delay=1h"]).split();
    let flow = Flow::default();
    let mut pump = pin!(echo(reader, writer, &flow));
    let mut cx = Context::from_waker(noop_waker_ref());
    for _ in 0..10 {
        assert!(pump.as_mut().poll(&mut cx).is_pending());
    }
    flow.cut();
    assert!(matches!(pump.as_mut().poll(&mut cx), Poll::Ready(Ok(End::Cut))));
}
