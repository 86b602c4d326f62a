//! Finds the record of an identity by one of its two IDs.

use crate::model::{Error, IdentityRef, Record};
use crate::ports::IdentityStore;

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
