//! Deletes many identities at the rate that ACS permits. A run can be stopped and repeated
//! safely.
//!
//! ```text
//! names ─► look (is there anything to delete?) ─► ready ─► one slot each ─► delete
//!            many at a time, costs ACS nothing            under the rules of one deletion
//! ```
//!
//! A second run finds that the identities of the first one are gone, and sends ACS requests only
//! for the rest.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
    vec,
};

use acs_client::{Answered, ErrorCause};
use identity_core::{
    Error,
    audit::Actor,
    delete_identity::{DeleteIdentityRequest, delete_identity},
    delete_stale_identities::{StaleOutcome, delete_if_unused_since},
    get_identity::get_identity,
    identity::{AcsId, ExternalId, IdentityRef, Invocation},
    ports::{IdentityClient as _, IdentityStore as _},
    record::{By, State},
};
use tokio::task::JoinSet;

use crate::{failure::Failure, pace::Pace, progress::Progress, world::World};

/// An identity to delete.
#[derive(Clone)]
pub(crate) enum Item {
    /// The identity with this name.
    Named(IdentityRef),
    /// The identity with this name. If it has no record, it is deleted only in ACS.
    Unrecorded(AcsId),
    /// The identity of this user, if it has not changed since the plan was made.
    Planned(Box<Planned>),
}

/// An identity as it was when the plan was made.
#[derive(Clone)]
pub(crate) struct Planned {
    /// The user of the identity.
    pub(crate) user: ExternalId,
    /// The ACS id.
    pub(crate) acs_id: AcsId,
    /// When it was last used.
    pub(crate) last_issued_at: SystemTime,
    /// The epoch of the record.
    pub(crate) epoch: u64,
}

impl Item {
    /// The name as it was given.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Named(IdentityRef::External(user)) => user.as_str().to_owned(),
            Self::Named(IdentityRef::Acs(acs_id)) | Self::Unrecorded(acs_id) => acs_id.to_string(),
            Self::Planned(planned) => planned.user.as_str().to_owned(),
        }
    }
}

/// The result of a run.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How many were deleted.
    pub(crate) deleted: u64,
    /// How many were already gone.
    pub(crate) absent: u64,
    /// The identities that were skipped because they have changed since the plan was made, and
    /// the change.
    pub(crate) spared: Vec<(String, &'static str)>,
    /// The identities whose deletion failed, and the reason.
    pub(crate) failed: Vec<(String, Failure)>,
    /// How many deletions were started and may be unfinished: a second run finishes them.
    pub(crate) unsure: u64,
    /// How many deletions were not started.
    pub(crate) left: u64,
    /// How many times ACS answered 429.
    pub(crate) throttled: u64,
    /// The time from the first deletion to the last.
    pub(crate) took: Duration,
    /// Whether the user stopped the run.
    pub(crate) interrupted: bool,
    /// Why the run stopped early, if it did.
    pub(crate) gave_up: Option<Failure>,
}

struct Job {
    item: Item,
    tries: u32,
    is_begun: bool,
}

enum Step {
    Gone,
    Present,
    Moved(&'static str),
    Deleted,
    Failed(Error),
}

struct Run<'a> {
    world: &'a Arc<World>,
    /// Identities that were not looked up yet.
    fresh: vec::IntoIter<Item>,
    /// Identities to retry.
    again: VecDeque<Job>,
    ready: VecDeque<Job>,
    tasks: JoinSet<(Job, Step, bool)>,
    looking: usize,
    deleting: usize,
    /// For how many of these identities a deletion was started.
    begun: usize,
    in_a_row: u32,
    outcome: Outcome,
}

