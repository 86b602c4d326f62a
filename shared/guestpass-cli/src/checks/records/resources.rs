//! Checks the records of each ACS resource, for a service that has more than one.

use std::collections::BTreeSet;

use identity_core::ports::IdentityClients as _;
use identity_core::resource::ResourceName;
use identity_store::{ResourceCensus, ResourceRecords};

use super::table::{ask, refusal};
use crate::checks::Check;
use crate::service::ServiceSession;

/// Checks for each resource whether ACS accepts its identities, for one that is being drained how
/// many are left, and whether a record names a resource that is not configured. ACS is only asked
/// about the resources in `usable`, whose keys it accepts.
pub(crate) async fn look_at_resources(
    session: &ServiceSession,
    usable: &BTreeSet<ResourceName>,
) -> Vec<Check> {
    let counted = session.run(async |_| session.store.count_by_resource(Some(MAX_PAGES)).await);
    let census = match counted.await {
        Ok(census) => census,
        Err(failure) => return vec![Check::failed("resource", &failure)],
    };
    let mut checks = Vec::new();
    let resources = &session.target.resources;
    if resources.placement().is_none() {
        let unknown = resources.unknown_placement();
        checks.push(Check::note("placement", unknown.in_short()));
    }
    for (name, _) in resources.iter() {
        let found = census.resources.get(name).cloned().unwrap_or_default();
        checks.push(if usable.contains(name) {
            look_at_one(session, name, &found).await.of_resource(Some(name))
        } else {
            Check::skipped("resource", "see above").of_resource(Some(name))
        });
        if resources.placement().is_some_and(|placement| placement.is_draining(name)) {
            let left = draining(&found, census.is_complete);
            checks.push(Check::note("draining", left).of_resource(Some(name)));
        }
    }
    checks.extend(unknown_resources(session, &census));
    checks
}

async fn look_at_one(
    session: &ServiceSession,
    name: &ResourceName,
    found: &ResourceRecords,
) -> Check {
    let Some(identity) = &found.sample else {
        return Check::skipped("resource", "the table has no active identity to ask ACS about");
    };
    let Ok(acs) = session.acs.client(name) else {
        return Check::skipped("resource", "not configured");
    };
    match ask(session, acs, identity).await {
        Some(Err(error)) => refusal(session, identity, &error),
        _ => Check::good("resource", "its identities belong to this ACS resource"),
    }
}

fn draining(found: &ResourceRecords, is_complete: bool) -> String {
    match found.identities + found.orphans {
        0 if is_complete => {
            "no record names it: remove it from AcsPlacement, deploy, then remove its connection \
             string"
                .to_owned()
        }
        0 => "no record was found yet: `guestpass resource list` reads the whole table".to_owned(),
        left => format!("{} left", number(left, is_complete)),
    }
}

/// Users whose records name these get 500, and their tokens cannot be revoked.
fn unknown_resources<'a>(
    session: &'a ServiceSession,
    census: &'a ResourceCensus,
) -> impl Iterator<Item = Check> + 'a {
    let found = census.resources.iter();
    let unknown = found.filter(|(name, _)| !session.target.resources.has(name));
    unknown.map(|(name, found)| {
        let count = number(found.identities + found.orphans, census.is_complete);
        Check::bad(
            "resource",
            format!("{count} with this resource, which has no connection string"),
            "add its connection string to the secret again, under the same name",
        )
        .of_resource(Some(name))
    })
}

fn number(count: u64, is_complete: bool) -> String {
    let at_least = if is_complete { "" } else { "at least " };
    let records = if count == 1 { "record" } else { "records" };
    format!("{at_least}{count} {records}")
}

/// About 50 MB: the doctor takes seconds, not minutes.
const MAX_PAGES: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draining_resource_can_only_go_when_the_whole_table_was_read() {
        let found = |identities, orphans| ResourceRecords { identities, orphans, sample: None };
        for (found, is_complete, expected) in [
            (found(0, 0), true, "remove it from AcsPlacement"),
            (found(0, 0), false, "no record was found yet"),
            (found(1, 0), true, "1 record left"),
            (found(1, 1), true, "2 records left"),
            (found(1, 1), false, "at least 2 records left"),
        ] {
            let text = draining(&found, is_complete);
            assert!(text.starts_with(expected) || text.contains(expected), "{text}");
        }
    }
}
