//! Where the tasks of a server run.

use std::sync::Arc;

use async_executor::Executor;
use async_std::task;

/// An executor, for tasks that nobody waits for.
pub(super) enum Spawner {
    /// async-std's.
    Global,
    /// One of the server's own.
    Own(Arc<Executor<'static>>),
}

impl Spawner {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Global => drop(task::spawn(task)),
            Self::Own(executor) => executor.spawn(task).detach(),
        }
    }
}
