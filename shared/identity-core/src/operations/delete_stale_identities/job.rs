//! The state of a running cleanup: its dependencies, its results so far, and what ends it early.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::{TryStreamExt, stream};
use tracing::{error, warn};

use super::request::CleanupRequest;
use crate::model::{
    Ages, CleanupMode, CleanupRun, EndedGuests, Error, Finished, IdentitySample, Invocation, Limit,
    Reasons, Record, ResourceName, Spared, State, Stopped,
};
use crate::ports::{Change, Clock, IdentityClients, IdentityStore};
use crate::protocol::finish_pending;
use crate::protocol::pacer::Pacer;
use crate::protocol::resources;

/// A running cleanup.
pub(super) struct CleanupJob<'a, S, A, C> {
    pub(super) store: &'a S,
    pub(super) acs: &'a A,
    pub(super) clock: &'a C,
    pub(super) time: SystemTime,
    pub(super) cutoff: SystemTime,
    pub(super) mode: CleanupMode,
    pub(super) guests: CleanupMode,
    pub(super) began: SystemTime,
    pub(super) invocation: Invocation,
    most: u64,
    per_second: u32,
    /// ACS limits, fails and refuses per resource.
    resources: Mutex<BTreeMap<ResourceName, Resource>>,
    tally: Mutex<Tally>,
}

/// The results of a run so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) considered: u64,
    pub(super) deleted: u64,
    pub(super) spared: Spared,
    pub(super) failed: u64,
    pub(super) stuck: u64,
    pub(super) finished: Finished,
    pub(super) guests: EndedGuests,
    pub(super) ages: Ages,
    pub(super) reasons: Reasons,
    /// The longest unused identities of each shard.
    pub(super) sample: Vec<IdentitySample>,
    /// More identities, for a run that deletes few.
    pub(super) others: Vec<IdentitySample>,
    /// The number of sampled identities of each shard.
    pub(super) sampled: BTreeMap<u8, usize>,
    /// The number of deletions that were started.
    begun: u64,
    limit: Option<Limit>,
    /// The shard of stale identities that is processed, or will be first.
    shard: u8,
}

/// One ACS resource, as the run has found it.
struct Resource {
    pacer: Arc<Pacer>,
    /// The number of consecutive calls for which it was unavailable.
    outage: u32,
    /// The number of consecutive calls that failed for any reason.
    failures_in_a_row: u32,
    /// Why the run asks it nothing any more.
    left_out: Option<Limit>,
}

impl<'a, S: IdentityStore, A: IdentityClients, C: Clock> CleanupJob<'a, S, A, C> {
    pub(super) fn new(
        store: &'a S,
        acs: &'a A,
        clock: &'a C,
        request: &CleanupRequest,
        cutoff: SystemTime,
        start: u8,
    ) -> Self {
        let deadline = request.invocation.deadline;
        let acs_until = deadline.checked_sub(LAST_WRITES).unwrap_or(deadline);
        Self {
            store,
            acs,
            clock,
            time: request.time,
            cutoff,
            mode: request.mode,
            guests: request.guests,
            began: clock.now(),
            invocation: Invocation { acs_until, ..request.invocation.clone() },
            most: request.limits.most,
            per_second: request.limits.per_second,
            resources: Mutex::default(),
            tally: Mutex::new(Tally { shard: start, ..Tally::default() }),
        }
    }

