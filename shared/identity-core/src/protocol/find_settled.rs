//! Finds an identity by an ID that the index may not contain yet.

use std::time::Duration;

use crate::model::{AcsId, Error, IdentityRef, Record};
use crate::ports::{Clock, IdentityStore};
use crate::protocol::find_record::find;

/// Reads the record of an identity as [`find`] does, for operations that must not treat an
/// outdated index as an answer: a revocation or deletion by a new ACS ID must not end in "not
/// found".
///
/// The age of an ACS ID is unknown. An ID that is not in the index therefore causes
/// [`Error::Busy`] until [`INDEX_LAG`] after the first request for it, and `None` afterwards. The
/// ID of a deleted identity is found at its tombstone, so that the answer is `None` at once.
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

/// An index usually follows its table within a second. An identity that is not in the index after
/// this time does not exist.
pub(crate) const INDEX_LAG: Duration = Duration::from_secs(30);
