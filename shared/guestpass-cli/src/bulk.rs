//! Many deletions: at the pace ACS allows, safe to stop, safe to repeat.
//!
//! ```text
//! names ─► look (is there anything to delete?) ─► ready ─► one slot each ─► delete
//!            many at a time, costs ACS nothing            under the rules of one deletion
//! ```
//!
//! A second run finds what the first one deleted gone, and asks ACS only for the rest.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use identity_core::{
    Error,
    delete_identity::{Request, delete_identity},
    get_identity::get_identity,
    identity::{AcsId, IdentityRef, Invocation},
    ports::IdentityClient as _,
    record::State,
};
use tokio::task::JoinSet;

use crate::{failure::Failure, pace::Pace, progress::Progress, world::World};

/// What is to be deleted, and how.
pub(crate) struct Deletion {
    /// Whose identities.
    pub(crate) names: Vec<IdentityRef>,
    /// How many a second.
    pub(crate) rate: f64,
    /// Whether an ACS id that the table does not know is deleted at ACS, too.
    pub(crate) unrecorded: bool,
}

/// What became of it.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How many were deleted.
    pub(crate) deleted: u64,
    /// How many were gone already.
    pub(crate) absent: u64,
    /// Which were not, and why.
    pub(crate) failed: Vec<(IdentityRef, Failure)>,
    /// How many were begun and not heard of: a second run finishes them.
    pub(crate) unsure: u64,
    /// How many were not tried.
    pub(crate) left: u64,
    /// How often ACS asked for fewer requests.
    pub(crate) throttled: u64,
    /// From the first deletion to the last.
    pub(crate) took: Duration,
    /// Whether somebody stopped it.
    pub(crate) interrupted: bool,
    /// Why it was given up, if it was.
    pub(crate) gave_up: Option<Failure>,
}

struct Job {
    name: IdentityRef,
    tries: u32,
}

enum Step {
    Gone,
    Present,
    Deleted(Option<AcsId>),
    Failed(Error),
}

struct Run<'a> {
    world: &'a Arc<World>,
    unrecorded: bool,
    waiting: VecDeque<Job>,
    ready: VecDeque<Job>,
    tasks: JoinSet<(Job, Step, bool)>,
    looking: usize,
    deleting: usize,
    in_a_row: u32,
    outcome: Outcome,
}

/// Deletes; `interruption` ends it within a second.
pub(crate) async fn delete_all(
    world: &Arc<World>,
    deletion: Deletion,
    progress: &Progress,
    interruption: impl Future<Output = ()>,
) -> Outcome {
    let Deletion { names, rate, unrecorded } = deletion;
    let waiting = names.into_iter().map(|name| Job { name, tries: 0 }).collect();
    let mut run = Run {
        world,
        unrecorded,
        waiting,
        ready: VecDeque::new(),
        tasks: JoinSet::new(),
        looking: 0,
        deleting: 0,
        in_a_row: 0,
        outcome: Outcome::default(),
    };
    let mut pace = Pace::per_second(rate);
    let started = Instant::now();
    tokio::pin!(interruption);
    loop {
        run.look_ahead();
        if run.tasks.is_empty() && run.ready.is_empty() {
            break;
        }
        let may_delete = !run.ready.is_empty() && run.deleting < MOST_AT_A_TIME;
        tokio::select! {
            () = &mut interruption => {
                run.outcome.interrupted = true;
                break;
            }
            Some(Ok((job, step, was_look))) = run.tasks.join_next() => {
                let hold = run.note(job, step, was_look, progress);
                if let Some(pause) = hold {
                    pace.hold(pause);
                }
                if run.outcome.gave_up.is_some() {
                    break;
                }
            }
            () = pace.slot(), if may_delete => {
                pace.take();
                run.delete_next();
            }
        }
    }
    run.wind_up(progress).await;
    run.outcome.took = started.elapsed();
    run.outcome
}

