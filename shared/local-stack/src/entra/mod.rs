//! A simulated Microsoft Entra: the token endpoint of an app, and the part of Microsoft Graph that
//! tells what changed about users.
//!
//! It has one tenant and one app, [`CLIENT_ID`]. It knows the users that a caller of the control
//! API created:
//!
//! | `/_local/entra` | request body | response |
//! |---|---|---|
//! | `GET` | | `{"tenant", "clientId", "users": [...], "subscriptions": [...]}` |
//! | `POST users/{user}` | `{"accountEnabled", "revokeSessions", "notify"}`, all optional | the user, and the statuses that notifications got |
//! | `DELETE users/{user}` | `{"notify"}`, optional | the same |
//! | `DELETE subscriptions` | | `{"deleted"}`: what Graph does when a subscription is lost |
//! | `POST faults` | `{"status", "times", "retryAfter", "forgetChanges"}`, all optional | `{}` |
//!
//! `{user}` is an object id, or the `sub` of a token of the local issuer with `profile=entra`: then
//! the object id is that token's `oid`. A change that a caller makes with `"notify": false` is a
//! notification that was lost.

mod control;
mod directory;
mod graph;
mod refusal;
mod subscriptions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Client;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::clock::StackClock;
pub(crate) use control::router as control_router;
use directory::SimulatedDirectory;
pub(crate) use graph::router;

/// The tenant.
pub(crate) use crate::issuer::ENTRA_TENANT as TENANT;

/// The application (client) id of the only app.
const CLIENT_ID: &str = "aaaaaaaa-0000-0000-0000-000000000001";

/// The client secret of the app. It opens nothing outside of the stack.
const CLIENT_SECRET: &str = "local-stack-entra-client-secret";

/// The text by which the receiver recognises notifications. It opens nothing outside of the stack.
const CLIENT_STATE: &str = "local-stack-entra-client-state";

/// The name of the transmitter.
pub(crate) const TRANSMITTER: &str = "entra";

/// The element of the parameter `Transmitters`: Entra at `url` notifies `gateway` about users of
/// `token_issuer`.
pub(crate) fn transmitter(url: &str, gateway: &str, token_issuer: &str) -> Value {
    json!({
        "name": TRANSMITTER,
        "kind": "graph",
        "tenants": [TENANT],
        "clientId": CLIENT_ID,
        "notificationUrl": format!("{gateway}/v1/signals/{TRANSMITTER}"),
        "graphUrl": url,
        "loginUrl": url,
        "tokenIssuer": token_issuer,
    })
}

/// The secret of the transmitter.
pub(crate) fn secret() -> Value {
    json!({ "clientState": CLIENT_STATE, "clientSecret": CLIENT_SECRET })
}

/// The simulation.
pub(crate) struct SimulatedEntra {
    clock: Arc<StackClock>,
    directory: Mutex<SimulatedDirectory>,
    /// Sends the notifications.
    http: Client,
}

impl SimulatedEntra {
    /// A tenant without users.
    pub(crate) fn new(clock: Arc<StackClock>) -> Result<Arc<Self>, reqwest::Error> {
        let http = Client::builder()
            .timeout(NOTIFICATION_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Arc::new(Self { clock, directory: Mutex::default(), http }))
    }

    fn directory(&self) -> MutexGuard<'_, SimulatedDirectory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

/// Graph waits ten seconds for the answer to a validation request.
const NOTIFICATION_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

#[cfg(test)]
mod tests;
