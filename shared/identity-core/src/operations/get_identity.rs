//! Gets an identity by one of its two IDs.

use crate::{
    model::{error::Error, identity::IdentityRef, record::Record},
    ports::IdentityStore,
};

/// Reads the record of an identity; [`Error::NotFound`] if the identity does not exist.
pub async fn get_identity(
    store: &impl IdentityStore,
    identity: &IdentityRef,
) -> Result<Record, Error> {
    let found = find(store, identity).await?;
    found
        .filter(|record| record.state != crate::model::record::State::Deleted)
        .ok_or(Error::NotFound)
}

/// Reads the record of an identity, tombstones included, with strong consistency for both kinds
/// of ID.
pub(crate) async fn find(
    store: &impl IdentityStore,
    identity: &IdentityRef,
) -> Result<Option<Record>, Error> {
    let record = find_holder(store, identity).await?;
    Ok(record.filter(|record| match identity {
        IdentityRef::Acs(acs_id) => record.acs_id() == Some(acs_id),
        IdentityRef::External(_) => true,
    }))
}

/// The same, where an ACS ID also names the user who last had that identity, if they have no
/// other. Without this, deleting the identity would bypass a block.
pub(crate) async fn find_holder(
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
        // The index can be outdated, and name the user of an identity that was replaced.
        IdentityRef::Acs(acs_id) => record.acs_id().or(record.last_acs_id.as_ref()) == Some(acs_id),
        IdentityRef::External(_) => true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::record::State,
        testing::{CoreFixture, acs_id, user},
    };

    #[tokio::test]
    async fn an_identity_goes_by_either_name_until_it_is_deleted() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        for name in [IdentityRef::External(user("alice")), IdentityRef::Acs(acs_id("8:acs:1"))] {
            assert_eq!(
                get_identity(&fixture.store, &name).await.unwrap(),
                fixture.alice().unwrap()
            );
        }
        fixture.records.meanwhile(|seen| seen.deletion_confirmed(seen.created_at));
        for name in [IdentityRef::External(user("alice")), IdentityRef::Acs(acs_id("8:acs:1"))] {
            assert!(matches!(get_identity(&fixture.store, &name).await, Err(Error::NotFound)));
        }
    }
}
