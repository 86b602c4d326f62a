//! Runs the functions as Lambda does: their own binaries, one process per concurrent request, one
//! request at a time per process, connected by the Lambda Runtime API.
//!
//! The crate `lambda-simulator` is not used. When it waits for a response it checks first and
//! subscribes afterwards, so it can miss the wake-up. It also keeps every payload and every response,
//! which here contain tokens, in memory for its whole life.

mod api;
mod lock;
mod logs;
mod process;
mod process_reaper;
mod signal;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Semaphore, watch};

use lock::lock;
use process::{FunctionProcess, InvocationResult};
pub(crate) use process::{InvocationError, ProcessSpec};
pub(crate) use process_reaper::ProcessReaper;
pub(crate) use signal::Signal;
use signal::SignalSender;

/// One function and its processes.
pub(crate) struct FunctionPool {
    spec: ProcessSpec,
    /// The process that was used last is used first, so that the others become idle and can end.
    idle: Mutex<Vec<FunctionProcess>>,
    /// One permit for each process. A request without a permit waits.
    slots: Semaphore,
    processes: usize,
    /// The running processes, and the senders of their signals.
    pids: watch::Sender<BTreeMap<u32, SignalSender>>,
    stopping: watch::Receiver<bool>,
}

impl FunctionPool {
    /// A function with at most `processes` processes, which end when `stopping` turns true.
    pub(crate) fn new(
        spec: ProcessSpec,
        processes: usize,
        stopping: watch::Receiver<bool>,
    ) -> Arc<Self> {
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

    /// The ids of the running processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.pids.borrow().keys().copied().collect()
    }

    /// The maximum number of its processes.
    pub(crate) fn processes(&self) -> usize {
        self.processes
    }

    /// Sends a signal to the function's processes, and returns their ids. Killed processes are gone
    /// when this returns, so that the next request gets a new process.
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
            // This cannot fail: the function owns the sender.
            let _ = self.pids.subscribe().wait_for(gone).await;
        }
        reached
    }

    /// Sends `event` to a process and waits for its response.
    ///
    /// If the caller disconnects, the function continues: Lambda also finishes a started
    /// invocation.
    pub(crate) async fn invoke(self: &Arc<Self>, event: Bytes) -> Result<Bytes, InvocationError> {
        let function = Arc::clone(self);
        let invocation = tokio::spawn(async move { function.run(event).await });
        invocation.await.unwrap_or(Err(InvocationError::Failed))
    }

    async fn run(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        let Ok(_slot) = self.slots.acquire().await else { return Err(InvocationError::Failed) };
        let process = match self.take_idle() {
            Some(process) => process,
            None => FunctionProcess::start(&self.spec, &self.pids, self.stopping.clone()).await?,
        };
        match process.invoke(event, self.spec.timeout).await {
            InvocationResult::Response(payload) => {
                self.give_back(process);
                Ok(payload)
            }
            // The runtime has caught the error, and the process continues.
            InvocationResult::Error => {
                self.give_back(process);
                Err(InvocationError::Failed)
            }
            InvocationResult::Died => {
                process.kill().await;
                Err(InvocationError::Failed)
            }
            InvocationResult::TimedOut => {
                process.kill().await;
                Err(InvocationError::TimedOut)
            }
        }
    }

    /// Ends the processes that were idle for `limit`.
    pub(crate) async fn end_idle(&self, limit: Duration) {
        let is_old = |process: &mut FunctionProcess| process.idle_for() >= limit;
        let old: Vec<_> = lock(&self.idle).extract_if(.., is_old).collect();
        for process in old {
            process.kill().await;
        }
    }

    /// Waits until all processes have ended. They end because `stopping` has turned true.
    pub(crate) async fn stopped(&self) {
        // Requests that wait for a permit are refused, and no new process starts.
        self.slots.close();
        lock(&self.idle).clear();
        // This cannot fail: the function owns the sender.
        let _ = self.pids.subscribe().wait_for(BTreeMap::is_empty).await;
    }

    fn take_idle(&self) -> Option<FunctionProcess> {
        let mut idle = lock(&self.idle);
        std::iter::from_fn(|| idle.pop()).find(FunctionProcess::is_alive)
    }

    fn give_back(&self, process: FunctionProcess) {
        if process.is_alive() {
            lock(&self.idle).push(process.rested());
        }
    }
}