    /// The shard of stale identities with which the run begins, or goes on.
    pub(super) fn shard(&self) -> u8 {
        self.tally().shard
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the run must not start more work. The first time, it records the reason.
    pub(super) fn must_stop(&self) -> bool {
        let deadline = self.invocation.deadline;
        let left = deadline.duration_since(self.clock.now()).unwrap_or_default();
        let mut left_out = self.left_out();
        let mut tally = self.tally();
        if tally.limit.is_some() {
            return true;
        }
        tally.limit = if left < STOPS_BEFORE {
            Some(Limit::Deadline)
        } else if left_out.len() >= self.acs.count() {
            left_out.pop()
        } else if tally.begun >= self.most {
            Some(Limit::Maximum)
        } else {
            None
        };
        tally.limit.is_some()
    }

    /// The resources that the run asks nothing any more: why, for each.
    fn left_out(&self) -> Vec<Limit> {
        self.resources().values().filter_map(|resource| resource.left_out).collect()
    }

    /// Goes on to this shard of stale identities. If the run has stopped in the one before, it
    /// returns `false`, and that one stays the shard of the run.
    #[must_use = "a run that has stopped must not go on"]
    pub(super) fn enter(&self, shard: u8) -> bool {
        let mut tally = self.tally();
        if tally.limit.is_some() {
            return false;
        }
        tally.shard = shard;
        true
    }

    /// Whether the limit of the run allows one more deletion. If so, the deletion counts as
    /// started.
    pub(super) fn may_begin(&self) -> bool {
        let mut tally = self.tally();
        let may = tally.begun < self.most;
        tally.begun += u64::from(may);
        may
    }

    /// Processes records, several at a time, at the rate that ACS allows.
    pub(super) async fn each<T, F>(&self, all: Vec<T>, work: impl Fn(T) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        stream::iter(all.into_iter().map(Ok)).try_for_each_concurrent(AT_A_TIME, work).await
    }

    /// Waits until the rate limit allows a request to this resource. If that would be too late for
    /// this run, it returns `false` at once, and the run asks the resource nothing any more.
    #[must_use = "without a turn, no request may be sent"]
    pub(super) async fn turn(&self, resource: &ResourceName) -> bool {
        if !self.asks(resource) {
            return false;
        }
        let deadline = self.invocation.deadline;
        let until = deadline.checked_sub(STOPS_BEFORE).unwrap_or(deadline);
        let pacer = self.with_resource(resource, |found| found.pacer.clone());
        let has_turn = pacer.turn(self.clock, until).await;
        if !has_turn {
            self.with_resource(resource, |found| {
                found.left_out.get_or_insert(Limit::Deadline);
            });
        }
        has_turn
    }

    /// Sends no request to this resource for `pause`.
    pub(super) fn hold(&self, resource: &ResourceName, pause: Duration) {
        self.with_resource(resource, |found| found.pacer.hold(self.clock, pause));
    }

    /// Whether the run still asks this resource: an outage of one must not delay the work of the
    /// others.
    fn asks(&self, resource: &ResourceName) -> bool {
        self.with_resource(resource, |found| found.left_out.is_none())
    }

    /// Counts how this resource has answered. If it fails again and again, the rest of the run
    /// leaves it out.
    fn answered(&self, name: &ResourceName, failure: Option<&Error>) {
        let because = self.with_resource(name, |found| {
            let is_outage = matches!(failure, Some(Error::AcsUnavailable { .. }));
            found.outage = if is_outage { found.outage + 1 } else { 0 };
            found.failures_in_a_row = failure.map_or(0, |_| found.failures_in_a_row + 1);
            let because = if found.outage >= OUTAGE {
                Limit::AcsUnavailable
            } else if found.failures_in_a_row >= ALWAYS {
                Limit::AlwaysFails
            } else {
                return None;
            };
            found.left_out.is_none().then(|| *found.left_out.insert(because))
        });
        if let Some(because) = because {
            let resource = name.as_str();
            warn!(
                acs.resource = resource,
                ?because,
                "the rest of this run leaves out the ACS resource"
            );
        }
    }

    fn with_resource<T>(&self, name: &ResourceName, with: impl FnOnce(&mut Resource) -> T) -> T {
        let mut resources = self.resources();
        with(resources.entry(name.clone()).or_insert_with(|| Resource {
            pacer: Arc::new(Pacer::per_second(self.per_second)),
            outage: 0,
            failures_in_a_row: 0,
            left_out: None,
        }))
    }

    fn resources(&self) -> MutexGuard<'_, BTreeMap<ResourceName, Resource>> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the run can ask the resource of a record. If it is not configured, the work of the
    /// record counts as failed, and the record stays as it is until the resource is configured again.
    pub(super) fn is_reachable(&self, resource: &ResourceName) -> bool {
        let is_known = resources::client_of(self.acs, resource).is_ok();
        self.tally().failed += u64::from(!is_known);
        is_known && self.asks(resource)
    }

    /// Performs the pending work of `record` at ACS; the caller has already waited for the rate
    /// limit. Returns whether the work is done. A failure is counted here and on the record; only
    /// a failure of the store is an error.
    pub(super) async fn finish(&self, record: &Record) -> Result<bool, Error> {
        loop {
            let (store, acs, clock) = (self.store, self.acs, self.clock);
            match finish_pending::perform_pending(store, acs, clock, record, &self.invocation).await
            {
                Ok(_) => {
                    self.answered(&record.resource, None);
                    return Ok(true);
                }
                Err(Error::Throttled { retry_after, .. }) => {
                    // ACS did nothing, and this does not count as a failure.
                    self.hold(&record.resource, retry_after);
                    // Meanwhile, another request may take over a revocation and issue a token
                    // after it, and our retry would revoke that token. A deletion is safe to
                    // repeat.
                    if !matches!(record.state, State::Deleting { .. }) {
                        return Ok(false);
                    }
                    if !self.turn(&record.resource).await {
                        return Ok(false);
                    }
                }
                Err(cause @ (Error::StoreUnavailable(_) | Error::StoreRefused(_))) => {
                    return Err(cause);
                }
                Err(cause) => {
                    self.failed(record, &cause).await?;
                    return Ok(false);
                }
            }
        }
    }

    async fn failed(&self, record: &Record, cause: &Error) -> Result<(), Error> {
        let next = record.attempt_failed(self.clock.now());
        let acs_id = next.acs_id().map(ToString::to_string);
        let is_stuck = matches!(next.state, State::Stuck { .. });
        self.answered(&record.resource, Some(cause));
        {
            let mut tally = self.tally();
            tally.failed += 1;
            tally.stuck += u64::from(is_stuck);
        }
        let source = std::error::Error::source(cause).map(ToString::to_string);
        if is_stuck {
            error!(acs.id = acs_id, %cause, source, "identity stuck after repeated failures: manual action required");
        } else {
            warn!(acs.id = acs_id, next.attempts, %cause, source, "revocation or deletion failed; a later run retries");
        }
        match self.store.advance(Some(record), &next).await? {
            Change::Made(_) | Change::Refused(_) => Ok(()),
        }
    }

    /// Copies the results into the record of the run.
    pub(super) fn report(self, run: &mut CleanupRun) {
        let left_out = self.left_out().pop();
        let tally = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        run.considered = tally.considered;
        run.deleted = tally.deleted;
        run.spared = tally.spared;
        run.failed = tally.failed;
        run.stuck = tally.stuck;
        run.finished = tally.finished;
        run.guests = tally.guests;
        run.ages = tally.ages;
        run.reasons = tally.reasons;
        run.sample = tally.sample;
        let room = SAMPLE.saturating_sub(run.sample.len());
        run.sample.extend(tally.others.into_iter().take(room));
        run.stopped =
            tally.limit.or(left_out).map(|because| Stopped { because, shard: tally.shard });
    }
}

/// The number of identities processed at a time: enough that the response time of ACS does not
/// reduce the rate.
pub(super) const AT_A_TIME: usize = 4;

/// The number of consecutive outages after which a run leaves a resource out. Each failure is counted
/// on a record, and an outage is not caused by the record.
const OUTAGE: u32 = 3;

/// The number of consecutive failures for any reason after which a run leaves a resource out. ACS may
/// refuse a few identities; if it refuses all of them, the key or the resource is wrong.
const ALWAYS: u32 = 10;

/// A run starts no work when less time than this is left: two seconds of reserve, plus the time
/// for work already started.
const STOPS_BEFORE: Duration = Duration::from_secs(4);

/// ACS must answer this long before the deadline.
const LAST_WRITES: Duration = Duration::from_millis(2_500);

/// The number of identities that are listed in the record of a run.
pub(super) const SAMPLE: usize = 96;
