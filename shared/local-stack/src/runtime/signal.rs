//! Signals for the processes of a function, so that tests can stop, freeze and thaw them.
//!
//! The task that waits for the end of a process also sends its signals. So a signal cannot reach
//! another process that gets the same id later.

use rustix::process::{Pid, kill_process};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};

/// A signal that a test may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Signal {
    /// SIGKILL: a crash.
    Kill,
    /// SIGSTOP: freezes the process, as Lambda does.
    Stop,
    /// SIGCONT: thaws it again.
    Cont,
}

/// Sends signals to one process.
#[derive(Clone)]
pub(super) struct SignalSender(mpsc::UnboundedSender<SignalRequest>);

/// A signal to be sent.
pub(super) struct SignalRequest {
    signal: Signal,
    done: oneshot::Sender<bool>,
}

pub(super) fn channel() -> (SignalSender, mpsc::UnboundedReceiver<SignalRequest>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (SignalSender(sender), receiver)
}

impl SignalSender {
    /// Returns whether the process still existed and got the signal.
    pub(super) async fn send(&self, signal: Signal) -> bool {
        let (done, is_done) = oneshot::channel();
        self.0.send(SignalRequest { signal, done }).is_ok() && is_done.await.unwrap_or(false)
    }
}

impl SignalRequest {
    /// Sends the signal to the process, unless the process was already reaped.
    pub(super) fn execute(self, pid: Option<u32>) {
        let signal = match self.signal {
            Signal::Kill => rustix::process::Signal::KILL,
            Signal::Stop => rustix::process::Signal::STOP,
            Signal::Cont => rustix::process::Signal::CONT,
        };
        let pid = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let sent = pid.is_some_and(|pid| kill_process(pid, signal).is_ok());
        let _ = self.done.send(sent);
    }
}
