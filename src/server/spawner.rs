//! Where the tasks of a server run.

use std::future;
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
    /// async-std's executor, with the threads that async-std's settings say.
    pub(super) fn global() -> Self {
        // async-std reads them with the first task that it spawns itself.
        drop(task::spawn(future::ready(())));
        Self::Global
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            // async-std would give each task a number, a name and room for its locals: 40 bytes more
            // for each client.
            Self::Global => async_global_executor::spawn(task).detach(),
            Self::Own(executor) => executor.spawn(task).detach(),
        }
    }
}
