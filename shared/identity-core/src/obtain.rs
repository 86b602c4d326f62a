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
//! the identity may be live. It is noted, and the scheduled job settles it.

use std::time::{Duration, SystemTime};

use tracing::{debug, error, info, warn};

use crate::{
    Error,
    admission::{Admission, Requester, admit},
    audit::{Action, Actor, AuditEntry},
    foreign,
    identity::{AccessToken, AcsId, ExternalId, Invocation, TokenRequest},
    ports::{Change, Clock, IdentityClient, IdentityStore, Orphan, Step, Usage},
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

/// Whose identity is wanted.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// This user's, which is created if there is none.
    Users(ExternalId),
    /// This one, which must exist, and go by this name in ACS if one is given.
    Existing(ExternalId, Option<AcsId>),
}

/// What is asked for, and by whom.
pub(crate) struct Asked<'a> {
    pub(crate) wanted: Wanted,
    /// The token, if one is asked for.
    pub(crate) token: Option<&'a TokenRequest>,
    pub(crate) requester: Requester,
    pub(crate) invocation: &'a Invocation,
}

impl Asked<'_> {
    /// What the audit log keeps of it: an administrator's action.
    fn audit(&self, next: &Record, action: Action, at: SystemTime) -> Option<AuditEntry> {
        let Requester::Administrator { id } = &self.requester else { return None };
        let by = Actor::Administrator(id.clone());
        Some(AuditEntry::of(next, &self.invocation.id, by, action, at))
    }
}

/// Uses an identity, and issues a token for it if one is asked for.
pub(crate) async fn obtain(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    asked: &Asked<'_>,
) -> Result<Obtained, Error> {
    let Asked { wanted, token, requester, invocation } = asked;
    let (Wanted::Users(user) | Wanted::Existing(user, _)) = wanted;
    let mut waiting = Waiting::new(clock.now(), invocation);
    for attempt in 0..MAX_LOOKS {
        let seen = store.find(user).await?;
        match next_step(wanted, seen.as_ref(), clock.now())? {
            NextStep::Use(record, acs_id) => {
                let Some(token) = token else {
                    return Ok(Obtained { record, acs_id, token: None, created: false });
                };
                let admission = admit(Some(&record), requester, clock.now())?;
                return issue(store, acs, clock, asked, admission, &record, acs_id, token).await;
            }
            NextStep::Create => {
                let first_token = match token {
                    Some(token) => Some((admit(seen.as_ref(), requester, clock.now())?, *token)),
                    None => None,
                };
                let lease = lease(invocation, attempt);
                let place = Place { user, seen: seen.as_ref(), lease };
                let created = create(store, acs, clock, asked, place, first_token).await?;
                if let Some(obtained) = created {
                    return Ok(obtained);
                }
            }
            NextStep::Settle(record) => {
                match settle::settle(store, acs, clock, &record, invocation).await? {
                    Settled::Done => {}
                    Settled::Busy(retry_after) => waiting.wait(clock, retry_after).await?,
                }
            }
            NextStep::Refuse(record) => {
                // The answer is the same whatever comes of it.
                if let Err(cause) = settle::settle(store, acs, clock, &record, invocation).await {
                    warn!(%cause, "the tokens of a blocked user are not yet revoked");
                }
                return Err(Error::Blocked);
            }
            NextStep::Wait(retry_after) => waiting.wait(clock, retry_after).await?,
        }
    }
    Err(Error::busy())
}

/// What the record asks of a caller who wants a token.
enum NextStep {
    Use(Record, AcsId),
    Create,
    /// Another request began a revocation or a deletion.
    Settle(Record),
    /// Another request began to block the user.
    Refuse(Record),
    /// Another request is creating the identity, and has this much time left for it.
    Wait(Duration),
}

