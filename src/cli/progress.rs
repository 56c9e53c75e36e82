//! Work in, and a line on stderr that says how far it is, redrawn until it is done.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::time::Duration;

use async_io::Timer;
use futures::future::{Either, pending, select};

use super::stdio::Stream;

/// How often the line is redrawn: often enough to be seen moving.
const REDRAW: Duration = Duration::from_millis(200);

/// How long nothing is drawn: what is done within it needs no line.
const QUIET: Duration = Duration::from_secs(1);

/// Waits for `work`, with `line` on stderr meanwhile, if it is to be `shown` and stderr is a
/// terminal.
pub(crate) async fn with_progress<T>(
    work: impl Future<Output = T>,
    shown: bool,
    line: impl Fn() -> String,
) -> T {
    let drawn = async {
        if !shown || !io::stderr().is_terminal() {
            return pending::<Infallible>().await;
        }
        Timer::after(QUIET).await;
        let _clear = Clear;
        loop {
            draw(&line());
            Timer::after(REDRAW).await;
        }
    };
    match select(pin!(work), pin!(drawn)).await {
        Either::Left((result, _)) => result,
        Either::Right((never, _)) => match never {},
    }
}

/// Draws the line in the place of the one before.
pub(crate) fn draw(line: &str) {
    let _ = Stream::Stderr.write_all(format!("\r{line}\x1b[K").as_bytes());
}

/// Takes the line away.
struct Clear;

impl Drop for Clear {
    fn drop(&mut self) {
        draw("");
    }
}
