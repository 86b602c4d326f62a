//! Runs the functions as Lambda does: their own binaries, one process per concurrent request,
//! one request at a time per process, spoken to through the Lambda Runtime API.
//!
//! The crate `lambda-simulator` is not used: its wait for an answer looks first and subscribes
//! after, so that it can miss the wake-up; and it keeps every payload and every answer, here
//! tokens, in memory for as long as it lives.

mod api;
mod last_will;
mod logs;
mod process;
mod signal;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Semaphore, watch};

pub(crate) use last_will::LastWill;
use process::Process;
pub(crate) use signal::Signal;
use signal::Signals;

use crate::clock::Clock;

/// One function and its processes.
pub(crate) struct Function {
    spec: Spec,
    /// The last one used is the first to be used again, so that the others can be ended.
    idle: Mutex<Vec<Process>>,
    /// One for each process there may be. Who gets none waits.
    slots: Semaphore,
    processes: usize,
    /// The processes that exist, and how to send them a signal.
    pids: watch::Sender<BTreeMap<u32, Signals>>,
    stopping: watch::Receiver<bool>,
}

/// What a process of a function needs to know.
pub(crate) struct Spec {
    /// The name of the binary, and of the log.
    pub(crate) name: String,
    pub(crate) binary: PathBuf,
    /// Everything but what the Runtime API adds.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) timeout: Duration,
    /// What the deadlines are on.
    pub(crate) clock: Arc<Clock>,
    pub(crate) log: PathBuf,
    pub(crate) last_will: LastWill,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The function answered an error, died, or did not start.
    Failed,
    /// The function took longer than its timeout, and was killed for it.
    TimedOut,
}

impl Function {
    /// A function of at most `processes` processes, which end when `stopping` turns true.
    pub(crate) fn new(spec: Spec, processes: usize, stopping: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self {
            spec,
            idle: Mutex::default(),
            slots: Semaphore::new(processes),
            processes,
            pids: watch::Sender::default(),
            stopping,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.spec.name
    }

    /// The ids of the processes that exist.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.pids.borrow().keys().copied().collect()
    }

    /// How many processes it has at most.
    pub(crate) fn processes(&self) -> usize {
        self.processes
    }

    /// Sends a signal to its processes, and says to which. Those it kills are gone when this
    /// returns, so that the next request gets a fresh one.
    pub(crate) async fn signal(&self, signal: Signal) -> Vec<u32> {
        let processes = self.pids.borrow().clone();
        let mut reached = Vec::new();
        for (pid, signals) in processes {
            if signals.send(signal).await {
                reached.push(pid);
            }
        }
        if signal == Signal::Kill {
            let gone = |pids: &BTreeMap<u32, _>| !reached.iter().any(|pid| pids.contains_key(pid));
            // It cannot fail: the sender is this function's own.
            let _ = self.pids.subscribe().wait_for(gone).await;
        }
        reached
    }

    /// Hands `event` to a process and waits for its answer.
    ///
    /// A caller who hangs up does not stop the function: Lambda finishes what it began.
    pub(crate) async fn invoke(self: &Arc<Self>, event: Bytes) -> Result<Bytes, NoAnswer> {
        let function = Arc::clone(self);
        let invocation = tokio::spawn(async move { function.run(event).await });
        invocation.await.unwrap_or(Err(NoAnswer::Failed))
    }

    async fn run(&self, event: Bytes) -> Result<Bytes, NoAnswer> {
        let Ok(_slot) = self.slots.acquire().await else { return Err(NoAnswer::Failed) };
        let process = match self.take_idle() {
            Some(process) => process,
            None => Process::start(&self.spec, &self.pids, self.stopping.clone()).await?,
        };
        match process.invoke(event, self.spec.timeout).await {
            process::Answer::Response(payload) => {
                self.give_back(process);
                Ok(payload)
            }
            // The runtime has caught the error and goes on.
            process::Answer::Error => {
                self.give_back(process);
                Err(NoAnswer::Failed)
            }
            process::Answer::Died => {
                process.kill().await;
                Err(NoAnswer::Failed)
            }
            process::Answer::TimedOut => {
                process.kill().await;
                Err(NoAnswer::TimedOut)
            }
        }
    }

    /// Ends the processes that nobody needed for `limit`.
    pub(crate) async fn end_idle(&self, limit: Duration) {
        let (old, young) = {
            let mut idle = lock(&self.idle);
            let (old, young): (Vec<_>, Vec<_>) =
                idle.drain(..).partition(|process| process.idle_for() >= limit);
            (old, young)
        };
        lock(&self.idle).splice(0..0, young);
        for process in old {
            process.kill().await;
        }
    }

    /// Waits until no process is left. They end because `stopping` has turned true.
    pub(crate) async fn stopped(&self) {
        // Whoever waits for a slot is told, and nobody starts a process any more.
        self.slots.close();
        lock(&self.idle).clear();
        // It cannot fail: the sender is this function's own.
        let _ = self.pids.subscribe().wait_for(BTreeMap::is_empty).await;
    }

    fn take_idle(&self) -> Option<Process> {
        let mut idle = lock(&self.idle);
        std::iter::from_fn(|| idle.pop()).find(Process::is_alive)
    }

    fn give_back(&self, process: Process) {
        if process.is_alive() {
            lock(&self.idle).push(process.rested());
        }
    }
}

/// What is behind these locks is whole whenever they are free.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
