//! Lists in pages: the parameters `limit` and `cursor`, and the `next` of a response.
//!
//! A cursor is the end of a page, which the client sends back for the next page: base64url of a
//! text. A client that changes it only gets other pages of a list that it may read anyway.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity_core::guest::InvitationId;
use identity_core::identity::ExternalId;
use identity_core::list_identities::Cursor;
use identity_core::list_invitations::InvitationCursor;
use identity_core::phone::PhonePrincipal;
use identity_core::ports::{InvitationPosition, PhonePosition, Position, SHARDS};
use serde::{Deserialize, Serialize};

use super::query::invalid_parameter;
use crate::Problem;

/// A position in a list. Clients keep its text from one release to the next.
pub trait PageCursor: Sized {
    /// The position as text.
    fn to_text(&self) -> String;

    /// Parses the text; `None` if it is invalid.
    fn from_text(text: &str) -> Option<Self>;
}

/// Reads the parameter `limit`: a whole number from 1 to `most`, or `default` if it is absent.
pub fn limit(raw: Option<&str>, default: u16, most: u16) -> Result<u16, Problem> {
    let Some(raw) = raw else { return Ok(default) };
    let limit = raw.parse::<u16>().ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| {
        invalid_parameter("limit", &format!("must be a whole number from 1 to {most}"))
    })
}

/// Reads the parameter `cursor`; `None` for the first page.
pub fn cursor<C: PageCursor>(raw: Option<&str>) -> Result<Option<C>, Problem> {
    // A client that has no cursor yet may send an empty one.
    let Some(raw) = raw.filter(|raw| !raw.is_empty()) else { return Ok(None) };
    let text = URL_SAFE_NO_PAD.decode(raw).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let cursor = text.and_then(|text| C::from_text(&text));
    let reason = "must be the `next` value of the previous page";
    cursor.map(Some).ok_or_else(|| invalid_parameter("cursor", reason))
}

/// The `next` value of a page that ends at this position.
#[must_use]
pub fn next(end: &impl PageCursor) -> String {
    URL_SAFE_NO_PAD.encode(end.to_text())
}

impl PageCursor for Cursor {
    fn to_text(&self) -> String {
        let after = self.after.as_ref().map(|last| (last.at, last.external_id.as_str()));
        ShardPlace::text(self.shard, after)
    }

    fn from_text(text: &str) -> Option<Self> {
        let position = |at, name: &str| {
            let external_id = ExternalId::parse(name)?;
            Some(Position { at, external_id })
        };
        let (shard, after) = ShardPlace::parse(text, position)?;
        (shard < 2 * SHARDS).then_some(Self { shard, after })
    }
}

impl PageCursor for InvitationCursor {
    fn to_text(&self) -> String {
        let after = self.after.as_ref().map(|last| (last.at, last.id.as_str()));
        ShardPlace::text(self.shard, after)
    }

    fn from_text(text: &str) -> Option<Self> {
        let position = |at, name: &str| {
            let id = InvitationId::parse(name)?;
            Some(InvitationPosition { at, id })
        };
        let (shard, after) = ShardPlace::parse(text, position)?;
        Some(Self { shard, after })
    }
}

impl PageCursor for PhonePosition {
    fn to_text(&self) -> String {
        format!("{} {}", milliseconds(self.created_at), self.principal)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (created_at, principal) = text.split_once(' ')?;
        let created_at = instant(created_at.parse().ok()?)?;
        Some(Self { created_at, principal: PhonePrincipal::parse(principal)? })
    }
}

/// A position in a list of shards, each of which is sorted by time, then by name.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ShardPlace {
    shard: u8,
    /// The last item that was read in the shard: its time in milliseconds, and its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<(u64, String)>,
}

impl ShardPlace {
    fn text(shard: u8, after: Option<(SystemTime, &str)>) -> String {
        let after = after.map(|(at, name)| (milliseconds(at), name.to_owned()));
        serde_json::to_string(&Self { shard, after }).unwrap_or_default()
    }

    /// Parses the text. `position` makes a position of the time and the name of an item, or
    /// refuses the name.
    fn parse<P>(
        text: &str,
        position: impl FnOnce(SystemTime, &str) -> Option<P>,
    ) -> Option<(u8, Option<P>)> {
        let Self { shard, after } = serde_json::from_str(text).ok()?;
        let Some((at, name)) = after else { return Some((shard, None)) };
        Some((shard, Some(position(instant(at)?, &name)?)))
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

fn instant(milliseconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}
