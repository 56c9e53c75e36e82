//! The pump gives the writer what the reader gave, whatever the two do to it on the way.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use echo6::echo::{End, Flow, echo};
use futures::executor::block_on;
use futures::io::{AsyncRead, AsyncWrite};
use proptest::prelude::*;

/// What a stream does when it is asked for the next time.
#[derive(Clone, Debug)]
enum Step {
    /// Gives these bytes, or takes as many.
    Move(usize),
    /// Is not ready, but wakes the task.
    Pending,
    /// Is not ready, and never will be.
    Stall,
    Fail(ErrorKind),
}
use Step::{Fail, Move, Pending, Stall};

/// A reader of `bytes` in the given steps, then of the rest at once.
struct Reader {
    bytes: VecDeque<u8>,
    steps: VecDeque<Step>,
    reads: usize,
}

/// A writer that takes bytes in the given steps, then all it is given.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    steps: VecDeque<Step>,
    flushed: usize,
    closed: bool,
}

fn reader(bytes: &[u8], steps: &[Step]) -> Reader {
    Reader { bytes: bytes.to_vec().into(), steps: steps.to_vec().into(), reads: 0 }
}

fn writer(steps: &[Step]) -> Writer {
    Writer { steps: steps.to_vec().into(), ..Writer::default() }
}

/// Takes the next step: how many bytes may move.
fn step(steps: &mut VecDeque<Step>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    match steps.pop_front() {
        None => Poll::Ready(Ok(usize::MAX)),
        Some(Move(most)) => Poll::Ready(Ok(most)),
        Some(Fail(kind)) => Poll::Ready(Err(kind.into())),
        Some(Pending) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Some(Stall) => {
            steps.push_front(Stall);
            Poll::Pending
        }
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.reads += 1;
        step(&mut self.steps, cx).map_ok(|most| {
            let length = most.min(buffer.len()).min(self.bytes.len());
            for (to, from) in buffer.iter_mut().zip(self.bytes.drain(..length)) {
                *to = from;
            }
            length
        })
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        assert!(!self.closed, "written to after its close");
        step(&mut self.steps, cx).map_ok(|most| {
            let length = most.min(bytes.len());
            self.bytes.extend_from_slice(&bytes[..length]);
            length
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed = self.bytes.len();
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        assert!(!self.closed, "closed twice");
        self.closed = true;
        Poll::Ready(Ok(()))
    }
}

#[test]
fn every_byte_passes_however_the_streams_misbehave() {
    let one_at_a_time = vec![Move(1); 5000];
    let halting: Vec<Step> = (0..500).flat_map(|_| [Pending, Move(7), Pending]).collect();
    let interrupted: Vec<Step> =
        (0..500).flat_map(|_| [Fail(ErrorKind::Interrupted), Move(9)]).collect();
    let all = [vec![], one_at_a_time, halting, interrupted];
    let bytes: Vec<u8> = (0..4000_u32).map(|n| ((n * n) >> 3) as u8).collect();
    for read in &all {
        for write in &all {
            let (flow, mut output) = (Flow::default(), writer(write));
            let end = block_on(echo(reader(&bytes, read), &mut output, &flow)).unwrap();
            assert_eq!(end, End::OfStream);
            assert!(output.bytes == bytes && output.closed);
            assert_eq!((flow.received(), flow.returned()), (4000, 4000));
        }
    }
}

#[test]
fn more_than_the_shared_buffer_passes_too() {
    let bytes = vec![7; 1_000_000];
    let (flow, mut output) = (Flow::default(), writer(&[Move(300_000), Pending, Move(1), Pending]));
    block_on(echo(reader(&bytes, &[]), &mut output, &flow)).unwrap();
    assert!(output.bytes == bytes);
}

#[test]
fn an_empty_stream_is_closed_at_once() {
    let (flow, mut output) = (Flow::default(), writer(&[]));
    assert_eq!(block_on(echo(reader(b"", &[]), &mut output, &flow)).unwrap(), End::OfStream);
    assert!(output.bytes.is_empty() && output.closed);
}

#[test]
fn an_error_of_either_side_ends_the_pump_and_closes_nothing() {
    for (read, write, expected) in [
        (vec![Move(3), Fail(ErrorKind::ConnectionReset)], vec![], ErrorKind::ConnectionReset),
        (vec![], vec![Move(2), Fail(ErrorKind::BrokenPipe)], ErrorKind::BrokenPipe),
        (vec![], vec![Move(2), Move(0)], ErrorKind::WriteZero),
        (vec![], vec![Move(2), Pending, Fail(ErrorKind::BrokenPipe)], ErrorKind::BrokenPipe),
    ] {
        let (flow, mut output) = (Flow::default(), writer(&write));
        let error = block_on(echo(reader(b"bytes", &read), &mut output, &flow)).unwrap_err();
        assert_eq!(error.kind(), expected);
        assert!(!output.closed);
        assert_eq!(flow.returned(), output.bytes.len() as u64);
    }
}

/// Polls once, as long as the pump keeps waking itself, and no further.
fn run_until_it_waits<F: Future + Unpin>(pump: &mut F) -> Poll<F::Output> {
    for _ in 0..100 {
        if let Poll::Ready(output) =
            Pin::new(&mut *pump).poll(&mut Context::from_waker(Waker::noop()))
        {
            return Poll::Ready(output);
        }
    }
    Poll::Pending
}

#[test]
fn nothing_more_is_read_while_the_writer_is_full() {
    let (flow, mut input, mut output) =
        (Flow::default(), reader(b"abcdef", &[Move(4)]), writer(&[Move(1), Stall]));
    {
        let mut pump = echo(&mut input, &mut output, &flow);
        assert!(run_until_it_waits(&mut pump).is_pending());
    }
    assert_eq!((input.reads, &output.bytes[..]), (1, &b"a"[..]));
}

#[test]
fn a_buffering_writer_is_flushed_when_nothing_more_comes() {
    let (flow, mut output) = (Flow::default(), writer(&[]));
    {
        let mut pump = echo(reader(b"abc", &[Move(3), Stall]), &mut output, &flow);
        assert!(run_until_it_waits(&mut pump).is_pending());
    }
    assert_eq!(output.flushed, 3);
}

#[test]
fn a_finished_pump_sends_what_it_has_and_closes() {
    let (flow, mut output) = (Flow::default(), writer(&[]));
    flow.finish();
    let input = reader(b"abcdef", &[Move(2), Move(2), Stall]);
    assert_eq!(block_on(echo(input, &mut output, &flow)).unwrap(), End::Finished);
    assert!(output.bytes == b"abcd" && output.closed);
}

#[test]
fn a_finished_pump_ends_even_if_the_reader_never_does() {
    let flow = Flow::default();
    flow.finish();
    let end = block_on(echo(futures::io::repeat(b'x'), futures::io::sink(), &flow)).unwrap();
    assert_eq!(end, End::Finished);
}

/// A client whose next message is there whenever the pump has its turn, and never within a turn.
struct EachTurn<'t> {
    turn: &'t Cell<u32>,
    read: u32,
}

impl AsyncRead for EachTurn<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.read == self.turn.get() {
            return Poll::Pending;
        }
        self.read = self.turn.get();
        buffer[..64].fill(7);
        Poll::Ready(Ok(64))
    }
}