/// Deletes the identities. `interruption` ends the run within a second.
pub(crate) async fn delete_all(
    world: &Arc<World>,
    items: Vec<Item>,
    rate: f64,
    progress: &Progress,
    interruption: impl Future<Output = ()>,
) -> Outcome {
    let mut run = Run {
        world,
        fresh: items.into_iter(),
        again: VecDeque::new(),
        ready: VecDeque::new(),
        tasks: JoinSet::new(),
        looking: 0,
        deleting: 0,
        begun: 0,
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
            ended = run.tasks.join_next(), if !run.tasks.is_empty() => {
                if let Some(Ok((job, step, was_look))) = ended
                    && let Some(pause) = run.note(job, step, was_look, progress)
                {
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
    /// Keeps enough identities ready for the next slots.
    fn look_ahead(&mut self) {
        while self.looking < MOST_AT_A_TIME && self.ready.len() + self.looking < AHEAD {
            let fresh = self.fresh.next().map(|item| Job { item, tries: 0, is_begun: false });
            let Some(job) = fresh.or_else(|| self.again.pop_front()) else { return };
            self.looking += 1;
            let world = Arc::clone(self.world);
            self.tasks.spawn(async move {
                let step = look(&world, &job.item).await.unwrap_or_else(Step::Failed);
                (job, step, true)
            });
        }
    }

    fn delete_next(&mut self) {
        let Some(mut job) = self.ready.pop_front() else { return };
        self.deleting += 1;
        if !job.is_begun {
            job.is_begun = true;
            self.begun += 1;
        }
        let world = Arc::clone(self.world);
        self.tasks.spawn(async move {
            let item = job.item.clone();
            let deleted =
                world.try_serve(async |invocation| delete(&world, item, invocation).await).await;
            let step = deleted.unwrap_or_else(Step::Failed);
            (job, step, false)
        });
    }

    /// Records the result of a step. Returns how long to wait, if ACS throttled the request.
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
            Step::Moved(how) => {
                self.ended(&job);
                progress.passed_over();
                self.outcome.spared.push((job.item.name(), how));
                return None;
            }
            Step::Gone => {
                self.ended(&job);
                progress.passed_over();
                self.outcome.absent += 1;
                return None;
            }
            Step::Deleted => {
                self.ended(&job);
                progress.done();
                progress.say("");
                self.outcome.deleted += 1;
                self.in_a_row = 0;
                return None;
            }
            Step::Failed(error) => error,
        };
        if let Error::Throttled { retry_after, .. } = &error {
            // A 429 says nothing about the identity, and it is not a failure of ACS.
            self.outcome.throttled += 1;
            progress.say("ACS asks for fewer requests; waiting");
            self.again.push_back(job);
            return Some(*retry_after);
        }
        let failure = self.world.explain(&error);
        if is_about_us(&error) {
            self.outcome.gave_up = Some(failure);
            self.again.push_back(job);
            return None;
        }
        job.tries += 1;
        self.in_a_row += 1;
        let is_down = self.in_a_row >= TRIES_IN_A_ROW;
        let pause = may_pass(&error).then_some(A_WHILE);
        if is_down {
            self.outcome.gave_up = Some(self.world.explain(&error));
        }
        if pause.is_some() && (job.tries < TRIES || is_down) {
            self.again.push_back(job);
        } else {
            self.ended(&job);
            progress.passed_over();
            self.outcome.failed.push((job.item.name(), failure));
        }
        pause
    }

    /// Marks an identity as finished.
    fn ended(&mut self, job: &Job) {
        self.begun -= usize::from(job.is_begun);
    }

    /// Waits for deletions that were started, for a short time after Ctrl-C.
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
        let waiting = self.fresh.len() + self.again.len() + self.ready.len();
        let rest = waiting + self.looking + self.deleting;
        self.outcome.unsure = count(self.begun);
        self.outcome.left = count(rest - self.begun);
        self.tasks.abort_all();
    }
}

/// Whether ACS or the table refuses the caller, and will therefore refuse every other request,
/// too. Any other refusal is for this identity only.
fn is_about_us(error: &Error) -> bool {
    let cause = Answered::of(error).map(Answered::cause);
    match error {
        Error::StoreRefused(_) => true,
        Error::AcsRefused(_) => !matches!(
            cause,
            Some(ErrorCause::BadRequest | ErrorCause::IdentityLost | ErrorCause::Validation { .. })
        ),
        _ => false,
    }
}

/// Whether a retry after a while may succeed.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Busy { .. } | Error::AcsUnavailable { .. } | Error::StoreUnavailable(_))
}

