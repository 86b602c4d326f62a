//! Checks the keys of the records: do the claims that name a user still give them?

use identity_core::identity::SubjectClaims;
use identity_core::ports::{IdentityStore as _, Index, ListQuery, SHARDS};

use crate::checks::Check;
use crate::report::Result;
use crate::service::ServiceSession;

/// Counts the records whose keys other claims must have given.
pub(crate) async fn look_at_keys(session: &ServiceSession, claims: &SubjectClaims) -> Check {
    let names = claims.names().join(",");
    if claims.names().len() == 1 {
        let why = format!("keys of {names} cannot be told from keys of other claims");
        return Check::skipped(ABOUT, why);
    }
    match count(session, claims).await {
        Ok((read, 0)) => {
            Check::good(ABOUT, format!("all of {read} records can have keys of {names}"))
        }
        Ok((read, others)) => Check::bad(
            ABOUT,
            format!("{others} of {read} records have keys of other claims than {names}"),
            "restore the earlier SubjectClaims, or delete these identities: their users have become new users",
        ),
        Err(failure) => Check::failed(ABOUT, &failure),
    }
}

/// The number of records that were read, and of those among them with keys of other claims.
async fn count(session: &ServiceSession, claims: &SubjectClaims) -> Result<(usize, usize)> {
    let (mut read, mut others) = (0, 0);
    for shard in 0..SHARDS {
        let mut query = ListQuery::first(Index::LastIssued, shard, PAGE);
        loop {
            let page = session.run(async |_| session.store.list(&query).await).await?;
            let is_other = |user| !claims.may_have_given(user);
            read += page.records.len();
            others += page.records.iter().filter(|record| is_other(&record.external_id)).count();
            if page.next.is_none() || read >= MOST {
                break;
            }
            query.after = page.next;
        }
    }
    Ok((read, others))
}

const ABOUT: &str = "record keys";

/// The records of one request.
const PAGE: u16 = 200;

/// After so many records, only one page of each remaining shard is read: the check must be quick,
/// and a change of the claims concerns all shards.
const MOST: usize = 10_000;