fn next_step(wanted: &Wanted, seen: Option<&Record>, now: SystemTime) -> Result<NextStep, Error> {
    let absent = || match wanted {
        Wanted::Users(_) => Ok(NextStep::Create),
        Wanted::Existing(..) => Err(Error::NotFound),
    };
    let Some(record) = seen else { return absent() };
    if let Wanted::Existing(_, Some(acs_id)) = wanted
        && record.acs_id() != Some(acs_id)
    {
        return Err(Error::NotFound);
    }
    let is_pending = record.pending_revocation.is_some();
    match &record.state {
        State::Blocked { .. } if is_pending => Ok(NextStep::Refuse(record.clone())),
        State::Blocked { .. } | State::Stuck { blocked: true, .. } => Err(Error::Blocked),
        State::Active { .. } if is_pending => Ok(NextStep::Settle(record.clone())),
        State::Active { acs_id } => Ok(NextStep::Use(record.clone(), acs_id.clone())),
        State::Deleting { .. } if matches!(wanted, Wanted::Existing(..)) => Err(Error::NotFound),
        State::Deleting { .. } => Ok(NextStep::Settle(record.clone())),
        State::Stuck { .. } => Err(Error::Stuck),
        State::Deleted => absent(),
        State::Provisioning { lease } => match lease.ends.duration_since(now) {
            Ok(left) if !left.is_zero() => Ok(NextStep::Wait(left)),
            _ => absent(),
        },
    }
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
    asked: &Asked<'_>,
    place: Place<'_>,
    first_token: Option<(Admission, &TokenRequest)>,
) -> Result<Option<Obtained>, Error> {
    let invocation = asked.invocation;
    let paced = first_token.as_ref().and_then(|(admission, _)| admission.pace_until());
    let wanted = Record::reserved(place.user, place.seen, place.lease, clock.now());
    let reserved = match store.advance(place.seen, &wanted).await {
        Ok(Change::Made(reserved)) => reserved,
        Ok(Change::Refused(_)) => return Ok(None),
        Err(cause) => {
            // It may have been made. ACS was not asked, so nobody need wait for the lease.
            give_back(store, clock, &wanted).await;
            return Err(cause);
        }
    };
    if place.seen.is_some_and(|seen| matches!(seen.state, State::Provisioning { .. })) {
        // Whoever held the lease died; ACS cannot be asked what they created.
        warn!(metric.identities_abandoned = 1, "took over a reservation whose lease had ended");
    }
    let (acs_id, token) = match create_in_acs(acs, first_token, invocation.acs_until).await {
        Ok(created) => created,
        Err(cause) => {
            if matches!(cause, Error::AcsUnavailable { maybe_applied: true, .. }) {
                warn!(metric.identities_abandoned = 1, "ACS may have created an identity unheard");
            }
            give_back(store, clock, &reserved).await;
            return Err(cause);
        }
    };
    let pace_until = paced.or(reserved.pace_until);
    let active = reserved.activated(acs_id.clone(), pace_until, clock.now());
    let audit = asked.audit(&active, Action::CreateIdentity, clock.now());
    let orphan =
        || Orphan { acs_id: acs_id.clone(), user: place.user.clone(), noted_at: clock.now() };
    let activation = Step::new(Some(&reserved), &active).audited(audit.as_ref());
    let refused_by = match store.commit(activation).await {
        Ok(Change::Made(record)) => {
            info!(acs.id = %acs_id, metric.identities_created = 1, "created the identity of a new user");
            return Ok(Some(Obtained { record, acs_id, token, created: true }));
        }
        Ok(Change::Refused(found)) => found,
        Err(cause) => match store.advance(Some(&reserved), &reserved.released(clock.now())).await {
            Ok(Change::Made(_)) => {
                take_back(store, acs, orphan(), invocation).await;
                return Err(cause);
            }
            Ok(Change::Refused(found)) => found,
            Err(_) => {
                error!(
                    acs.id = %acs_id,
                    "cannot tell whether the identity was stored; leaving it as it is"
                );
                note(store, orphan()).await;
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
        found => {
            take_back(store, acs, orphan(), invocation).await;
            match found {
                // Somebody signed out, or deleted the account, while it was created: whether
                // they want another identity is theirs to say.
                Some(Record { state: State::Deleted, .. }) => Err(Error::busy()),
                _ => Ok(None),
            }
        }
    }
}

/// Gives a reservation back that came to nothing.
async fn give_back(store: &impl IdentityStore, clock: &impl Clock, reserved: &Record) {
    if store.advance(Some(reserved), &reserved.released(clock.now())).await.is_err() {
        debug!("the reservation could not be given back; it ends with its lease");
    }
}

async fn create_in_acs(
    acs: &impl IdentityClient,
    first_token: Option<(Admission, &TokenRequest)>,
    deadline: SystemTime,
) -> Result<(AcsId, Option<AccessToken>), Error> {
    match first_token {
        Some((admission, token)) => {
            let created = acs.create_identity_with_token(admission, token, deadline).await;
            let (acs_id, token) = created?;
            Ok((acs_id, Some(token)))
        }
        None => Ok((acs.create_identity(deadline).await?, None)),
    }
}

/// Deletes an identity that no record names, and none will.
async fn take_back(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    orphan: Orphan,
    invocation: &Invocation,
) {
    if let Err(cause) = acs.delete_identity(&orphan.acs_id, invocation.acs_until).await {
        warn!(acs.id = %orphan.acs_id, %cause, "an identity that nobody owns is still there");
        note(store, orphan).await;
    }
}

/// Leaves an identity of which nobody knows whether it is owned to the scheduled job.
async fn note(store: &impl IdentityStore, orphan: Orphan) {
    if let Err(cause) = store.note_orphan(&orphan).await {
        error!(
            acs.id = %orphan.acs_id,
            metric.identities_abandoned = 1,
            %cause,
            "an identity that nobody may own could not be noted"
        );
    }
}

/// Issues a token for the identity of `seen`. The last write decides whether it is
/// answered: it is refused if a revocation, a block or a deletion began after
/// `seen` was read.
#[expect(clippy::too_many_arguments, reason = "three ports, the request, and what was read for it")]
async fn issue(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    asked: &Asked<'_>,
    admission: Admission,
    seen: &Record,
    acs_id: AcsId,
    wanted: &TokenRequest,
) -> Result<Obtained, Error> {
    let acs_until = asked.invocation.acs_until;
    let pace_until = admission.pace_until();
    let issued = acs.issue_access_token(admission, &acs_id, wanted, acs_until).await;
    let token = issued.inspect_err(|cause| foreign::report(&acs_id, cause))?;
    let active = Active { acs_id, epoch: seen.epoch };
    let at = clock.now();
    let audit = asked.audit(seen, Action::IssueToken, at);
    let usage = Usage { at, pace_until, audit: audit.as_ref() };
    match store.record_use(&seen.external_id, &active, &usage).await? {
        Change::Made(record) => {
            Ok(Obtained { record, acs_id: active.acs_id, token: Some(token), created: false })
        }
        Change::Refused(Some(Record { state: State::Blocked { .. }, .. })) => {
            // ACS may have issued our token after it revoked the others. No caller has it;
            // but a blocked user has no live token, not even that.
            let acs_id = &active.acs_id;
            if let Err(cause) = acs.revoke_access_tokens(acs_id, acs_until).await {
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
