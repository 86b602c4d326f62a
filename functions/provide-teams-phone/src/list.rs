//! The list of the inventory, in pages.

use api_types::{PhoneAssignmentListOutput, PhoneAssignmentOutput};
use identity_core::ports::{Clock, PhoneInventory, PhonePage};
use lambda_edge::{ApiResponse, Problem, paging, query};
use lambda_http::{Request, http::StatusCode};
use serde::Deserialize;

/// The query parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// 1 to 50; 25 if absent.
    limit: Option<String>,
    /// The `next` value of the previous page; the first page if absent or empty.
    cursor: Option<String>,
}

pub(crate) async fn list(
    store: &impl PhoneInventory,
    clock: &impl Clock,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let Input { limit, cursor } = query(request)?;
    let after = paging::cursor(cursor.as_deref())?;
    let limit = paging::limit(limit.as_deref(), DEFAULT_PAGE, MAX_PAGE)?;
    let PhonePage { entries, next } = store.list_entries(after.as_ref(), limit).await?;
    let now = clock.now();
    let assignments = entries.iter().map(|entry| PhoneAssignmentOutput::of(entry, now)).collect();
    let next = next.as_ref().map(paging::next);
    ApiResponse::json(StatusCode::OK, &PhoneAssignmentListOutput { assignments, next })
}

/// The number of assignments in a page if the client does not set it.
const DEFAULT_PAGE: u16 = 25;

/// Each entry of a page is a read.
const MAX_PAGE: u16 = 50;
