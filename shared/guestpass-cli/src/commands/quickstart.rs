//! `guestpass quickstart`

mod steps;
mod told;

use std::{cell::Cell, pin::pin};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::{
    steps::{Names, clean_up, walk},
    told::Told,
};
use super::Context;
use crate::{
    confirm::confirm,
    failure::{Exit, Failure, Result},
    output::note,
    own_stack::OwnStack,
    target::{Target, Way},
    world::World,
};

/// How to go about it.
#[derive(Args)]
#[command(after_help = "\
The steps are those of the Azure quickstart for access tokens, against the local stack or the
resource that is configured; with neither, against a stack of its own that is gone afterwards.
What it creates, it deletes, also after a failure or Ctrl-C: the step that is under way is
finished first, for an identity that ACS is just making has no name yet. A second Ctrl-C leaves
at once, and says what is left.")]
pub(crate) struct Arguments {
    /// Do not ask before a deployed service is used
    #[arg(short, long)]
    yes: bool,
}

/// Runs the steps.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let Some(target) = found(context).await? else { return in_own_stack(context).await };
    if matches!(target.way, Way::Direct { .. }) {
        let question =
            format!("Create two identities {}, and delete them again?", target.in_words());
        confirm(&question, arguments.yes, &context.around)?;
    }
    in_world(target, context, &mut Interrupts::new()?).await
}

/// The selected service. A local stack that was only found, and does not answer, does not count.
async fn found(context: &Context) -> Result<Option<Target>> {
    let Some(target) = context.target_if_any().await? else {
        note("no service is configured: starting a stack of my own");
        return Ok(None);
    };
    let Way::Local { file, .. } = &target.way else { return Ok(Some(target)) };
    if target.answers().await {
        return Ok(Some(target));
    }
    let gone = format!("the stack of {} has gone", file.display());
    if context.place.local || context.place.stack_file.is_some() {
        return Err(Failure::new(Exit::Later, gone).so("start it again with `make run`"));
    }
    note(&format!("{gone}: starting one of my own"));
    Ok(None)
}

async fn in_own_stack(context: &Context) -> Result<()> {
    let mut interrupts = Interrupts::new()?;
    let mut own = OwnStack::start(&context.around)?;
    let ready = tokio::select! {
        ready = own.ready() => ready,
        () = interrupts.next() => Err(stopped()),
    };
    let outcome =
        match ready.and_then(|()| Target::local(own.file(), &context.place, &context.around)) {
            Ok(target) => in_world(target.in_time().await, context, &mut interrupts).await,
            Err(failure) => Err(failure),
        };
    own.stop().await;
    // The own stack has ended with everything in it, so nothing is left to clean up.
    outcome.map_err(|failure| if failure.exit == Exit::Interrupted { stopped() } else { failure })
}

async fn in_world(target: Target, context: &Context, interrupts: &mut Interrupts) -> Result<()> {
    let world = World::of(target).await?;
    let names =
        Names::new().ok_or_else(|| Failure::new(Exit::Failed, "the users have no names"))?;
    let mut told = Told::new(context)?;
    let stop = Cell::new(false);
    let stopped_at_once = || Failure::new(Exit::Interrupted, "stopped in the middle");
    let outcome = match interrupts.finish(walk(&world, &names, &mut told, &stop), &stop).await {
        None => Err(names.left(&stopped_at_once())),
        // Also deletes what was created before a failure.
        Some(walked) => match interrupts.finish(clean_up(&world, &names), &stop).await {
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
    fn new() -> Result<Self> {
        Ok(Self(signal(SignalKind::interrupt())?))
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

fn stopped() -> Failure {
    Failure::new(Exit::Interrupted, "stopped; nothing is left")
}