#[test]
fn a_finished_pump_takes_what_is_there_now_and_not_what_comes_by_its_next_turn() {
    let (flow, turn) = (Flow::default(), Cell::new(0));
    let input = EachTurn { turn: &turn, read: 0 };
    let mut pump = pin!(echo(input, futures::io::sink(), &flow));
    let mut poll = || {
        turn.set(turn.get() + 1);
        pump.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    };
    assert!((0..1000).all(|_| poll().is_pending()), "it serves on");
    flow.finish();
    assert!(matches!(poll(), Poll::Ready(Ok(End::Finished))));
    assert_eq!(flow.returned(), 1001 * 64);
}

#[test]
fn no_turn_of_a_pump_moves_more_than_two_buffers() {
    let flow = Flow::default();
    let mut pump = pin!(echo(futures::io::repeat(b'x'), futures::io::sink(), &flow));
    let mut poll = || {
        let before = flow.received();
        let polled = pump.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(flow.received() - before <= 2 * 512 * 1024);
        polled
    };
    assert!((0..100).all(|_| poll().is_pending()));
    flow.finish();
    assert!((0..100).any(|_| poll().is_ready()), "8 MiB later it ends");
}

#[test]
fn a_cut_pump_ends_at_once_even_if_it_was_to_finish() {
    let (flow, mut output) = (Flow::default(), writer(&[Stall]));
    let mut pump = pin!(echo(reader(b"abc", &[]), &mut output, &flow));
    assert!(run_until_it_waits(&mut pump).is_pending());
    flow.finish();
    assert!(run_until_it_waits(&mut pump).is_pending(), "its last bytes are still to be taken");
    flow.cut();
    assert!(matches!(run_until_it_waits(&mut pump), Poll::Ready(Ok(End::Cut))));
}

#[test]
fn an_order_wakes_a_pump_that_waits() {
    let (flow, mut output) = (Flow::default(), writer(&[]));
    std::thread::scope(|scope| {
        let pump = scope.spawn(|| block_on(echo(reader(b"", &[Stall]), &mut output, &flow)));
        flow.finish();
        assert_eq!(pump.join().unwrap().unwrap(), End::Finished);
    });
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_usize..3000).prop_map(Move),
        1 => Just(Pending),
        1 => Just(Fail(ErrorKind::Interrupted)),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn any_chunking_in_gives_the_same_bytes_out(
        bytes in prop::collection::vec(any::<u8>(), 0..20_000),
        read in steps(),
        write in steps(),
    ) {
        let (flow, mut output) = (Flow::default(), writer(&write));
        let end = block_on(echo(reader(&bytes, &read), &mut output, &flow));
        prop_assert_eq!(end.unwrap(), End::OfStream);
        prop_assert!(output.bytes == bytes && output.closed);
        prop_assert_eq!(flow.received(), bytes.len() as u64);
        prop_assert_eq!(flow.returned(), bytes.len() as u64);
    }
}
