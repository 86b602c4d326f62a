//! `guestpass phone list` and `guestpass phone reconcile`

use api_types::PhoneAssignmentOutput;
use identity_core::identity::ExternalId;
use identity_core::phone::{PhoneEntry, PhonePrincipal};
use identity_core::ports::{Clock as _, PhoneInventory as _, PhonePage};

use super::show::compared;
use crate::commands::CommandContext;
use crate::input::parse_external_id;
use crate::options::{PhoneListArguments, PhoneReconcileArguments};
use crate::report::{CliError, Exit, Result};

/// Lists assignments of the inventory, in the order in which they were made.
pub(crate) async fn run(arguments: PhoneListArguments, context: &CommandContext) -> Result<()> {
    let user = arguments.user.as_deref().map(parse_external_id).transpose()?;
    context.format()?;
    let session = context.session().await?;
    let mut rows = context.rows(&session.clock)?;
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut after = None;
    while left > 0 {
        let listed = session.run(async |_| session.store.list_entries(after.as_ref(), PAGE).await);
        let PhonePage { entries, next } = listed.await?;
        for entry in entries.iter().filter(|entry| is_listed(entry, &arguments, user.as_ref())) {
            let output = PhoneAssignmentOutput::of(entry, session.clock.now());
            let is_verified =
                output.entry.as_ref().is_some_and(|entry| entry.not_verified_since.is_none());
            if left > 0 && !(arguments.unverified && is_verified) {
                rows.push(output)?;
                left -= 1;
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    rows.finish()
}

/// Whether the filters admit an assignment, except the one by the time of its confirmation.
fn is_listed(entry: &PhoneEntry, filter: &PhoneListArguments, user: Option<&ExternalId>) -> bool {
    let PhonePrincipal { tenant_id, object_id } = entry.principal();
    let contains = |part: &String| {
        let user = entry.user.as_ref().map(|user| user.as_str().to_owned());
        let texts = [Some(tenant_id.to_string()), Some(object_id.to_string()), user];
        texts.iter().flatten().any(|text| text.contains(part.as_str()))
    };
    filter.state.is_none_or(|state| entry.state == state)
        && user.is_none_or(|user| entry.user.as_ref() == Some(user))
        && filter.matching.as_ref().is_none_or(contains)
}

/// Compares each assignment with ACS, and fails if one differs.
pub(crate) async fn reconcile(
    arguments: PhoneReconcileArguments,
    context: &CommandContext,
) -> Result<()> {
    context.format()?;
    let session = context.session().await?;
    let mut rows = context.rows(&session.clock)?;
    let (mut after, mut drifted) = (None, 0_u64);
    loop {
        let listed = session.run(async |_| session.store.list_entries(after.as_ref(), PAGE).await);
        let PhonePage { entries, next } = listed.await?;
        for entry in &entries {
            let (output, _) = compared(&session, &entry.principal()).await?;
            let is_drifted = output.drift.is_some();
            drifted += u64::from(is_drifted);
            if is_drifted || !arguments.drifted {
                rows.push(output)?;
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    rows.finish()?;
    let finding = match drifted {
        0 => return Ok(()),
        1 => "1 assignment differs from ACS".to_owned(),
        more => format!("{more} assignments differ from ACS"),
    };
    Err(CliError::new(Exit::Failed, finding)
        .hint("`guestpass phone assign` or `unassign` makes them the same"))
}

const PAGE: u16 = 50;
