//! A run while it runs: what it works with, what it has done, and when it must stop.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use futures_util::{TryStreamExt, stream};
use tracing::{error, warn};

use super::{Ages, Finished, Limit, Mode, Reasons, Request, Run, Sample, Spared, Stopped, stale};
use crate::{
    Error,
    identity::Invocation,
    pacer::Pacer,
    ports::{Change, Clock, IdentityClient, IdentityStore},
    record::{Record, State},
    settle,
};

/// A run while it runs.
pub(super) struct Job<'a, S, A, C> {
    pub(super) store: &'a S,
    pub(super) acs: &'a A,
    pub(super) clock: &'a C,
    pub(super) time: SystemTime,
    pub(super) cutoff: SystemTime,
    pub(super) mode: Mode,
    pub(super) began: SystemTime,
    pub(super) invocation: Invocation,
    most: u64,
    pacer: Pacer,
    tally: Mutex<Tally>,
}

/// What a run has done so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) considered: u64,
    pub(super) deleted: u64,
    pub(super) spared: Spared,
    pub(super) failed: u64,
    pub(super) stuck: u64,
    pub(super) finished: Finished,
    pub(super) ages: Ages,
    pub(super) reasons: Reasons,
    /// The longest unused of each shard.
    pub(super) sample: Vec<Sample>,
    /// Some more, for a run that deletes few.
    pub(super) others: Vec<Sample>,
    /// How many of each shard.
    pub(super) sampled: BTreeMap<u8, usize>,
    /// How many deletions have begun.
    begun: u64,
    /// How often in a row ACS was unavailable.
    outage: u32,
    /// How often in a row it failed, whatever the reason.
    failures_in_a_row: u32,
    limit: Option<Limit>,
    shard: u8,
}

impl<'a, S: IdentityStore, A: IdentityClient, C: Clock> Job<'a, S, A, C> {
    pub(super) fn new(
        store: &'a S,
        acs: &'a A,
        clock: &'a C,
        request: &Request,
        cutoff: SystemTime,
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
            began: clock.now(),
            invocation: Invocation { acs_until, ..request.invocation.clone() },
            most: request.limits.most,
            pacer: Pacer::per_second(request.limits.per_second),
            tally: Mutex::default(),
        }
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is no more to begin; notes why, and where, the first time.
    pub(super) fn must_stop(&self, shard: u8) -> bool {
        let deadline = self.invocation.deadline;
        let left = deadline.duration_since(self.clock.now()).unwrap_or_default();
        let mut tally = self.tally();
        if tally.limit.is_some() {
            return true;
        }
        tally.shard = shard;
        tally.limit = if left < STOPS_BEFORE {
            Some(Limit::Deadline)
        } else if tally.outage >= OUTAGE {
            Some(Limit::AcsUnavailable)
        } else if tally.failures_in_a_row >= ALWAYS {
            Some(Limit::AlwaysFails)
        } else if tally.begun >= self.most {
            Some(Limit::Maximum)
        } else {
            None
        };
        tally.limit.is_some()
    }

    /// Whether one more deletion is within the most of a run; if so, it has begun.
    pub(super) fn may_begin(&self) -> bool {
        let mut tally = self.tally();
        let may = tally.begun < self.most;
        tally.begun += u64::from(may);
        may
    }

    /// Works on some records, a few at a time, as fast as ACS may be asked.
    pub(super) async fn each<T, F>(&self, all: Vec<T>, work: impl Fn(T) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        stream::iter(all.into_iter().map(Ok)).try_for_each_concurrent(AT_A_TIME, work).await
    }

    /// Waits until ACS may be asked.
    pub(super) async fn turn(&self) {
        self.pacer.turn(self.clock).await;
    }

    /// Asks ACS nothing for a while.
    pub(super) fn hold(&self, pause: Duration) {
        self.pacer.hold(self.clock, pause);
    }

    /// Does at ACS what `record` says is to be done, now that it is our turn. Whether it
    /// is done; if not, that is counted, on the record, too. Only a store that fails is
    /// an error.
    pub(super) async fn finish(&self, record: &Record) -> Result<bool, Error> {
        loop {
            let (store, acs, clock) = (self.store, self.acs, self.clock);
            match settle::finish(store, acs, clock, record, &self.invocation).await {
                Ok(_) => {
                    let mut tally = self.tally();
                    (tally.outage, tally.failures_in_a_row) = (0, 0);
                    return Ok(true);
                }
                Err(Error::Throttled { retry_after, .. }) => {
                    // Nothing happened, and it is nobody's failure.
                    self.hold(retry_after);
                    let until = self.clock.now() + retry_after + STOPS_BEFORE;
                    if until > self.invocation.deadline {
                        self.tally().limit.get_or_insert(Limit::Deadline);
                        return Ok(false);
                    }
                    // Others may take a revocation up meanwhile, and issue a token after
                    // it, which ours would kill. A deletion can be asked for twice.
                    if !matches!(record.state, State::Deleting { .. }) {
                        return Ok(false);
                    }
                    self.turn().await;
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
        {
            let mut tally = self.tally();
            tally.failed += 1;
            tally.stuck += u64::from(is_stuck);
            let unavailable = matches!(cause, Error::AcsUnavailable { .. });
            tally.outage = if unavailable { tally.outage + 1 } else { 0 };
            tally.failures_in_a_row += 1;
        }
        let source = std::error::Error::source(cause).map(ToString::to_string);
        if is_stuck {
            error!(acs.id = acs_id, %cause, source, "it is stuck: nobody tries again until somebody looks");
        } else {
            warn!(acs.id = acs_id, next.attempts, %cause, source, "it failed, and is tried again");
        }
        match self.store.advance(Some(record), &next).await? {
            Change::Made(_) | Change::Refused(_) => Ok(()),
        }
    }

    /// Puts what was done into the record of the run.
    pub(super) fn report(self, run: &mut Run) {
        let tally = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        run.considered = tally.considered;
        run.deleted = tally.deleted;
        run.spared = tally.spared;
        run.failed = tally.failed;
        run.stuck = tally.stuck;
        run.finished = tally.finished;
        run.ages = tally.ages;
        run.reasons = tally.reasons;
        run.sample = tally.sample;
        let room = stale::SAMPLE.saturating_sub(run.sample.len());
        run.sample.extend(tally.others.into_iter().take(room));
        run.stopped = tally.limit.map(|because| Stopped { because, shard: tally.shard });
    }
}

/// How many identities are worked on at a time: enough for ACS's answer times not to
/// slow the pace.
const AT_A_TIME: usize = 4;

/// How often in a row ACS may be unavailable before a run gives up. Each failure is
/// counted on a record, and an outage is not the records' fault.
const OUTAGE: u32 = 3;

/// How often in a row it may fail for whatever reason. One identity may be refused, or a
/// few; if all are, our key is wrong, or our resource, and not the identities.
const ALWAYS: u32 = 10;

/// A run begins nothing when it has less than this left: two seconds to spare, and
/// time for what has begun.
const STOPS_BEFORE: Duration = Duration::from_secs(4);

/// ACS must have answered this long before the deadline.
const LAST_WRITES: Duration = Duration::from_millis(2_500);
