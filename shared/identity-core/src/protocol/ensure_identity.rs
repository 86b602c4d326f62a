//! The protocol that creates one identity per user, whatever the timing. Every call that may be a
//! user's first uses it.
//!
//! ```text
//! 1  store  reserve     if the user has no record, or a reservation whose lease ended
//! 2  ACS    create      with the first token, in one request; never sent twice
//! 3  store  activate    if the reservation is still ours
//! 4  refused, but the record has our identity      → our own write: done
//!    refused, with another identity or state       → ACS delete ours, read again
//!    outcome unknown                               → release; if that succeeds, the
//!                                                    activation never happened and
//!                                                    never will: ACS delete ours
//! ```
//!
//! The answer is the commit point: a token is returned only after step 3, and for an existing
//! identity only after its use was recorded in the epoch that the request read. If the outcomes
//! of both the activation and the release are unknown, the identity is not touched, because it
//! may be in use. It is recorded as an orphan, and the scheduled job processes it.

mod create;
mod replace;
mod request;

use std::time::{Duration, SystemTime};

use create::{Reservation, create};
use replace::{delete_replaced, is_replaceable};
use tracing::warn;

use crate::model::{
    AcsId, Active, Admission, AuditAction, Error, Invocation, Lease, LeaseId, Record, Requester,
    State, TokenRequest, admit,
};
use crate::ports::{Change, Clock, IdentityClient, IdentityClients, IdentityStore, Usage};
use crate::protocol::finish_pending::{self, PendingWork};
use crate::protocol::resources;
use crate::protocol::waiting::Waiting;

pub use request::EnsuredIdentity;
pub(crate) use request::{IdentityRequest, IdentitySelector};

/// Uses an identity, and issues a token for it if the caller requests one.
pub(crate) async fn ensure_identity(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: &IdentityRequest<'_>,
) -> Result<EnsuredIdentity, Error> {
    let IdentityRequest { selector, requester, invocation, .. } = request;
    let (IdentitySelector::Users(user) | IdentitySelector::Existing(user, _)) = selector;
    if selector.is_own() && user.is_guest() != matches!(requester, Requester::Guest { .. }) {
        return Err(Error::ReservedExternalId);
    }
    let mut waiting = Waiting::new(clock.now(), invocation);
    for attempt in 0..MAX_LOOKS {
        let seen = store.find(user).await?;
        let ensured = match next_step(selector, seen.as_ref(), clock.now())? {
            NextStep::Use(record, acs_id) => {
                use_identity(store, acs, clock, request, record, acs_id).await?
            }
            NextStep::Create => {
                let first_token = first_token(request, seen.as_ref(), clock.now())?;
                let lease = lease(invocation, attempt);
                let reservation = Reservation { user, seen: seen.as_ref(), lease };
                create(store, acs, clock, request, reservation, first_token).await?
            }
            NextStep::Settle(record) => {
                let work = finish_pending::finish_pending(store, acs, clock, &record, invocation);
                if let PendingWork::Busy(retry_after) = work.await? {
                    waiting.wait(clock, retry_after).await?;
                }
                None
            }
            NextStep::Refuse(record) => {
                return Err(refusal(store, acs, clock, &record, invocation).await);
            }
            NextStep::Wait(retry_after) => {
                waiting.wait(clock, retry_after).await?;
                None
            }
        };
        if let Some(ensured) = ensured {
            return Ok(ensured);
        }
    }
    Err(Error::busy())
}

/// Uses the identity of `record`. `None` if the identity was deleted instead, to be replaced: the
/// caller must read the record again.
async fn use_identity(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: &IdentityRequest<'_>,
    record: Record,
    acs_id: AcsId,
) -> Result<Option<EnsuredIdentity>, Error> {
    let Some(token) = request.token else {
        return Ok(Some(EnsuredIdentity { record, acs_id, token: None, created: false }));
    };
    let admission = admit(Some(&record), &request.requester, clock.now())?;
    if request.selector.is_own() && is_replaceable(acs, &record, clock.now()) {
        delete_replaced(store, acs, clock, &record, request.invocation).await?;
        return Ok(None);
    }
    issue(store, acs, clock, request, admission, &record, acs_id, token).await.map(Some)
}

