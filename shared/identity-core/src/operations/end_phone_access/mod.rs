//! Ends the assignments of a user whose account was disabled or deleted.

use crate::model::{Actor, Error, Event, EventKind, IdentityRef, Invocation};
use crate::operations::teams_phone::{UnassignPhoneRequest, unassign_phone};
use crate::ports::{Clock, IdentityStore, PhoneInventory, TeamsPhoneClient};
use crate::protocol::find_record::find_holder;

/// Ends the assignments that were requested before `event`, if it says that the account was disabled
/// or deleted. Returns how many were ended.
///
/// In any order of events and assignments, an assignment survives exactly if it is newer than all of
/// these events: an account that is enabled again gets none back. After an error, the event must be
/// sent again.
pub async fn end_phone_access<S: IdentityStore + PhoneInventory>(
    store: &S,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    event: &Event,
    invocation: &Invocation,
) -> Result<u64, Error> {
    if !matches!(event.kind, EventKind::Disabled | EventKind::Deleted) {
        return Ok(0);
    }
    let user = match &event.identity {
        IdentityRef::External(user) => user.clone(),
        acs_id @ IdentityRef::Acs(_) => match find_holder(store, acs_id).await? {
            Some(record) => record.external_id,
            None => return Ok(0),
        },
    };
    let mut ended = 0;
    for principal in store.linked_principals(&user).await? {
        let request = UnassignPhoneRequest {
            principal,
            user: Some(user.clone()),
            by: Actor::Event { source: event.source, id: event.id.clone() },
            requested_until: Some(event.counts_at()),
            invocation: invocation.clone(),
        };
        ended += u64::from(unassign_phone(store, acs, clock, &request).await?);
    }
    Ok(ended)
}
