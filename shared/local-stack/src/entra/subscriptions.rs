//! The subscriptions, and the notifications that they cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::directory::SimulatedSubscription;
use super::refusal::error;
use super::{SimulatedEntra, TENANT};
use crate::clock::rfc3339;
use crate::json_response::json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewSubscription {
    change_type: String,
    resource: String,
    notification_url: String,
    client_state: Option<String>,
    expiration_date_time: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renewal {
    expiration_date_time: String,
}

/// Why a notification had no answer.
#[derive(Debug, thiserror::Error)]
#[error("the notification had no answer: {0}")]
pub(super) struct NotificationError(#[from] reqwest::Error);

pub(super) async fn list(State(entra): State<Arc<SimulatedEntra>>) -> Response {
    let directory = entra.directory();
    let all: Vec<Value> =
        directory.subscriptions.iter().map(SimulatedSubscription::to_json).collect();
    json(StatusCode::OK, &json!({ "value": all }))
}

/// Creates a subscription, if its URL returns the validation token.
pub(super) async fn create(State(entra): State<Arc<SimulatedEntra>>, body: Bytes) -> Response {
    let Ok(new) = serde_json::from_slice::<NewSubscription>(&body) else {
        return error(StatusCode::BAD_REQUEST, "InvalidRequest");
    };
    let is_users = new.change_type == "updated,deleted" && new.resource == "users";
    let Some(ends_at) = entra.end_of(&new.expiration_date_time).filter(|_| is_users) else {
        return error(StatusCode::BAD_REQUEST, "InvalidRequest");
    };
    if !entra.is_confirmed(&new.notification_url).await {
        return error(StatusCode::BAD_REQUEST, "ValidationError");
    }
    let subscription = SimulatedSubscription {
        id: Uuid::new_v4().to_string(),
        resource: new.resource,
        notification_url: new.notification_url,
        client_state: new.client_state,
        ends_at,
    };
    let answer = subscription.to_json();
    entra.directory().subscriptions.push(subscription);
    json(StatusCode::CREATED, &answer)
}

pub(super) async fn renew(
    State(entra): State<Arc<SimulatedEntra>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let renewal: Option<Renewal> = serde_json::from_slice(&body).ok();
    let Some(ends_at) = renewal.and_then(|renewal| entra.end_of(&renewal.expiration_date_time))
    else {
        return error(StatusCode::BAD_REQUEST, "InvalidRequest");
    };
    let mut directory = entra.directory();
    let Some(found) = directory.subscriptions.iter_mut().find(|one| one.id == id) else {
        return error(StatusCode::NOT_FOUND, "ResourceNotFound");
    };
    found.ends_at = ends_at;
    json(StatusCode::OK, &found.to_json())
}

pub(super) async fn delete(
    State(entra): State<Arc<SimulatedEntra>>,
    Path(id): Path<String>,
) -> Response {
    let mut directory = entra.directory();
    let before = directory.subscriptions.len();
    directory.subscriptions.retain(|one| one.id != id);
    if directory.subscriptions.len() == before {
        return error(StatusCode::NOT_FOUND, "ResourceNotFound");
    }
    StatusCode::NO_CONTENT.into_response()
}

impl SimulatedEntra {
    /// The requested end of a subscription, if it is in the future and not too far ahead.
    fn end_of(&self, raw: &str) -> Option<OffsetDateTime> {
        let ends_at = OffsetDateTime::parse(raw, &Rfc3339).ok()?;
        let now = self.now();
        (now < ends_at && ends_at <= now + LONGEST_SUBSCRIPTION).then_some(ends_at)
    }

    /// Whether the receiver returns the token, as Graph requires.
    async fn is_confirmed(&self, url: &str) -> bool {
        let token = format!("Validation: simulated & encoded {}", Uuid::new_v4());
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("validationToken", &token)
            .finish();
        let Ok(response) = self.http.post(format!("{url}?{query}")).send().await else {
            return false;
        };
        let is_text = response
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        let is_ok = response.status() == 200 && is_text;
        is_ok && response.text().await.is_ok_and(|text| text == token)
    }

    /// Sends a notification about a user to every subscriber, and returns the statuses of their
    /// answers.
    pub(super) async fn notify(
        &self,
        user: &str,
        change: &str,
    ) -> Result<Vec<u16>, NotificationError> {
        let (now, number, subscriptions) = {
            let mut directory = self.directory();
            directory.expire(self.now());
            directory.notified += 1;
            (self.now(), directory.notified, directory.subscriptions.clone())
        };
        let mut statuses = Vec::new();
        for subscription in subscriptions {
            let resource = format!("Users/{user}");
            // Graph's times have seven fractional digits.
            let at = rfc3339(now).replace('Z', ".1234567Z");
            let mut notification = BTreeMap::from([
                ("changeType", json!(change)),
                ("resource", json!(resource)),
                ("subscriptionExpirationDateTime", json!(rfc3339(subscription.ends_at))),
                ("subscriptionId", json!(subscription.id)),
                ("tenantId", json!(TENANT)),
                (
                    "resourceData",
                    json!({
                        "@odata.type": "#Microsoft.Graph.User", "@odata.id": resource, "id": user,
                        "organizationId": TENANT, "eventTime": at, "sequenceNumber": number,
                    }),
                ),
            ]);
            notification
                .extend(subscription.client_state.map(|state| ("clientState", json!(state))));
            let body = json!({ "value": [notification] }).to_string();
            let request = self
                .http
                .post(subscription.notification_url)
                .header("content-type", "application/json")
                .body(body);
            statuses.push(request.send().await?.status().as_u16());
        }
        Ok(statuses)
    }
}

/// Graph's limit for users: 41,760 minutes.
const LONGEST_SUBSCRIPTION: Duration = Duration::days(29);
