//! `guestpass identity list`

use api_types::IdentityOutput;
use identity_core::{
    list_identities::{ListIdentitiesRequest, MAX_PAGE, list_identities},
    ports::Clock as _,
};

use crate::{
    commands::context::CommandContext,
    options::IdentityListArguments,
    report::{
        error::{CliError, Result},
        output::Rows,
        timestamp,
    },
};

/// Lists identities as they are read, longest unused first within each of the table's
/// shards.
pub(crate) async fn run(arguments: IdentityListArguments, context: &CommandContext) -> Result<()> {
    let mut rows = Rows::new(context.format()?)?;
    let since = arguments.unused_since.as_deref().map(|raw| {
        timestamp::parse(raw).ok_or_else(|| {
            CliError::usage(format!("{raw:?} is not a valid timestamp"))
                .because("expected RFC 3339")
                .hint("write one like 2026-11-22T17:00:00Z")
        })
    });
    let since = since.transpose()?;
    let session = context.session().await?;
    let span = arguments.unused_for.and_then(|span| session.clock.now().checked_sub(span));
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut request = ListIdentitiesRequest {
        state: arguments.state.map(Into::into),
        unused_since: since.or(span),
        limit: MAX_PAGE,
        cursor: None,
    };
    while left > 0 {
        request.limit = u16::try_from(left).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let page =
            session.run(async |_| list_identities(&session.store, request.clone()).await).await?;
        for record in &page.records {
            rows.push(IdentityOutput::from(record))?;
        }
        left = left.saturating_sub(u64::try_from(page.records.len()).unwrap_or(left));
        request.cursor = page.next;
        if request.cursor.is_none() {
            break;
        }
    }
    rows.finish()?;
    Ok(())
}
