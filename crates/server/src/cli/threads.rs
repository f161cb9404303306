//! The threads that this process works on.

use std::{env, io, thread};

use tokio::runtime::{Builder, Runtime};

/// What everything runs in; `TOKIO_WORKER_THREADS` says how many threads, where somebody knows better.
pub(super) fn runtime() -> io::Result<Runtime> {
    let mut runtime = Builder::new_multi_thread();
    if env::var_os("TOKIO_WORKER_THREADS").is_none() {
        runtime.worker_threads(workers());
    }
    runtime.enable_all().build()
}

/// Threads that requests are served on: one for each two cores. Each waits most of its time for something that needs
/// a core too: SQLite's thread, a password that is hashed, a database on the same machine. More of them only wake
/// each other, and a request that passes from one to the next waits for that.
fn workers() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}