impl Run<'_> {
    /// Keeps enough names ready for the slots to come.
    fn look_ahead(&mut self) {
        while self.looking < MOST_AT_A_TIME && self.ready.len() + self.looking < AHEAD {
            let Some(job) = self.waiting.pop_front() else { return };
            self.looking += 1;
            let (world, unrecorded) = (Arc::clone(self.world), self.unrecorded);
            self.tasks.spawn(async move {
                let step = look(&world, &job.name, unrecorded).await;
                (job, step, true)
            });
        }
    }

    fn delete_next(&mut self) {
        let Some(job) = self.ready.pop_front() else { return };
        self.deleting += 1;
        let (world, unrecorded) = (Arc::clone(self.world), self.unrecorded);
        self.tasks.spawn(async move {
            let name = job.name.clone();
            let deleted = world
                .try_serve(async |invocation| delete(&world, name, invocation, unrecorded).await)
                .await;
            let step = match deleted {
                Ok(deleted) => Step::Deleted(deleted),
                Err(error) => Step::Failed(error),
            };
            (job, step, false)
        });
    }

    /// Notes what came of a step; how long to hold, if ACS asks for it.
    fn note(
        &mut self,
        mut job: Job,
        step: Step,
        was_look: bool,
        progress: &Progress,
    ) -> Option<Duration> {
        if was_look {
            self.looking -= 1;
        } else {
            self.deleting -= 1;
        }
        let error = match step {
            Step::Present => {
                self.ready.push_back(job);
                return None;
            }
            Step::Gone | Step::Deleted(None) => {
                self.outcome.absent += 1;
                progress.step();
                return None;
            }
            Step::Deleted(Some(_)) => {
                self.outcome.deleted += 1;
                self.in_a_row = 0;
                progress.step();
                return None;
            }
            Step::Failed(error) => error,
        };
        job.tries += 1;
        let pause = match &error {
            Error::Throttled { retry_after, .. } => {
                self.outcome.throttled += 1;
                progress.say("ACS asks for fewer requests; waiting");
                Some(*retry_after)
            }
            Error::Busy { .. } => None,
            Error::AcsUnavailable { .. } | Error::StoreUnavailable(_) => {
                Some(Duration::from_secs(1))
            }
            // Whatever comes next would be refused just so.
            _ => {
                let failure = self.world.explain(&error);
                self.outcome.gave_up = Some(failure);
                self.waiting.push_front(job);
                return None;
            }
        };
        self.in_a_row += 1;
        let is_down = self.in_a_row >= TRIES_IN_A_ROW;
        if job.tries < TRIES && !is_down {
            self.waiting.push_back(job);
            return pause;
        }
        let failure = self.world.explain(&error);
        if is_down {
            self.outcome.gave_up = Some(failure);
            self.waiting.push_front(job);
        } else {
            self.outcome.failed.push((job.name, failure));
            progress.step();
        }
        pause
    }

    /// Lets what was begun come to its end, for as long as somebody at Ctrl-C waits.
    async fn wind_up(&mut self, progress: &Progress) {
        let end = tokio::time::Instant::now() + GRACE;
        while self.deleting > 0 {
            match tokio::time::timeout_at(end, self.tasks.join_next()).await {
                Ok(Some(Ok((job, step, was_look)))) => {
                    self.note(job, step, was_look, progress);
                }
                _ => break,
            }
        }
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        self.outcome.unsure = count(self.deleting);
        self.outcome.left = count(self.waiting.len() + self.ready.len() + self.looking);
        self.tasks.abort_all();
    }
}

/// Whether there is anything to delete.
async fn look(world: &World, name: &IdentityRef, unrecorded: bool) -> Step {
    match world.try_serve(async |_| get_identity(&world.store, name).await).await {
        // A reservation without an identity is given back, which is a change, too.
        Ok(record) if record.acs_id().is_some() => Step::Present,
        Ok(record) if matches!(record.state, State::Provisioning { .. }) => Step::Present,
        Err(Error::NotFound) if unrecorded && matches!(name, IdentityRef::Acs(_)) => Step::Present,
        Ok(_) | Err(Error::NotFound) => Step::Gone,
        Err(error) => Step::Failed(error),
    }
}

async fn delete(
    world: &World,
    name: IdentityRef,
    invocation: Invocation,
    unrecorded: bool,
) -> Result<Option<AcsId>, Error> {
    let deadline = invocation.acs_until;
    let request = Request { identity: name.clone(), invocation };
    let deleted = delete_identity(&world.store, &world.acs, &world.clock, request).await?;
    match (deleted, name) {
        (None, IdentityRef::Acs(acs_id)) if unrecorded => {
            world.acs.delete_identity(&acs_id, deadline).await?;
            Ok(Some(acs_id))
        }
        (deleted, _) => Ok(deleted),
    }
}

/// ACS takes up to 0.6 s for a deletion: enough for any rate it allows.
const MOST_AT_A_TIME: usize = 32;

/// How many names are ready for the slots to come.
const AHEAD: usize = 64;

/// How often one identity is tried.
const TRIES: u32 = 5;

/// So many failures without a success between them: it is not the identities.
const TRIES_IN_A_ROW: u32 = 12;

/// How long Ctrl-C waits for deletions that have begun.
const GRACE: Duration = Duration::from_millis(700);