/// The token of a new identity, if the caller requests one, and the admission to it.
fn first_token<'a>(
    request: &IdentityRequest<'a>,
    seen: Option<&Record>,
    now: SystemTime,
) -> Result<Option<(Admission, &'a TokenRequest)>, Error> {
    let Some(token) = request.token else { return Ok(None) };
    Ok(Some((admit(seen, &request.requester, now)?, token)))
}

/// Refuses a blocked user whose revocation is pending, and tries to finish the revocation.
async fn refusal(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Error {
    // The result of this attempt does not change the answer.
    if let Err(cause) = finish_pending::finish_pending(store, acs, clock, record, invocation).await
    {
        warn!(%cause, "revocation pending: the tokens of a blocked user are not yet revoked");
    }
    Error::Blocked
}

/// The step that the record requires from a request for a token.
enum NextStep {
    Use(Record, AcsId),
    Create,
    /// Another request started a revocation or a deletion.
    Settle(Record),
    /// Another request started to block the user.
    Refuse(Record),
    /// Another request is creating the identity, and has this much time left.
    Wait(Duration),
}

fn next_step(
    selector: &IdentitySelector,
    seen: Option<&Record>,
    now: SystemTime,
) -> Result<NextStep, Error> {
    let absent = || match selector {
        IdentitySelector::Users(_) => Ok(NextStep::Create),
        IdentitySelector::Existing(..) => Err(Error::NotFound),
    };
    let Some(record) = seen else { return absent() };
    if let IdentitySelector::Existing(_, Some(acs_id)) = selector
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
        State::Deleting { .. } if matches!(selector, IdentitySelector::Existing(..)) => {
            Err(Error::NotFound)
        }
        State::Deleting { .. } => Ok(NextStep::Settle(record.clone())),
        State::Stuck { .. } => Err(Error::Stuck),
        State::Deleted => absent(),
        State::Provisioning { lease } => match lease.ends.duration_since(now) {
            Ok(left) if !left.is_zero() => Ok(NextStep::Wait(left)),
            _ => absent(),
        },
    }
}

/// Issues a token for the identity of `seen`. The last write decides whether the token is
/// returned: the write is refused if a revocation, a block or a deletion started after `seen` was
/// read.
#[expect(clippy::too_many_arguments, reason = "three ports, the request, and what was read for it")]
async fn issue(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: &IdentityRequest<'_>,
    admission: Admission,
    seen: &Record,
    acs_id: AcsId,
    token: &TokenRequest,
) -> Result<EnsuredIdentity, Error> {
    let acs = resources::client_of(acs, &seen.resource)?;
    let acs_until = request.invocation.acs_until;
    let pace_until = admission.pace_until();
    let issued = acs.issue_access_token(admission, &acs_id, token, acs_until).await;
    let token =
        issued.inspect_err(|cause| resources::report_foreign(&acs_id, &seen.resource, cause))?;
    let active = Active { acs_id, epoch: seen.epoch };
    let at = clock.now();
    let audit = request.audit(seen, AuditAction::IssueToken, at);
    let usage = Usage { at, pace_until, audit: audit.as_ref() };
    match store.record_use(&seen.external_id, &active, &usage).await? {
        Change::Made(record) => Ok(EnsuredIdentity {
            record,
            acs_id: active.acs_id,
            token: Some(token),
            created: false,
        }),
        Change::Refused(Some(Record { state: State::Blocked { .. }, .. })) => {
            // ACS may have issued our token after it revoked the others. No caller has the token,
            // but a blocked user must not have any live token.
            let acs_id = &active.acs_id;
            if let Err(cause) = acs.revoke_access_tokens(acs_id, acs_until).await {
                warn!(acs.id = %acs_id, %cause, "failed to revoke the discarded token of a blocked user");
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

/// How often one request reads the record. The patience limit usually ends the waiting earlier;
/// this limit applies when other requests change the record again and again.
const MAX_LOOKS: usize = 16;

#[cfg(test)]
mod tests;
