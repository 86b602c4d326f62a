//! Change notifications of Microsoft Graph, to a webhook or through Event Grid.
//!
//! A notification says that a user changed, and not what changed. So it becomes a message that asks
//! `revoke-on-event` to look the user up. Notifications about the subscription itself need no
//! message: `watch-entra-users` renews or replaces the subscription and asks for all changes in each
//! of its runs.

use entra_users::{DirectoryUser, GraphNotification, NotifiedChange, read_notifications};
use event_queue::{EventQueue, LookUpMessage};
use identity_core::ports::AccountLookUp;
use lambda_http::http::StatusCode;
use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::{Request, RequestExt as _};
use security_events::GraphSettings;
use tracing::warn;

use super::event_grid;
use crate::answer::{SignalAnswer, SignalOutcome};
use crate::intake::{SignalIntake, TransmitterRequest};
use crate::request::{BodyRefusal, text_body};
use crate::secret_cache::SecretSource;

/// Answers a request: 202 if the accounts to look up are stored, or the validation token.
pub(crate) async fn receive<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &GraphSettings,
) -> SignalAnswer {
    let query = request.http.query_string_parameters_ref();
    if let Some(token) = query.and_then(|query| query.first("validationToken")) {
        return confirm(token);
    }
    if event_grid::is_validation(request.http) {
        return event_grid::answer_validation(request.http, settings.partner_topic.as_ref());
    }
    match accept(intake, request, settings).await {
        Ok(outcome) => SignalAnswer::empty(StatusCode::ACCEPTED, outcome),
        Err(answer) => answer,
    }
}

/// Returns the token with which Graph checks a new subscription. Any caller can send one, so it is
/// short plain text that a browser does not interpret.
fn confirm(token: &str) -> SignalAnswer {
    let is_plain = |c: char| c == ' ' || c.is_ascii_graphic();
    if token.is_empty() || token.len() > LONGEST_TOKEN || !token.chars().all(is_plain) {
        return SignalAnswer::refused(StatusCode::BAD_REQUEST, "invalid-validation-token");
    }
    SignalAnswer::empty(StatusCode::OK, SignalOutcome::Verified)
        .with(CONTENT_TYPE, "text/plain")
        .with_body(token.to_owned())
}

async fn accept<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &GraphSettings,
) -> Result<SignalOutcome, SignalAnswer> {
    let body = body(request.http).map_err(BodyRefusal::answer)?;
    let notifications = read_notifications(body.as_bytes())
        .map_err(|_| SignalAnswer::refused(StatusCode::BAD_REQUEST, "invalid-notification"))?;
    for notification in &notifications {
        // Graph never sends a genuine notification together with one that it did not make.
        if !is_genuine(intake, request, settings, notification).await? {
            return Err(SignalAnswer::refused(StatusCode::FORBIDDEN, "not-our-subscription"));
        }
    }
    let mut messages: Vec<LookUpMessage> = Vec::new();
    for user in notifications.into_iter().filter_map(changed_user) {
        let Some(external_id) = settings.external_id(&user) else { continue };
        // One look-up is enough for several changes of a user.
        if messages.iter().any(|message| message.look_up.user == external_id) {
            continue;
        }
        messages.push(LookUpMessage {
            look_up: AccountLookUp {
                user: external_id,
                source: request.transmitter.settings.source(),
                transmitter: request.transmitter.name.clone(),
                tenant: user.tenant.to_string(),
                object_id: user.id.to_string(),
                id: crate::request::request_id(request.http),
            },
            mode: request.transmitter.mode,
            accepted_at: request.arrived_at,
        });
    }
    intake.enqueue_look_ups(&messages).await
}

/// The user of a notification; `None` if it is about something else.
fn changed_user(notification: GraphNotification) -> Option<DirectoryUser> {
    match notification.change {
        NotifiedChange::User(user) => Some(user),
        NotifiedChange::Lifecycle(event) => {
            warn!(event, "Microsoft Graph reports trouble with the subscription");
            None
        }
        NotifiedChange::Other => None,
    }
}

/// The body of a webhook, or of Event Grid.
fn body(request: &Request) -> Result<&str, BodyRefusal> {
    let mut found = Err(BodyRefusal::MediaType);
    for media_type in MEDIA_TYPES {
        found = text_body(request, media_type);
        if found != Err(BodyRefusal::MediaType) {
            break;
        }
    }
    found
}

/// Whether Graph sent the notification, for a tenant of ours.
async fn is_genuine<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &GraphSettings,
    notification: &GraphNotification,
) -> Result<bool, SignalAnswer> {
    let name = &request.transmitter.name;
    let given = notification.client_state.expose();
    let matches = intake.secrets.matches(name, "clientState", given, request.now).await;
    match matches {
        Ok(Some(matches)) => {
            Ok(matches && settings.tenants().any(|tenant| *tenant == notification.tenant))
        }
        // Without the secret, no notification can be told from a forged one.
        Ok(None) | Err(_) => Err(SignalAnswer::unavailable("secret-unavailable")),
    }
}

/// The media types of a webhook, and of one or several `CloudEvents`.
const MEDIA_TYPES: [&str; 3] =
    ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"];

/// Graph's tokens have about a hundred characters.
const LONGEST_TOKEN: usize = 1024;
