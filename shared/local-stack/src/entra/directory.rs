//! What the simulation keeps: users, their changes, subscriptions, tokens, faults.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::clock::rfc3339;

/// A user of the tenant.
#[derive(Clone, Debug)]
pub(super) struct SimulatedUser {
    pub(super) is_enabled: bool,
    /// In whole seconds, as Graph has it.
    pub(super) sessions_valid_from: OffsetDateTime,
    /// Whether the user is deleted, but can be restored.
    pub(super) is_deleted: bool,
}

/// A subscription.
#[derive(Clone, Debug)]
pub(super) struct SimulatedSubscription {
    pub(super) id: String,
    pub(super) resource: String,
    pub(super) notification_url: String,
    pub(super) client_state: Option<String>,
    pub(super) ends_at: OffsetDateTime,
}

/// Answers that Graph gives in place of the right ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GraphFaults {
    pub(super) status: u16,
    /// The value of `Retry-After`, in seconds.
    pub(super) retry_after: Option<u32>,
    /// How many more requests get this answer.
    pub(super) times: u32,
}

/// The state.
#[derive(Debug, Default)]
pub(super) struct SimulatedDirectory {
    /// By object id.
    pub(super) users: BTreeMap<String, SimulatedUser>,
    /// The object ids of the changed users, oldest first. A delta link has the number of the
    /// changes before it.
    pub(super) changes: Vec<String>,
    /// Delta links from before this number of changes have expired.
    pub(super) oldest_change: usize,
    pub(super) subscriptions: Vec<SimulatedSubscription>,
    pub(super) tokens: Vec<(String, OffsetDateTime)>,
    pub(super) faults: GraphFaults,
    /// Numbers the notifications.
    pub(super) notified: u64,
}

impl SimulatedUser {
    /// The user as Graph shows it.
    pub(super) fn to_json(&self, id: &str) -> Value {
        json!({
            "id": id,
            "accountEnabled": self.is_enabled,
            "signInSessionsValidFromDateTime": rfc3339(self.sessions_valid_from),
        })
    }
}

impl SimulatedSubscription {
    /// The subscription as Graph shows it: without its client state.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "resource": self.resource,
            "changeType": "updated,deleted",
            "notificationUrl": self.notification_url,
            "lifecycleNotificationUrl": self.notification_url,
            "clientState": null,
            "expirationDateTime": rfc3339(self.ends_at),
        })
    }
}

impl SimulatedDirectory {
    /// Removes what has ended.
    pub(super) fn expire(&mut self, now: OffsetDateTime) {
        self.subscriptions.retain(|subscription| subscription.ends_at > now);
        self.tokens.retain(|(_, ends_at)| *ends_at > now);
    }

    /// The prepared wrong answer, if there is one for the next request.
    pub(super) fn take_fault(&mut self) -> Option<GraphFaults> {
        let left = self.faults.times.checked_sub(1)?;
        self.faults.times = left;
        Some(self.faults)
    }

    /// The users who changed since a delta link, and the number for the next link; `None` if the
    /// link has expired.
    pub(super) fn changed_since(&self, number: usize) -> Option<(Vec<&str>, usize)> {
        if number < self.oldest_change || number > self.changes.len() {
            return None;
        }
        let page = self.changes.iter().skip(number).take(PAGE);
        let changed: Vec<&str> = page.map(String::as_str).collect();
        let next = number + changed.len();
        Some((changed, next))
    }
}

/// How many changes a page has. Graph's pages are larger; this one makes a caller read a second.
const PAGE: usize = 10;
