//! `guestpass identity list`

use std::time::Duration;

use clap::{Args, ValueEnum};
use identity_core::{
    list_identities::{ListIdentitiesRequest, MAX_PAGE, list_identities},
    ports::Clock as _,
    record::StateName,
};

use super::Context;
use crate::{
    failure::{Failure, Result},
    moment,
    output::Rows,
    span,
    views::Identity,
};

/// Which identities.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only those in this state
    #[arg(long)]
    state: Option<State>,
    /// Only those without a new token for so long
    #[arg(long, value_name = "SPAN", value_parser = span::parse, conflicts_with = "unused_since")]
    unused_for: Option<Duration>,
    /// Only those without a new token since this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    unused_since: Option<String>,
    /// No more than so many
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum State {
    Provisioning,
    Active,
    Blocked,
    Deleting,
    Stuck,
}

impl From<State> for StateName {
    fn from(state: State) -> Self {
        match state {
            State::Provisioning => Self::Provisioning,
            State::Active => Self::Active,
            State::Blocked => Self::Blocked,
            State::Deleting => Self::Deleting,
            State::Stuck => Self::Stuck,
        }
    }
}

/// Lists identities as they are read, longest unused first within each of the table's
/// shards.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let mut rows = Rows::new(context.format()?)?;
    let since = arguments.unused_since.as_deref().map(|raw| {
        moment::parse(raw).ok_or_else(|| {
            Failure::usage(format!("{raw:?} is no moment"))
                .because("it is not RFC 3339")
                .so("write one like 2026-11-22T17:00:00Z")
        })
    });
    let since = since.transpose()?;
    let world = context.world().await?;
    let span = arguments.unused_for.and_then(|span| world.clock.now().checked_sub(span));
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
            world.serve(async |_| list_identities(&world.store, request.clone()).await).await?;
        for record in &page.records {
            rows.push(Identity::from(record))?;
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
