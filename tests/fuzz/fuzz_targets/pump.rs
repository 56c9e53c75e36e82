//! The pump, honest and with faults: whatever pieces the bytes come and go in, the same come out.
#![no_main]

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use echo6::echo::{End, Flow, echo};
use echo6::fault::{Action, Fault, Faulty, StreamFaults};
use futures::io::{AsyncRead, AsyncWrite};
use libfuzzer_sys::fuzz_target;

/// Those that need no clock.
const FAULTS: [&str; 16] = [
    "flip",
    "flip@9",
    "drop",
    "drop=5@3",
    "twice=3@4",
    "twice@7",
    "add=xy@2",
    "add=z@end",
    "slice=1",
    "slice=3@6",
    "greet=hi",
    "late",
    "close@8",
    "half-close@5",
    "reset@11",
    "stall@7",
];

fuzz_target!(|data: &[u8]| {
    let Some((&[which, reads, writes, order], rest)) = data.split_first_chunk() else { return };
    let (read_steps, rest) = rest.split_at(usize::from(reads).min(rest.len()));
    let (write_steps, payload) = rest.split_at(usize::from(writes).min(rest.len()));
    honest(payload, read_steps, write_steps, order);
    let texts = [FAULTS[usize::from(which % 16)], FAULTS[usize::from(which / 16)]];
    faulty(payload, &texts, read_steps, write_steps);
});

fn honest(payload: &[u8], read_steps: &[u8], write_steps: &[u8], order: u8) {
    let flow = Flow::default();
    let mut stream = Stream::new(payload, read_steps, write_steps);
    // Most inputs have no order, so that most come to their end.
    let ending = run(echo_both(&mut stream, &flow), |polls| match order {
        0..16 if polls == usize::from(order) => flow.finish(),
        16..32 if polls == usize::from(order - 16) => flow.cut(),
        _ => {}
    });
    assert!(payload.starts_with(&stream.written));
    assert_eq!(flow.returned(), stream.written.len() as u64);
    assert_eq!(flow.received() - flow.returned(), flow.held());
    match ending.expect("it never waits for ever").map_err(|error| error.kind()) {
        Ok(End::OfStream) => assert!(stream.closed && stream.written == payload),
        Ok(End::Finished) => assert!(stream.closed && flow.held() == 0 && order < 16),
        Ok(End::Cut) => assert!(!stream.closed && (16..32).contains(&order)),
        Err(kind) => {
            assert!(
                !stream.closed && matches!(kind, ErrorKind::ConnectionReset | ErrorKind::WriteZero)
            );
        }
    }
}

/// Deals the same faults to the same bytes in these pieces and in one, which comes to the same.
fn faulty(payload: &[u8], texts: &[&str], read_steps: &[u8], write_steps: &[u8]) {
    let failing = |steps: &[u8]| steps.iter().any(|step| matches!(step, 253..));
    if failing(read_steps) || failing(write_steps) {
        return;
    }
    let faults: Vec<Fault> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let deal = |read_steps, write_steps| {
        let flow = Flow::default();
        let plan = StreamFaults::new(&faults, 7).draw().expect("each connection has them");
        let mut stream = Faulty::new(Stream::new(payload, read_steps, write_steps), plan);
        let told = stream.told();
        let ending = run(echo_both(&mut stream, &flow), |_| {});
        let action = ending.map(|ended| ended.map_err(|error| Action::of(&error).unwrap()));
        let Stream { written, closed, .. } = stream.into_inner();
        assert_eq!(told.written(), written.len() as u64);
        let dealt: Vec<String> = told.dealt().iter().map(ToString::to_string).collect();
        (action, written, closed, dealt)
    };
    assert_eq!(deal(read_steps, write_steps), deal(&[], &[]), "{texts:?}");
}

/// The two halves of one stream.
fn echo_both<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    flow: &Flow,
) -> impl Future<Output = io::Result<End>> + Unpin {
    let stream = Shared(std::cell::RefCell::new(stream).into());
    echo(stream.clone(), stream, flow)
}

/// Polls until it ends or has been pending for more polls than there are steps. The streams always
/// wake their task, so nothing is waited for.
fn run<F: Future + Unpin>(mut pump: F, mut before: impl FnMut(usize)) -> Option<F::Output> {
    let cx = &mut Context::from_waker(Waker::noop());
    for polls in 0..100_000 {
        before(polls);
        if let Poll::Ready(output) = Pin::new(&mut pump).poll(cx) {
            return Some(output);
        }
    }
    None
}

struct Stream {
    payload: VecDeque<u8>,
    read_steps: VecDeque<u8>,
    written: Vec<u8>,
    write_steps: VecDeque<u8>,
    closed: bool,
}

impl Stream {
    fn new(payload: &[u8], read_steps: &[u8], write_steps: &[u8]) -> Self {
        Self {
            payload: payload.to_vec().into(),
            read_steps: read_steps.to_vec().into(),
            written: Vec::new(),
            write_steps: write_steps.to_vec().into(),
            closed: false,
        }
    }
}

/// What a step allows: so many bytes, nothing now, or an error.
fn allowed(step: Option<u8>) -> Poll<io::Result<usize>> {
    match step {
        None => Poll::Ready(Ok(usize::MAX)),
        Some(most @ 1..=200) => Poll::Ready(Ok(most.into())),
        Some(0 | 201..=239) => Poll::Pending,
        Some(240..=252) => Poll::Ready(Err(ErrorKind::Interrupted.into())),
        Some(253..=254) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
        Some(255) => Poll::Ready(Ok(0)),
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // To read nothing is the end of the stream: that comes by itself.
        let step = self.read_steps.pop_front().filter(|step| *step != 255);
        allowed(step).map_ok(|most| {
            let length = most.min(buffer.len()).min(self.payload.len());
            for (to, from) in buffer.iter_mut().zip(self.payload.drain(..length)) {
                *to = from;
            }
            length
        })
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        assert!(!self.closed && !bytes.is_empty(), "written to after its close, or nothing");
        let step = self.write_steps.pop_front();
        allowed(step).map_ok(|most| {
            let length = most.min(bytes.len());
            self.written.extend_from_slice(&bytes[..length]);
            length
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        assert!(!self.closed, "closed twice");
        self.closed = true;
        Poll::Ready(Ok(()))
    }
}

/// One stream as a reader and as a writer, as a socket is.
struct Shared<'a, S>(std::rc::Rc<std::cell::RefCell<&'a mut S>>);

impl<S> Clone for Shared<'_, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shared<'_, S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.0.borrow_mut()).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shared<'_, S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.0.borrow_mut()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.0.borrow_mut()).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.0.borrow_mut()).poll_close(cx)
    }
}
