//! One identity per user, whatever the timing: the protocol behind every call
//! that may be a user's first.
//!
//! ```text
//! 1  store  reserve     if there is no record, or a reservation whose lease ended
//! 2  ACS    create      with the first token, in one request; never sent twice
//! 3  store  activate    if the reservation is still ours
//! 4  refused, but the record carries our identity  → it was us: done
//!    refused, by somebody else's                   → ACS delete ours, look again
//!    outcome unknown                               → release; if that succeeds the
//!                                                    activation never happened and
//!                                                    never will: ACS delete ours
//! ```
//!
//! The answer is the commit point: a token leaves only after step 3, and for an
//! identity that exists only after its use was recorded in the epoch it was asked
//! for. If both the activation and the release end unknown, nothing is touched:
//! the identity may be live.

use std::time::{Duration, SystemTime};

use tracing::{debug, error, warn};

use crate::{
    Error,
    identity::{AccessToken, AcsId, ExternalId, Invocation, TokenRequest},
    ports::{Change, Clock, IdentityClient, IdentityStore},
    record::{Active, Lease, LeaseId, Record, State},
    settle::{self, Settled},
};

/// What a call that may be the first one got.
#[derive(Clone, Debug)]
pub struct Obtained {
    /// The record, as it stood when the answer was decided.
    pub record: Record,
    /// The name of the identity in ACS.
    pub acs_id: AcsId,
    /// The token, if one was asked for.
    pub token: Option<AccessToken>,
    /// Whether this call created the identity.
    pub created: bool,
}

/// Uses the user's identity, creating it if there is none.
pub(crate) async fn obtain(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    user: &ExternalId,
    token: Option<&TokenRequest>,
    invocation: &Invocation,
) -> Result<Obtained, Error> {
    let mut waiting = Waiting::new(clock.now(), invocation);
    for attempt in 0..MAX_LOOKS {
        let seen = store.find(user).await?;
        match next_step(seen.as_ref(), clock.now())? {
            Step::Use(record, acs_id) => {
                let Some(wanted) = token else {
                    return Ok(Obtained { record, acs_id, token: None, created: false });
                };
                return issue(store, acs, clock, &record, acs_id, wanted, invocation).await;
            }
            Step::Create => {
                let lease = lease(invocation, attempt);
                let place = Place { user, seen: seen.as_ref(), lease };
                let created = create(store, acs, clock, place, token, invocation).await?;
                if let Some(obtained) = created {
                    return Ok(obtained);
                }
            }
            Step::Settle(record) => {
                match settle::settle(store, acs, clock, &record, invocation).await? {
                    Settled::Done => {}
                    Settled::Busy(retry_after) => waiting.wait(clock, retry_after).await?,
                }
            }
            Step::Wait(retry_after) => waiting.wait(clock, retry_after).await?,
        }
    }
    Err(Error::busy())
}

/// What the record asks of somebody who wants a token.
enum Step {
    Use(Record, AcsId),
    Create,
    /// Somebody began a revocation or a deletion.
    Settle(Record),
    /// Somebody is creating the identity, and has this much time left for it.
    Wait(Duration),
}

fn next_step(seen: Option<&Record>, now: SystemTime) -> Result<Step, Error> {
    let Some(record) = seen else { return Ok(Step::Create) };
    Ok(match &record.state {
        State::Blocked { .. } => return Err(Error::Blocked),
        State::Active { .. } if record.pending_revocation.is_some() => Step::Settle(record.clone()),
        State::Active { acs_id } => Step::Use(record.clone(), acs_id.clone()),
        State::Deleting { .. } => Step::Settle(record.clone()),
        State::Deleted => Step::Create,
        State::Provisioning { lease } => match lease.ends.duration_since(now) {
            Ok(left) if !left.is_zero() => Step::Wait(left),
            _ => Step::Create,
        },
    })
}

/// A user's place in the store, and our claim to it.
struct Place<'a> {
    user: &'a ExternalId,
    seen: Option<&'a Record>,
    lease: Lease,
}

