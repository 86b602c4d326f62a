//! `guestpass identity list`

use api_types::IdentityOutput;
use identity_core::list_identities::{ListIdentitiesRequest, MAX_PAGE, list_identities};
use identity_core::ports::Clock as _;
use identity_core::record::Record;

use crate::commands::CommandContext;
use crate::input::parse_time;
use crate::options::IdentityListArguments;
use crate::report::{PlacedIdentity, Result, Row, Rows};
use crate::service::ServiceSession;

/// Lists identities as they are read, longest unused first within each of the table's
/// shards.
pub(crate) async fn run(arguments: IdentityListArguments, context: &CommandContext) -> Result<()> {
    let format = context.format()?;
    let since = arguments.unused_since.as_deref().map(parse_time).transpose()?;
    let session = context.session().await?;
    let span = arguments.unused_for.and_then(|span| session.clock.now().checked_sub(span));
    let request = ListIdentitiesRequest {
        state: arguments.state,
        unused_since: since.or(span),
        limit: MAX_PAGE,
        cursor: None,
    };
    let list = Listing { session: &session, arguments: &arguments, request };
    if session.target.resources.are_several() {
        let row =
            |record: &Record| PlacedIdentity::new(IdentityOutput::from(record), &record.resource);
        list.write(Rows::new(format)?, row).await
    } else {
        list.write(Rows::new(format)?, |record: &Record| IdentityOutput::from(record)).await
    }
}

/// What to list.
struct Listing<'a> {
    session: &'a ServiceSession,
    arguments: &'a IdentityListArguments,
    request: ListIdentitiesRequest,
}

impl Listing<'_> {
    async fn write<R: Row>(self, mut rows: Rows<R>, row: impl Fn(&Record) -> R) -> Result<()> {
        let Self { session, arguments, mut request } = self;
        let resource = arguments.resource.as_deref();
        let resource = resource.map(|raw| session.target.resources.named(raw)).transpose()?;
        let mut left = arguments.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let most = u16::try_from(left).unwrap_or(MAX_PAGE).min(MAX_PAGE);
            // Of a page, only some are of the resource.
            request.limit = if resource.is_some() { MAX_PAGE } else { most };
            let listed =
                session.run(async |_| list_identities(&session.store, request.clone()).await);
            let page = listed.await?;
            let records = session.of_resource(page.records, resource.as_ref()).await?;
            for record in records.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                rows.push(row(record))?;
                left -= 1;
            }
            request.cursor = page.next;
            if request.cursor.is_none() {
                break;
            }
        }
        rows.finish()
    }
}
