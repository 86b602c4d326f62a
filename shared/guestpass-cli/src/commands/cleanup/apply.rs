//! `guestpass cleanup apply`

use crate::commands::{CommandContext, confirm, deletion};
use crate::jobs::CleanupPlan;
use crate::options::CleanupApplyArguments;
use crate::report::Result;
use crate::service::ServiceSession;

/// Deletes the identities of a plan.
pub(crate) async fn run(arguments: CleanupApplyArguments, context: &CommandContext) -> Result<()> {
    let plan = CleanupPlan::read(&arguments.plan)?;
    let target = context.target().await?;
    target.table()?;
    plan.is_for(&target)?;
    let items = plan.items()?;
    let question = format!(
        "Delete {} identities {}, unused since {}? This cannot be undone.",
        items.len(),
        target.in_words(),
        plan.unused_since
    );
    confirm(&question, arguments.confirmation.yes, &context.environment)?;
    let session = ServiceSession::of(target).await?;
    deletion::run(items, arguments.rate.rate, session, context).await
}
