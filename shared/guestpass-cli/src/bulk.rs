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
    time::{Duration, Instant, SystemTime},
    vec,
};

use acs_client::{Answered, Cause};
use identity_core::{
    Error,
    audit::Actor,
    delete_identity::{Request, delete_identity},
    delete_stale_identities::{Fate, delete_if_unused_since},
    get_identity::get_identity,
    identity::{AcsId, ExternalId, IdentityRef, Invocation},
    ports::{IdentityClient as _, IdentityStore as _},
    record::{By, State},
};
use tokio::task::JoinSet;

use crate::{failure::Failure, pace::Pace, progress::Progress, world::World};

/// One identity to delete.
#[derive(Clone)]
pub(crate) enum Item {
    /// This one.
    Named(IdentityRef),
    /// This one, which may have no record: then it is deleted at ACS alone.
    Unrecorded(AcsId),
    /// This user's, if it is still as it was when a plan was made.
    Planned(Box<Planned>),
}

/// An identity as it was when a plan was made.
#[derive(Clone)]
pub(crate) struct Planned {
    /// Whose it is.
    pub(crate) user: ExternalId,
    /// Its name in ACS.
    pub(crate) acs_id: AcsId,
    /// When it was last used.
    pub(crate) last_issued_at: SystemTime,
    /// Its epoch.
    pub(crate) epoch: u64,
}

impl Item {
    /// Its name, as it was given.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Named(IdentityRef::External(user)) => user.as_str().to_owned(),
            Self::Named(IdentityRef::Acs(acs_id)) | Self::Unrecorded(acs_id) => acs_id.to_string(),
            Self::Planned(planned) => planned.user.as_str().to_owned(),
        }
    }
}

/// What became of it.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How many were deleted.
    pub(crate) deleted: u64,
    /// How many were gone already.
    pub(crate) absent: u64,
    /// Which were left alone because they have moved since the plan was made, and how.
    pub(crate) spared: Vec<(String, &'static str)>,
    /// Which were not, and why.
    pub(crate) failed: Vec<(String, Failure)>,
    /// How many were begun and are not known to be done: a second run finishes them.
    pub(crate) unsure: u64,
    /// How many were not begun.
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
    /// Nobody has looked at these.
    fresh: vec::IntoIter<Item>,
    /// These are to be tried again.
    again: VecDeque<Job>,
    ready: VecDeque<Job>,
    tasks: JoinSet<(Job, Step, bool)>,
    looking: usize,
    deleting: usize,
    /// How many of all these a deletion was begun for.
    begun: usize,
    in_a_row: u32,
    outcome: Outcome,
}

/// Deletes; `interruption` ends it within a second.
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
    /// Keeps enough names ready for the slots to come.
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
            // Nothing is wrong with the identity, nor with ACS.
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

    /// Nothing more will be done about this one.
    fn ended(&mut self, job: &Job) {
        self.begun -= usize::from(job.is_begun);
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
        let waiting = self.fresh.len() + self.again.len() + self.ready.len();
        let rest = waiting + self.looking + self.deleting;
        self.outcome.unsure = count(self.begun);
        self.outcome.left = count(rest - self.begun);
        self.tasks.abort_all();
    }
}

/// Whether ACS or the table refuses us: then it refuses whatever comes next just so.
/// Anything else that is refused is refused for this one identity.
fn is_about_us(error: &Error) -> bool {
    let cause = Answered::of(error).map(Answered::cause);
    match error {
        Error::StoreRefused(_) => true,
        Error::AcsRefused(_) => !matches!(
            cause,
            Some(Cause::BadRequest | Cause::IdentityLost | Cause::Validation { .. })
        ),
        _ => false,
    }
}

/// Whether the same may succeed in a while.
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
    // A reservation without an identity is given back, which is a change, too.
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
        let request = Request { identity, by, bearer: None, invocation: invocation.clone() };
        delete_identity(store, acs, clock, request).await
    };
    let deleted = match item {
        Item::Named(name) => named(name).await?,
        // The operator says that there may be no record, so nothing waits for the index here.
        Item::Unrecorded(acs_id) if store.find_by_acs_id(&acs_id).await?.is_none() => {
            acs.delete_identity(&acs_id, deadline).await?;
            Some(acs_id)
        }
        Item::Unrecorded(acs_id) => named(IdentityRef::Acs(acs_id)).await?,
        Item::Planned(planned) => {
            // The record keeps milliseconds: used since means used later than that one.
            let cutoff = planned.last_issued_at + Duration::from_millis(1);
            let user = &planned.user;
            let actor = Actor::Administrator(world.administrator().id().clone());
            let deletion =
                delete_if_unused_since(store, acs, clock, user, cutoff, &actor, &invocation);
            let fate = deletion.await?;
            match fate {
                Fate::Deleted => return Ok(Step::Deleted),
                Fate::Used => return Ok(Step::Moved("somebody has used it since")),
                Fate::Changed => {
                    let found = store.find(user).await?.map(|record| record.state);
                    match found {
                        // What an earlier run began. By this name, nobody who came back
                        // meanwhile is meant.
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

/// ACS takes up to 0.6 s for a deletion: enough for any rate it allows.
const MOST_AT_A_TIME: usize = 32;

/// How many names are ready for the slots to come.
const AHEAD: usize = 64;

/// How often one identity is tried.
const TRIES: u32 = 5;

/// So many failures without a success between them: it is not the identities.
const TRIES_IN_A_ROW: u32 = 12;

/// After a failure that may pass.
const A_WHILE: Duration = Duration::from_secs(1);

/// How long Ctrl-C waits for deletions that have begun.
const GRACE: Duration = Duration::from_millis(700);
