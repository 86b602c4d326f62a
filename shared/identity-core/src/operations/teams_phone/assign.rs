//! Assigns a principal to Teams Phone.
//!
//! The order of the steps is essential: first the inventory, then ACS, then the outcome. So ACS never
//! has an assignment of ours that the inventory does not know.

use std::time::SystemTime;

use tracing::info;

use super::MAX_LOOKS;
use super::audit_entry::entry_of;
use super::unassign::remove;
use crate::model::phone::{
    PhoneEntry, PhoneSettings, PhoneState, PhoneWork, TeamsExtensionAssignment,
};
use crate::model::{Actor, AuditAction, AuditEntry, Error, Event, ExternalId, Invocation, Record};
use crate::ports::{Clock, IdentityStore, PhoneInventory, TeamsPhoneClient};
use crate::protocol::administrator::Administrator;
use crate::protocol::finish_pending::ABANDONED_AFTER;
use crate::protocol::waiting::Waiting;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct AssignPhoneRequest {
    /// The assignment.
    pub assignment: TeamsExtensionAssignment,
    /// The user of this service who is the principal, if known.
    pub user: Option<ExternalId>,
    /// Who assigns.
    pub by: Assignee,
    /// The request being served.
    pub invocation: Invocation,
}

/// Who assigns a principal.
#[derive(Clone, Debug)]
pub enum Assignee {
    /// An administrator.
    Administrator(Administrator),
    /// The user, by their first exchange.
    User,
}

impl Assignee {
    /// Whether this assignee may replace `entry`. The first exchange replaces no decision.
    fn may_replace(&self, entry: &PhoneEntry, user: Option<&ExternalId>) -> bool {
        match self {
            Self::Administrator(_) => true,
            Self::User => user.is_some_and(|user| entry.is_open_to(user)),
        }
    }
}

/// Assigns the principal if the policy allows it and their user is not cut off. The same request
/// again has the same result.
///
/// After an error, ACS may have the assignment. It stays recorded, and a repeated request or the
/// scheduled job finishes the work.
pub async fn assign_phone<S: IdentityStore + PhoneInventory>(
    store: &S,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    settings: &PhoneSettings,
    request: &AssignPhoneRequest,
) -> Result<PhoneEntry, Error> {
    let AssignPhoneRequest { assignment, user, invocation, .. } = request;
    settings.check(assignment).map_err(Error::TeamsPhone)?;
    let mut waiting = Waiting::new(clock.now(), invocation);
    for _ in 0..MAX_LOOKS {
        let seen = store.find_entry(&assignment.principal()).await?;
        let work =
            seen.as_ref().map_or(PhoneWork::None, |entry| entry.work(clock.now(), ABANDONED_AFTER));
        match (work, &seen) {
            (PhoneWork::Running(left), _) => {
                waiting.wait(clock, left).await?;
                continue;
            }
            // The assignment would replace the removal, and the tokens from before would stay.
            (PhoneWork::Abandoned, Some(entry)) if entry.state == PhoneState::Removing => {
                remove(store, acs, clock, entry, invocation).await?;
                continue;
            }
            // The assignment was made or ended since the exchange looked.
            (_, Some(entry)) if !request.by.may_replace(entry, user.as_ref()) => {
                return Ok(entry.clone());
            }
            _ => {}
        }
        let now = clock.now();
        let record = admitted(store, user.as_ref()).await?;
        let next = requested(seen.as_ref(), request, now);
        if let Some(user) = &next.user {
            // Before the intent, so that an event finds the principal whatever happens next.
            store.link_principal(user, &next.principal()).await?;
        }
        let audit = audit(&next, record.as_ref(), request, now);
        if store.write_entry(seen.as_ref(), &next, audit.as_ref()).await? {
            return perform(store, acs, clock, seen.as_ref(), &next, invocation).await;
        }
    }
    Err(Error::busy())
}

/// Asks ACS, and records the outcome.
async fn perform<S: IdentityStore + PhoneInventory>(
    store: &S,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    seen: Option<&PhoneEntry>,
    next: &PhoneEntry,
    invocation: &Invocation,
) -> Result<PhoneEntry, Error> {
    let put = acs.put_assignment(&next.assignment, invocation.acs_until).await;
    let confirmed = match put {
        Ok(found) => next.confirmed(Some(found), clock.now()),
        Err(error @ (Error::Throttled { .. } | Error::AcsRefused(_))) => {
            // ACS did nothing, so what was there before is still there.
            let before = undone(seen, next, clock.now());
            store.write_entry(Some(next), &before, None).await?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    if !store.write_entry(Some(next), &confirmed, None).await? {
        return Err(Error::busy());
    }
    info!(phone.principal = %next.principal(), "assigned to Teams Phone");
    // An event that cut the user off in the meantime may not have seen the link.
    let is_outdated = match admitted(store, next.user.as_ref()).await {
        Ok(record) => record.and_then(|record| record.account_deleted_at) >= Some(next.assigned_at),
        Err(refusal) => {
            remove(store, acs, clock, &confirmed, invocation).await?;
            return Err(refusal);
        }
    };
    if is_outdated {
        remove(store, acs, clock, &confirmed, invocation).await?;
        return Err(Error::busy());
    }
    Ok(confirmed)
}

/// The record of the user, who must not be blocked.
async fn admitted(
    store: &impl IdentityStore,
    user: Option<&ExternalId>,
) -> Result<Option<Record>, Error> {
    let Some(user) = user else { return Ok(None) };
    match store.find(user).await? {
        Some(record) if record.state.is_blocked() => Err(Error::Blocked),
        found => Ok(found),
    }
}

/// The entry that records the intent.
fn requested(
    seen: Option<&PhoneEntry>,
    request: &AssignPhoneRequest,
    now: SystemTime,
) -> PhoneEntry {
    let AssignPhoneRequest { assignment, user, by, .. } = request;
    let unseen = || PhoneEntry::unseen(assignment.clone(), now);
    let before = seen.cloned().unwrap_or_else(unseen);
    let by = match by {
        Assignee::Administrator(by) => by.id().as_str().to_owned(),
        Assignee::User => user.as_ref().map(|user| user.as_str().to_owned()).unwrap_or_default(),
    };
    PhoneEntry {
        assignment: assignment.clone(),
        user: user.clone().or_else(|| before.user.clone()),
        assigned_at: Event::at_millisecond(now),
        by,
        ..before.changed(PhoneState::Assigning, now)
    }
}

/// The entry after ACS refused the intent `next`.
fn undone(seen: Option<&PhoneEntry>, next: &PhoneEntry, now: SystemTime) -> PhoneEntry {
    match seen {
        None => next.confirmed(None, now),
        Some(seen) => PhoneEntry { version: next.version, ..seen.clone() }.changed(seen.state, now),
    }
}

fn audit(
    next: &PhoneEntry,
    record: Option<&Record>,
    request: &AssignPhoneRequest,
    now: SystemTime,
) -> Option<AuditEntry> {
    let Assignee::Administrator(by) = &request.by else { return None };
    let by = Actor::Administrator(by.id().clone());
    entry_of(next, record, by, AuditAction::AssignPhone, &request.invocation, now)
}
