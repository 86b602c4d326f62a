//! Gets an identity by one of its two IDs.

use crate::model::{Error, IdentityRef, Record, State};
use crate::ports::IdentityStore;
use crate::protocol::find_record::find;

/// Reads the record of an identity; [`Error::NotFound`] if the identity does not exist.
pub async fn get_identity(
    store: &impl IdentityStore,
    identity: &IdentityRef,
) -> Result<Record, Error> {
    let found = find(store, identity).await?;
    found.filter(|record| record.state != State::Deleted).ok_or(Error::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CoreFixture, acs_id, user};

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
