//! The brake: a run that would delete too many identities deletes none.

use std::time::SystemTime;

use crate::model::Error;
use crate::ports::{IdentityStore, Index, ListQuery, SHARDS};

/// The brake: whether the number of deletions is implausibly high, which means more than 5 % of
/// all users with an identity and more than 50, unless an operator has allowed as many. Guests do
/// not count: there can be many more of them than users.
///
/// A wrong clock, a mistyped retention period or a restored backup can make all identities stale
/// at once, and ACS cannot restore a deleted identity.
#[must_use]
pub fn is_braked(stale: u64, users: u64, allowance: Option<u64>) -> bool {
    users < users_for(stale) && allowance.is_none_or(|allowed| stale > allowed)
}

/// The number of users from which on the brake does not apply to so many stale ones. So the cost of
/// the brake is proportional to the number of stale identities, too.
fn users_for(stale: u64) -> u64 {
    if stale > BRAKE_FLOOR { stale.saturating_mul(100).div_ceil(BRAKE_PERCENT) } else { 0 }
}

/// What a run has counted.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    /// The number of users whose identity was not used since the cutoff.
    pub(super) stale: u64,
    /// The number of users that there are at least: all of them, if the brake applies.
    pub(super) users: u64,
}

/// The number of users that there are at least: all of them, if the brake applies to so many stale
/// ones. They are counted only if there could be too few. `None` if it must stop before.
pub async fn users_beside(
    store: &impl IdentityStore,
    stale: u64,
    must_stop: impl Fn() -> bool,
) -> Result<Option<u64>, Error> {
    let (known, enough) = (store.users_at_least().await?, users_for(stale));
    if known >= enough {
        return Ok(Some(known));
    }
    count_users(store, None, enough, must_stop).await
}

/// Counts the users with an identity, or those whose identity was not used since a time. It ends
/// once it has found `enough`; `None` if it must stop before.
pub(super) async fn count_users(
    store: &impl IdentityStore,
    unused_since: Option<SystemTime>,
    enough: u64,
    must_stop: impl Fn() -> bool,
) -> Result<Option<u64>, Error> {
    let mut users = 0;
    for shard in 0..SHARDS {
        let (index, limit) = (Index::LastIssued, COUNTED_AT_A_TIME);
        let mut query = ListQuery { index, shard, state: None, unused_since, after: None, limit };
        while users < enough {
            if must_stop() {
                return Ok(None);
            }
            let counted = store.count(&query).await?;
            users += counted.records;
            query.after = counted.next;
            if query.after.is_none() {
                break;
            }
        }
    }
    Ok(Some(users))
}

/// Fewer deletions than this never trigger the brake.
const BRAKE_FLOOR: u64 = 50;

/// The percentage of all identities above which the brake applies.
const BRAKE_PERCENT: u64 = 5;

/// A count returns no records, so a larger page saves requests.
const COUNTED_AT_A_TIME: u16 = 2_000;
