//! `guestpass identity list`

use api_types::IdentityOutput;
use identity_core::list_identities::OrderedListing;
use identity_core::ports::Clock as _;
use identity_core::record::Record;

use crate::commands::CommandContext;
use crate::input::parse_time;
use crate::options::IdentityListArguments;
use crate::report::{PlacedIdentity, Result, Row, Rows};
use crate::service::ServiceSession;

/// Lists identities as they are read, longest unused first.
pub(crate) async fn run(arguments: IdentityListArguments, context: &CommandContext) -> Result<()> {
    let since = arguments.unused_since.as_deref().map(parse_time).transpose()?;
    // Fails before the first read if the format is not supported.
    context.format()?;
    let session = context.session().await?;
    let span = arguments.unused_for.and_then(|span| session.clock.now().checked_sub(span));
    let records = OrderedListing::new(arguments.state, since.or(span));
    let list = Listing { session: &session, arguments: &arguments, records };
    if session.target.resources.are_several() {
        let row =
            |record: &Record| PlacedIdentity::new(IdentityOutput::from(record), &record.resource);
        list.write(context.rows(&session.clock)?, row).await
    } else {
        let row = |record: &Record| IdentityOutput::from(record);
        list.write(context.rows(&session.clock)?, row).await
    }
}

/// What to list.
struct Listing<'a> {
    session: &'a ServiceSession,
    arguments: &'a IdentityListArguments,
    records: OrderedListing,
}

impl Listing<'_> {
    async fn write<R: Row>(self, mut rows: Rows<R>, row: impl Fn(&Record) -> R) -> Result<()> {
        let Self { session, arguments, records: mut ordered } = self;
        let resource = arguments.resource.as_deref();
        let resource = resource.map(|raw| session.target.resources.named(raw)).transpose()?;
        let mut left = arguments.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let read = session.run(async |_| ordered.next(&session.store).await);
            let Some(mut records) = read.await? else { break };
            records.retain(|record| self::matches(record, arguments.matching.as_deref()));
            for record in session.of_resource(records, resource.as_ref()).await? {
                if left == 0 {
                    break;
                }
                rows.push(row(&record))?;
                left -= 1;
            }
        }
        rows.finish()
    }
}

/// Whether the external id or the ACS id of a record contains a text.
fn matches(record: &Record, text: Option<&str>) -> bool {
    text.is_none_or(|text| {
        let acs_id = record.acs_id().is_some_and(|id| id.as_str().contains(text));
        acs_id || record.external_id.as_str().contains(text)
    })
}
