//! Runs the steps, and cleans up after them.

use std::cell::Cell;
use std::pin::pin;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC as Signal, ctrl_c};

use super::output::QuickstartOutput;
use super::steps::{QuickstartUsers, clean_up, stopped, walk};
use crate::commands::{CommandContext, confirm};
use crate::options::QuickstartArguments;
use crate::report::{CliError, Exit, Result, note};
use crate::service::{ServiceAccess, ServiceSession, Target, TemporaryStack};

/// Runs the steps.
pub(crate) async fn run(arguments: QuickstartArguments, context: &CommandContext) -> Result<()> {
    let Some(target) = found(context).await? else { return in_own_stack(context).await };
    if target.stack().is_none() {
        let question =
            format!("Create two identities {}, and delete them again?", target.in_words());
        confirm(&question, arguments.confirmation.yes, &context.environment)?;
    }
    in_session(target, context, &mut Interrupts::new()?).await
}

/// The selected service. A local stack that was only found, and does not answer, does not count.
async fn found(context: &CommandContext) -> Result<Option<Target>> {
    let Some(target) = context.target_if_any().await? else {
        note("no service is configured: starting a temporary local stack");
        return Ok(None);
    };
    let ServiceAccess::Local { file, .. } = &target.way else { return Ok(Some(target)) };
    if target.answers().await {
        return Ok(Some(target));
    }
    let gone = format!("the stack of {} has gone", file.display());
    if context.service.local || context.service.stack_file.is_some() {
        return Err(CliError::new(Exit::Later, gone).hint("start it again with `make run`"));
    }
    note(&format!("{gone}: starting a temporary one"));
    Ok(None)
}

async fn in_own_stack(context: &CommandContext) -> Result<()> {
    let mut interrupts = Interrupts::new()?;
    let mut own = TemporaryStack::start(&context.environment)?;
    let ready = tokio::select! {
        ready = own.ready() => ready,
        () = interrupts.next() => Err(stopped()),
    };
    let outcome = match ready
        .and_then(|()| Target::local(own.file(), &context.service, &context.environment))
    {
        Ok(target) => in_session(target.in_time().await, context, &mut interrupts).await,
        Err(failure) => Err(failure),
    };
    own.stop().await;
    // The own stack has ended with everything in it, so nothing is left to clean up.
    outcome.map_err(|failure| if failure.exit == Exit::Interrupted { stopped() } else { failure })
}

async fn in_session(
    target: Target,
    context: &CommandContext,
    interrupts: &mut Interrupts,
) -> Result<()> {
    let session = ServiceSession::of(target).await?;
    let names = QuickstartUsers::new()
        .ok_or_else(|| CliError::new(Exit::Failed, "the users have no names"))?;
    let mut told = QuickstartOutput::new(context)?;
    let stop = Cell::new(false);
    let stopped_at_once = || CliError::new(Exit::Interrupted, "stopped in the middle");
    let outcome = match interrupts.finish(walk(&session, &names, &mut told, &stop), &stop).await {
        None => Err(names.left(&stopped_at_once())),
        // Also deletes what was created before a failure.
        Some(walked) => match interrupts.finish(clean_up(&session, &names), &stop).await {
            None => Err(names.left(&stopped_at_once())),
            // If both fail, the failure that leaves identities behind is reported.
            Some(Err(failure)) if names.were_made() => Err(names.left(&failure)),
            Some(Err(failure)) => walked.and(Err(failure)),
            Some(Ok(deleted)) => walked.and_then(|()| told.deleted(deleted)),
        },
    };
    let is_done = outcome.is_ok();
    told.finish(is_done)?;
    outcome
}

/// Receives Ctrl-C, from now on.
struct Interrupts(Signal);

impl Interrupts {
    #[cfg(unix)]
    fn new() -> Result<Self> {
        Ok(Self(signal(SignalKind::interrupt())?))
    }

    #[cfg(windows)]
    fn new() -> Result<Self> {
        Ok(Self(ctrl_c()?))
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for `work`. `stop` tells `work` to start nothing new. Returns `None` if the user
    /// insists on leaving at once.
    async fn finish<T>(&mut self, work: impl Future<Output = T>, stop: &Cell<bool>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                () = self.next() => {
                    if stop.replace(true) {
                        return None;
                    }
                    note("stopping: what is created is deleted first; Ctrl-C again leaves at once");
                }
            }
        }
    }
}
