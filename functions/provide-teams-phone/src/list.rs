//! The list of the inventory, in pages.

use std::time::{Duration, SystemTime};

use api_types::{PhoneAssignmentListOutput, PhoneAssignmentOutput, ProblemType};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity_core::phone::PhonePrincipal;
use identity_core::ports::{Clock, PhoneInventory, PhonePage, PhonePosition};
use lambda_edge::{ApiResponse, Problem, query};
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
    let limit = limit.map_or(Ok(DEFAULT_PAGE), |raw| {
        let limit = raw.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
        limit.ok_or_else(|| invalid("limit", "must be a whole number from 1 to 50"))
    });
    let after = cursor.filter(|raw| !raw.is_empty()).map(|raw| {
        decode(&raw)
            .ok_or_else(|| invalid("cursor", "must be the `next` value of the previous page"))
    });
    let PhonePage { entries, next } =
        store.list_entries(after.transpose()?.as_ref(), limit?).await?;
    let now = clock.now();
    let assignments = entries.iter().map(|entry| PhoneAssignmentOutput::of(entry, now)).collect();
    let next = next.as_ref().map(encode);
    ApiResponse::json(StatusCode::OK, &PhoneAssignmentListOutput { assignments, next })
}

fn invalid(parameter: &str, reason: &str) -> Problem {
    Problem::new(ProblemType::INVALID_QUERY, format!("invalid value for `{parameter}`: {reason}"))
}

/// Encodes a position in base64url. A client that changes it only gets other pages of a list that it
/// may read anyway.
fn encode(position: &PhonePosition) -> String {
    let since = position.created_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(format!("{} {}", since.as_millis(), position.principal))
}

fn decode(raw: &str) -> Option<PhonePosition> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(raw).ok()?).ok()?;
    let (millis, principal) = text.split_once(' ')?;
    let since = Duration::from_millis(millis.parse().ok()?);
    let created_at = SystemTime::UNIX_EPOCH.checked_add(since)?;
    Some(PhonePosition { created_at, principal: PhonePrincipal::parse(principal)? })
}

/// The number of assignments in a page if the client does not set it.
const DEFAULT_PAGE: u16 = 25;

/// Each entry of a page is a read.
const MAX_PAGE: u16 = 50;
