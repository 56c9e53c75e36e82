//! Two futures in, the output of the one that ends first out.

use std::pin::pin;

use futures::future::{Either, select};

/// Runs both until one ends, and then drops the other.
pub(super) async fn first_of<A: Future, B: Future>(
    one: A,
    other: B,
) -> Either<A::Output, B::Output> {
    match select(pin!(one), pin!(other)).await {
        Either::Left((output, _)) => Either::Left(output),
        Either::Right((output, _)) => Either::Right(output),
    }
}
