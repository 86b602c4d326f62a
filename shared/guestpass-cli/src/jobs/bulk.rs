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

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec;

use acs_client::{Answered, ErrorCause};
use identity_core::Error;
use tokio::task::JoinSet;

use crate::jobs::deletion::{BulkStep, IdentityDeleter};
use crate::jobs::pace::BulkPace;
use crate::report::{CliError, Progress};

/// The result of a run.
#[derive(Default)]
pub(crate) struct BulkOutcome {
    /// How many were deleted.
    pub(crate) deleted: u64,
    /// How many were already gone.
    pub(crate) absent: u64,
    /// The identities that were skipped because they have changed since the plan was made, and
    /// the change.
    pub(crate) spared: Vec<(String, &'static str)>,
    /// The identities whose deletion failed, and the reason.
    pub(crate) failed: Vec<(String, CliError)>,
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
    pub(crate) gave_up: Option<CliError>,
}

struct BulkTask<I> {
    item: I,
    tries: u32,
    is_begun: bool,
}

struct BulkRun<'a, D: IdentityDeleter> {
    deleter: &'a Arc<D>,
    /// Identities that were not looked up yet.
    fresh: vec::IntoIter<D::Item>,
    /// Identities to retry.
    again: VecDeque<BulkTask<D::Item>>,
    ready: VecDeque<BulkTask<D::Item>>,
    tasks: JoinSet<(BulkTask<D::Item>, BulkStep, bool)>,
    looking: usize,
    deleting: usize,
    /// For how many of these identities a deletion was started.
    begun: usize,
    in_a_row: u32,
    outcome: BulkOutcome,
}

/// Deletes the identities. `interruption` ends the run within a second.
pub(crate) async fn delete_all<D: IdentityDeleter>(
    deleter: &Arc<D>,
    items: Vec<D::Item>,
    rate: f64,
    progress: &Progress,
    interruption: impl Future<Output = ()>,
) -> BulkOutcome {
    let mut run = BulkRun {
        deleter,
        fresh: items.into_iter(),
        again: VecDeque::new(),
        ready: VecDeque::new(),
        tasks: JoinSet::new(),
        looking: 0,
        deleting: 0,
        begun: 0,
        in_a_row: 0,
        outcome: BulkOutcome::default(),
    };
    let mut pace = BulkPace::per_second(rate);
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

impl<D: IdentityDeleter> BulkRun<'_, D> {
    /// Keeps enough identities ready for the next slots.
    fn look_ahead(&mut self) {
        while self.looking < MOST_AT_A_TIME && self.ready.len() + self.looking < AHEAD {
            let fresh = self.fresh.next().map(|item| BulkTask { item, tries: 0, is_begun: false });
            let Some(job) = fresh.or_else(|| self.again.pop_front()) else { return };
            self.looking += 1;
            let deleter = Arc::clone(self.deleter);
            self.tasks.spawn(async move {
                let step = deleter.find(&job.item).await.unwrap_or_else(BulkStep::Failed);
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
        let deleter = Arc::clone(self.deleter);
        self.tasks.spawn(async move {
            let step = deleter.delete(job.item.clone()).await.unwrap_or_else(BulkStep::Failed);
            (job, step, false)
        });
    }

    /// Records the result of a step. Returns the pause before the next deletion, if one is necessary.
    fn note(
        &mut self,
        job: BulkTask<D::Item>,
        step: BulkStep,
        was_look: bool,
        progress: &Progress,
    ) -> Option<Duration> {
        if was_look {
            self.looking -= 1;
        } else {
            self.deleting -= 1;
        }
        match step {
            BulkStep::Present => self.ready.push_back(job),
            BulkStep::Changed(how) => {
                self.ended(&job);
                progress.passed_over();
                self.outcome.spared.push((D::name(&job.item), how));
            }
            BulkStep::Gone => {
                self.ended(&job);
                progress.passed_over();
                self.outcome.absent += 1;
            }
            BulkStep::Deleted => {
                self.ended(&job);
                progress.done();
                progress.say("");
                self.outcome.deleted += 1;
                self.in_a_row = 0;
            }
            BulkStep::Failed(error) => return self.note_failure(job, &error, progress),
        }
        None
    }

    /// Records a failed step. Returns the pause before the next deletion, if one is necessary.
    fn note_failure(
        &mut self,
        mut job: BulkTask<D::Item>,
        error: &Error,
        progress: &Progress,
    ) -> Option<Duration> {
        if let Error::Throttled { retry_after, .. } = error {
            // A 429 says nothing about the identity, and it is not a failure of ACS.
            self.outcome.throttled += 1;
            progress.say("ACS throttles requests; waiting");
            self.again.push_back(job);
            return Some(*retry_after);
        }
        let failure = self.deleter.explain_failure(error);
        if is_about_us(error) {
            self.outcome.gave_up = Some(failure);
            self.again.push_back(job);
            return None;
        }
        job.tries += 1;
        self.in_a_row += 1;
        let is_down = self.in_a_row >= TRIES_IN_A_ROW;
        let pause = may_pass(error).then_some(A_WHILE);
        if is_down {
            self.outcome.gave_up = Some(self.deleter.explain_failure(error));
        }
        if pause.is_some() && (job.tries < TRIES || is_down) {
            self.again.push_back(job);
        } else {
            self.ended(&job);
            progress.passed_over();
            self.outcome.failed.push((D::name(&job.item), failure));
        }
        pause
    }

    /// Marks an identity as finished.
    fn ended(&mut self, job: &BulkTask<D::Item>) {
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
pub(super) fn is_about_us(error: &Error) -> bool {
    let cause = Answered::of(error).map(Answered::cause);
    match error {
        Error::StoreRefused(_) => true,
        Error::AcsRefused(_) => !matches!(
            cause,
            Some(ErrorCause::BadRequest | ErrorCause::IdentityLost | ErrorCause::Validation { .. })
        ),
        Error::Blocked
        | Error::NotFound
        | Error::GuestsDisabled
        | Error::InvitationRefused(_)
        | Error::InvalidInvitation(_)
        | Error::ReservedExternalId
        | Error::Busy { .. }
        | Error::Throttled { .. }
        | Error::TooManyTokens { .. }
        | Error::TooManySignOuts { .. }
        | Error::TeamsToken(_)
        | Error::TeamsPhone(_)
        | Error::BeyondPolicy
        | Error::SignInRequired
        | Error::EventFromTheFuture
        | Error::ForeignIdentity(_)
        | Error::UnknownResource(_)
        | Error::AcsUnavailable { .. }
        | Error::StoreUnavailable(_)
        | Error::Stuck
        | Error::Internal(_) => false,
    }
}

/// Whether a retry after a while may succeed.
pub(super) fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Busy { .. } | Error::AcsUnavailable { .. } | Error::StoreUnavailable(_))
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