/// Whether there is anything to delete.
async fn look(world: &World, item: &Item) -> Result<Step, Error> {
    let name = match item {
        Item::Named(name) => name.clone(),
        Item::Unrecorded(acs_id) => IdentityRef::Acs(acs_id.clone()),
        Item::Planned(planned) => IdentityRef::External(planned.user.clone()),
    };
    let found = world.try_serve(async |_| get_identity(&world.store, &name).await).await;
    let record = match (found, item) {
        (Err(Error::NotFound), Item::Unrecorded(_)) => return Ok(Step::Present),
        (Err(Error::NotFound), _) => return Ok(Step::Gone),
        (found, _) => found?,
    };
    // A deletion removes a reservation without an identity, so it counts as present.
    let is_there = record.acs_id().is_some() || matches!(record.state, State::Provisioning { .. });
    if !is_there {
        return Ok(Step::Gone);
    }
    if let Item::Planned(planned) = item {
        let is_begun = matches!(record.state, State::Deleting { .. });
        if record.last_issued_at != planned.last_issued_at {
            return Ok(Step::Moved("somebody has used it since"));
        }
        if record.epoch != planned.epoch && !is_begun {
            return Ok(Step::Moved("it has changed since"));
        }
    }
    Ok(Step::Present)
}

async fn delete(world: &World, item: Item, invocation: Invocation) -> Result<Step, Error> {
    let World { store, acs, clock, .. } = world;
    let deadline = invocation.acs_until;
    let named = async |identity| {
        let by = By::administrator(world.administrator().id());
        let request =
            DeleteIdentityRequest { identity, by, bearer: None, invocation: invocation.clone() };
        delete_identity(store, acs, clock, request).await
    };
    let deleted = match item {
        Item::Named(name) => named(name).await?,
        // The operator expects that there may be no record, so the deletion does not wait for
        // the index.
        Item::Unrecorded(acs_id) if store.find_by_acs_id(&acs_id).await?.is_none() => {
            acs.delete_identity(&acs_id, deadline).await?;
            Some(acs_id)
        }
        Item::Unrecorded(acs_id) => named(IdentityRef::Acs(acs_id)).await?,
        Item::Planned(planned) => {
            // The record keeps milliseconds, so an identity was used since the plan if its time
            // is greater than this one.
            let cutoff = planned.last_issued_at + Duration::from_millis(1);
            let user = &planned.user;
            let actor = Actor::Administrator(world.administrator().id().clone());
            let deletion =
                delete_if_unused_since(store, acs, clock, user, cutoff, &actor, &invocation);
            let fate = deletion.await?;
            match fate {
                StaleOutcome::Deleted => return Ok(Step::Deleted),
                StaleOutcome::Used => return Ok(Step::Moved("somebody has used it since")),
                StaleOutcome::Changed => {
                    let found = store.find(user).await?.map(|record| record.state);
                    match found {
                        // An earlier run started this deletion. Naming the identity by its ACS
                        // id does not affect a new identity that the user got in the meantime.
                        Some(State::Deleting { acs_id, .. }) if acs_id == planned.acs_id => {
                            named(IdentityRef::Acs(acs_id)).await?
                        }
                        None | Some(State::Deleted | State::Blocked { acs_id: None }) => None,
                        Some(_) => return Ok(Step::Moved("it has changed since")),
                    }
                }
            }
        }
    };
    Ok(if deleted.is_some() { Step::Deleted } else { Step::Gone })
}

/// ACS takes up to 0.6 s for a deletion. This concurrency is sufficient for any rate that ACS
/// permits.
const MOST_AT_A_TIME: usize = 32;

/// How many identities are kept ready for the next slots.
const AHEAD: usize = 64;

/// The most attempts per identity.
const TRIES: u32 = 5;

/// After so many consecutive failures, the cause is not a single identity.
const TRIES_IN_A_ROW: u32 = 12;

/// The pause after a failure that a retry may fix.
const A_WHILE: Duration = Duration::from_secs(1);

/// How long Ctrl-C waits for deletions that were started.
const GRACE: Duration = Duration::from_millis(700);
