//! `guestpass phone list` and `guestpass phone reconcile`

use api_types::PhoneAssignmentOutput;
use identity_core::ports::{Clock as _, PhoneInventory as _, PhonePage};

use super::show::compared;
use crate::commands::CommandContext;
use crate::report::{CliError, Exit, Result, Rows};

/// Lists the assignments of the inventory.
pub(crate) async fn run(context: &CommandContext) -> Result<()> {
    let mut rows = Rows::new(context.format()?)?;
    let session = context.session().await?;
    let mut after = None;
    loop {
        let listed = session.run(async |_| session.store.list_entries(after.as_ref(), PAGE).await);
        let PhonePage { entries, next } = listed.await?;
        for entry in &entries {
            rows.push(PhoneAssignmentOutput::of(entry, session.clock.now()))?;
        }
        after = next;
        if after.is_none() {
            return rows.finish();
        }
    }
}

/// Compares each assignment with ACS, and fails if one differs.
pub(crate) async fn reconcile(context: &CommandContext) -> Result<()> {
    let mut rows = Rows::new(context.format()?)?;
    let session = context.session().await?;
    let (mut after, mut drifted) = (None, 0_u64);
    loop {
        let listed = session.run(async |_| session.store.list_entries(after.as_ref(), PAGE).await);
        let PhonePage { entries, next } = listed.await?;
        for entry in &entries {
            let (output, _) = compared(&session, &entry.principal()).await?;
            drifted += u64::from(output.drift.is_some());
            rows.push(output)?;
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
