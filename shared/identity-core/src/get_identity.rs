//! Get an identity: what is known about it, by either of its names.

use std::time::Duration;

use crate::{
    Error,
    identity::{AcsId, IdentityRef},
    ports::{Clock, IdentityStore},
    record::Record,
};

/// Reads the record of an identity; [`Error::NotFound`] if it is gone.
pub async fn get_identity(
    store: &impl IdentityStore,
    identity: &IdentityRef,
) -> Result<Record, Error> {
    let found = find(store, identity).await?;
    found.filter(|record| record.state != crate::record::State::Deleted).ok_or(Error::NotFound)
}

/// Reads the record of an identity, tombstones included, strongly consistent
/// whichever name it goes by.
pub(crate) async fn find(
    store: &impl IdentityStore,
    identity: &IdentityRef,
) -> Result<Option<Record>, Error> {
    let user = match identity {
        IdentityRef::External(user) => user.clone(),
        IdentityRef::Acs(acs_id) => match store.find_by_acs_id(acs_id).await? {
            Some(user) => user,
            None => return Ok(None),
        },
    };
    let record = store.find(&user).await?;
    Ok(record.filter(|record| match identity {
        // The index may lag behind, and name the user of an identity that is gone.
        IdentityRef::Acs(acs_id) => record.acs_id() == Some(acs_id),
        IdentityRef::External(_) => true,
    }))
}

/// As [`find`], for an operation that must not take an index that lags for an answer: to
/// revoke or to delete by an ACS id that was made a moment ago must not end in "not found".
///
/// The id carries no age. So an id that the index does not have is answered with
/// [`Error::Busy`] until [`INDEX_LAG`] after it was first asked for, and with nothing from
/// then on. The id of an identity that was deleted is found at its tombstone, and is gone at
/// once.
pub(crate) async fn find_settled(
    store: &impl IdentityStore,
    clock: &impl Clock,
    identity: &IdentityRef,
) -> Result<Option<Record>, Error> {
    let IdentityRef::Acs(acs_id) = identity else { return find(store, identity).await };
    if store.find_by_acs_id(acs_id).await?.is_some() {
        return find(store, identity).await;
    }
    wait_for_index(store, clock, acs_id).await?;
    Ok(None)
}

async fn wait_for_index(
    store: &impl IdentityStore,
    clock: &impl Clock,
    acs_id: &AcsId,
) -> Result<(), Error> {
    let now = clock.now();
    let waited = now.duration_since(store.first_missed_at(acs_id, now).await?).unwrap_or_default();
    match INDEX_LAG.checked_sub(waited) {
        Some(left) if !left.is_zero() => {
            Err(Error::Busy { retry_after: left.min(Duration::from_secs(5)) })
        }
        _ => Ok(()),
    }
}

/// An index follows its table within a second, as a rule; an identity that is not in it after
/// this long is none.
pub(crate) const INDEX_LAG: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::State,
        testing::{World, acs_id, user},
    };

    #[tokio::test]
    async fn an_identity_goes_by_either_name_until_it_is_deleted() {
        let world = World::where_alice_is(State::active("8:acs:1"));
        for name in [IdentityRef::External(user("alice")), IdentityRef::Acs(acs_id("8:acs:1"))] {
            assert_eq!(get_identity(&world.store, &name).await.unwrap(), world.alice().unwrap());
        }
        world.records.meanwhile(|seen| seen.deletion_confirmed(seen.created_at));
        for name in [IdentityRef::External(user("alice")), IdentityRef::Acs(acs_id("8:acs:1"))] {
            assert!(matches!(get_identity(&world.store, &name).await, Err(Error::NotFound)));
        }
    }
}
