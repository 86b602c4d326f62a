//! `guestpass identity list`

use api_types::IdentityOutput;
use identity_core::list_identities::{ListIdentitiesRequest, MAX_PAGE, list_identities};
use identity_core::ports::Clock as _;

use crate::commands::CommandContext;
use crate::input::parse_time;
use crate::options::IdentityListArguments;
use crate::report::{Result, Rows};

/// Lists identities as they are read, longest unused first within each of the table's
/// shards.
pub(crate) async fn run(arguments: IdentityListArguments, context: &CommandContext) -> Result<()> {
    let mut rows = Rows::new(context.format()?)?;
    let since = arguments.unused_since.as_deref().map(parse_time).transpose()?;
    let session = context.session().await?;
    let span = arguments.unused_for.and_then(|span| session.clock.now().checked_sub(span));
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut request = ListIdentitiesRequest {
        state: arguments.state,
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
    rows.finish()
}
