//! Find an identity by a name that the index may not have yet.

use std::time::Duration;

use crate::{
    Error,
    get_identity::find,
    identity::{AcsId, IdentityRef},
    ports::{Clock, IdentityStore},
    record::Record,
};

/// Reads the record of an identity as [`find`] does, for an operation that must not take an index that lags for an answer: to
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