/// Creates the identity. `None` if somebody else was faster, or changed the record
/// meanwhile: look again.
async fn create(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    place: Place<'_>,
    token: Option<&TokenRequest>,
    invocation: &Invocation,
) -> Result<Option<Obtained>, Error> {
    let wanted = Record::reserved(place.user, place.seen, place.lease, clock.now());
    let Change::Made(reserved) = store.advance(place.seen, &wanted).await? else {
        return Ok(None);
    };
    if place.seen.is_some_and(|seen| matches!(seen.state, State::Provisioning { .. })) {
        // Whoever held the lease died; ACS cannot be asked what they created.
        warn!(metric.identities_abandoned = 1, "took over a reservation whose lease had ended");
    }
    let (acs_id, token) = match create_in_acs(acs, token, invocation.deadline).await {
        Ok(created) => created,
        Err(cause) => {
            if matches!(cause, Error::AcsUnavailable { maybe_applied: true, .. }) {
                warn!(metric.identities_abandoned = 1, "ACS may have created an identity unheard");
            }
            if store.advance(Some(&reserved), &reserved.released(clock.now())).await.is_err() {
                debug!("the reservation could not be given back; it ends with its lease");
            }
            return Err(cause);
        }
    };
    let active = reserved.activated(acs_id.clone(), clock.now());
    let refused_by = match store.advance(Some(&reserved), &active).await {
        Ok(Change::Made(record)) => {
            return Ok(Some(Obtained { record, acs_id, token, created: true }));
        }
        Ok(Change::Refused(found)) => found,
        Err(cause) => match store.advance(Some(&reserved), &reserved.released(clock.now())).await {
            Ok(Change::Made(_)) => {
                take_back(acs, &acs_id, invocation).await;
                return Err(cause);
            }
            Ok(Change::Refused(found)) => found,
            Err(_) => {
                error!(
                    acs.id = %acs_id,
                    metric.identities_abandoned = 1,
                    "cannot tell whether the identity was stored; leaving it as it is"
                );
                return Err(cause);
            }
        },
    };
    match refused_by {
        // The activation had been applied, and nobody has changed the record since.
        Some(record) if record == active => {
            Ok(Some(Obtained { record, acs_id, token, created: true }))
        }
        // It had been applied, and somebody has revoked, blocked or deleted it
        // since: the identity is in their hands, and our token is not answered.
        Some(record) if record.acs_id() == Some(&acs_id) => Ok(None),
        _ => {
            take_back(acs, &acs_id, invocation).await;
            Ok(None)
        }
    }
}

async fn create_in_acs(
    acs: &impl IdentityClient,
    token: Option<&TokenRequest>,
    deadline: SystemTime,
) -> Result<(AcsId, Option<AccessToken>), Error> {
    match token {
        Some(token) => {
            let (acs_id, token) = acs.create_identity_with_token(token, deadline).await?;
            Ok((acs_id, Some(token)))
        }
        None => Ok((acs.create_identity(deadline).await?, None)),
    }
}

/// Deletes an identity that no record names, and none will.
async fn take_back(acs: &impl IdentityClient, acs_id: &AcsId, invocation: &Invocation) {
    if let Err(cause) = acs.delete_identity(acs_id, invocation.deadline).await {
        error!(
            acs.id = %acs_id,
            metric.identities_abandoned = 1,
            %cause,
            "an identity that nobody owns could not be deleted"
        );
    }
}

/// Issues a token for the identity of `seen`. The last write decides whether it is
/// answered: it is refused if a revocation, a block or a deletion began after
/// `seen` was read.
pub(crate) async fn issue(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    seen: &Record,
    acs_id: AcsId,
    wanted: &TokenRequest,
    invocation: &Invocation,
) -> Result<Obtained, Error> {
    let token = acs.issue_access_token(&acs_id, wanted, invocation.deadline).await?;
    let active = Active { acs_id, epoch: seen.epoch };
    match store.record_use(&seen.external_id, &active, clock.now()).await? {
        Change::Made(record) => {
            Ok(Obtained { record, acs_id: active.acs_id, token: Some(token), created: false })
        }
        Change::Refused(Some(Record { state: State::Blocked { .. }, .. })) => {
            // ACS may have issued our token after it revoked the others. It is in
            // nobody's hands; but a blocked user has no live token, not even that.
            let acs_id = &active.acs_id;
            if let Err(cause) = acs.revoke_access_tokens(acs_id, invocation.deadline).await {
                warn!(acs.id = %acs_id, %cause, "a dropped token of a blocked user may live");
            }
            Err(Error::Blocked)
        }
        Change::Refused(_) => Err(Error::busy()),
    }
}

fn lease(invocation: &Invocation, attempt: usize) -> Lease {
    Lease {
        id: LeaseId(format!("{}#{attempt}", invocation.id)),
        ends: invocation.deadline + Invocation::LEASE_MARGIN,
    }
}

/// Waiting for somebody else, with growing pauses, as long as there is patience.
struct Waiting {
    until: SystemTime,
    pause: Duration,
}

impl Waiting {
    fn new(now: SystemTime, invocation: &Invocation) -> Self {
        // A token call that waited still needs time to ask ACS.
        let latest = invocation.deadline.checked_sub(Duration::from_secs(2)).unwrap_or(now);
        Self { until: latest.min(now + invocation.patience), pause: Duration::from_millis(25) }
    }

    /// Waits once; [`Error::Busy`] when there is no patience left.
    async fn wait(&mut self, clock: &impl Clock, retry_after: Duration) -> Result<(), Error> {
        if clock.now() + self.pause > self.until {
            return Err(Error::Busy { retry_after });
        }
        clock.sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_millis(400));
        Ok(())
    }
}

/// How often one request looks at the record. Waiting ends by patience long before;
/// this ends a chain of others being faster.
const MAX_LOOKS: usize = 16;

#[cfg(test)]
mod tests;
