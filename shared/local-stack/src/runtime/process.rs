//! One process of a function, from its start to its end.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::api::{self, PendingInvocation, ProcessApi};
use super::logs::{FunctionLog, Pump};
use super::process_reaper::ProcessReaper;
use super::signal::{self, SignalRequest, SignalSender};
use crate::clock::StackClock;
use crate::output::say;

/// The configuration of a function's processes.
pub(crate) struct ProcessSpec {
    /// The name of the binary and of the log.
    pub(crate) name: String,
    pub(crate) binary: PathBuf,
    /// All variables except those that the Runtime API adds.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) timeout: Duration,
    /// The clock of the deadlines.
    pub(crate) clock: Arc<StackClock>,
    pub(crate) log: PathBuf,
    pub(crate) reaper: ProcessReaper,
}

/// Why an invocation has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvocationError {
    /// The function responded with an error, crashed, or did not start.
    Failed,
    /// The function exceeded its timeout and was killed.
    TimedOut,
}

/// A process that has requested its first event.
pub(super) struct FunctionProcess {
    events: mpsc::Sender<PendingInvocation>,
    kill: watch::Sender<bool>,
    exited: watch::Receiver<bool>,
    /// The pumps for its stdout and stderr.
    pumps: [Pump; 2],
    idle_since: Instant,
}

/// The outcome of an event.
pub(super) enum InvocationResult {
    Response(Bytes),
    Error,
    Died,
    TimedOut,
}

/// Lambda allows ten seconds for init, which do not count against the function's timeout.
const INIT_LIMIT: Duration = Duration::from_secs(10);

impl FunctionProcess {
    /// Starts a process and waits for the end of its init. Prints the reason on stdout if it fails.
    pub(super) async fn start(
        spec: &ProcessSpec,
        pids: &watch::Sender<BTreeMap<u32, SignalSender>>,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, InvocationError> {
        let name = &spec.name;
        let failed = |error: io::Error| {
            say(format_args!("{name} failed to start: {error}"));
            InvocationError::Failed
        };
        let log = FunctionLog::open(&spec.log).map_err(failed)?;
        let (process, mut ready) = Self::spawn(spec, &log, pids, stopping).await.map_err(failed)?;
        let mut exited = process.exited.clone();
        let why = tokio::select! {
            biased;
            Ok(_) = ready.wait_for(|ready| *ready) => return Ok(process),
            _ = exited.wait_for(|exited| *exited) => "the process ended before it requested an event",
            () = tokio::time::sleep(INIT_LIMIT) => "the process did not request an event within 10 s",
        };
        process.kill().await;
        say(format_args!("{name} failed to start: {why}; end of its log {}:", spec.log.display()));
        for line in log.last_lines() {
            say(format_args!("  {line}"));
        }
        Err(InvocationError::Failed)
    }

    async fn spawn(
        spec: &ProcessSpec,
        log: &FunctionLog,
        pids: &watch::Sender<BTreeMap<u32, SignalSender>>,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<(Self, watch::Receiver<bool>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mut child = command(spec, listener.local_addr()?).spawn()?;
        let pid = child.id().unwrap_or_default();
        let (signals, inbox) = signal::channel();
        pids.send_modify(|pids| _ = pids.insert(pid, signals));
        spec.reaper.include(pid);
        let pumps = [log.pump(child.stdout.take()), log.pump(child.stderr.take())];

        let (events, receiver) = mpsc::channel(1);
        let (ready_sender, ready) = watch::channel(false);
        let (kill, killed) = watch::channel(false);
        let (exited_sender, exited) = watch::channel(false);
        let api = Arc::new(ProcessApi {
            function_name: spec.name.clone(),
            timeout: spec.timeout,
            clock: Arc::clone(&spec.clock),
            events: tokio::sync::Mutex::new(receiver),
            ready: ready_sender,
            current: Mutex::default(),
        });
        let running = RunningChild { child, listener, api, inbox, killed, stopping };
        let (pids, reaper, output) = (pids.clone(), spec.reaper.clone(), pumps.clone());
        tokio::spawn(async move {
            running.run().await;
            reaper.exclude(pid);
            // The last output is in the log before a caller learns that the process ended.
            let [stdout, stderr] = output;
            tokio::join!(stdout.ended(), stderr.ended());
            exited_sender.send_replace(true);
            pids.send_modify(|pids| _ = pids.remove(&pid));
        });
        Ok((Self { events, kill, exited, pumps, idle_since: Instant::now() }, ready))
    }

    /// Sends `event` to the process and waits for the response, at most `timeout`.
    pub(super) async fn invoke(&self, event: Bytes, timeout: Duration) -> InvocationResult {
        let (answer, mut reply) = oneshot::channel();
        if self.events.send(PendingInvocation { event, answer }).await.is_err() {
            return InvocationResult::Died;
        }
        let mut exited = self.exited.clone();
        let reply = tokio::select! {
            biased;
            reply = &mut reply => reply,
            // The process may have responded and then ended.
            _ = exited.wait_for(|exited| *exited) => match reply.try_recv() {
                Ok(reply) => Ok(reply),
                Err(_) => return InvocationResult::Died,
            },
            () = tokio::time::sleep(timeout) => return InvocationResult::TimedOut,
        };
        // A caller that gets a response finds the reason in the log.
        let [stdout, stderr] = &self.pumps;
        tokio::join!(stdout.catch_up(), stderr.catch_up());
        match reply {
            Ok(Some(payload)) => InvocationResult::Response(payload),
            Ok(None) => InvocationResult::Error,
            Err(_) => InvocationResult::Died,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        !*self.exited.borrow()
    }

    /// Ends the process, and returns when it is gone.
    pub(super) async fn kill(mut self) {
        self.kill.send_replace(true);
        let _ = self.exited.wait_for(|exited| *exited).await;
    }

    /// The same process, marked as idle from now on.
    pub(super) fn rested(self) -> Self {
        Self { idle_since: Instant::now(), ..self }
    }

    pub(super) fn idle_for(&self) -> Duration {
        self.idle_since.elapsed()
    }
}

/// The command that starts a process, which finds its Runtime API at `api`.
fn command(spec: &ProcessSpec, api: SocketAddr) -> Command {
    let mut command = Command::new(&spec.binary);
    command
        // Lambda starts a function with only the variables of its configuration.
        .env_clear()
        .envs(&spec.environment)
        .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C in the terminal must only reach the stack, which then ends its processes.
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// A started process, its Runtime API, and what can end it.
struct RunningChild {
    child: Child,
    listener: TcpListener,
    api: Arc<ProcessApi>,
    inbox: mpsc::UnboundedReceiver<SignalRequest>,
    killed: watch::Receiver<bool>,
    stopping: watch::Receiver<bool>,
}

impl RunningChild {
    /// Serves the Runtime API until the process has ended.
    async fn run(self) {
        let Self { mut child, listener, api, mut inbox, mut killed, mut stopping } = self;
        let serve = axum::serve(listener, api::router(api)).into_future();
        tokio::pin!(serve);
        let must_end = loop {
            tokio::select! {
                _ = child.wait() => break false,
                _ = killed.wait_for(|killed| *killed) => break true,
                _ = stopping.wait_for(|stopping| *stopping) => break true,
                _ = &mut serve => break true,
                Some(request) = inbox.recv() => request.execute(child.id()),
            }
        };
        if must_end {
            // SIGKILL, as Lambda does after a timeout. It fails if the process has already ended,
            // which does no harm.
            let _ = child.kill().await;
        }
    }
}
