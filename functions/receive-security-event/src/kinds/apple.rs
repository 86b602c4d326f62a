//! Sign in with Apple: a JSON object with a signed notification.

use event_queue::EventQueue;
use issuer_keys::KeyDiscovery;
use lambda_http::http::StatusCode;
use security_events::AppleSettings;
use security_events::messages::{APPLE_PROFILE, MessageReading, apple_token_in};

use super::message::{MessageFault, answer_reading, verified_claims};
use crate::answer::SignalAnswer;
use crate::intake::{SignalIntake, TransmitterRequest};
use crate::request::text_body;
use crate::secret_cache::SecretSource;

/// Answers a request: 200 if the notification is genuine, whatever it reports.
pub(crate) async fn receive<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &AppleSettings,
) -> SignalAnswer {
    match read(intake, request, settings).await {
        Ok(reading) => answer_reading(intake, request, reading, StatusCode::OK).await,
        Err(fault) => fault.answer(StatusCode::BAD_REQUEST, "invalid_request"),
    }
}

async fn read<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &AppleSettings,
) -> Result<MessageReading, MessageFault> {
    let body = text_body(request.http, "application/json")?;
    let token = apple_token_in(body.as_bytes())
        .ok_or(MessageFault::NoToken("the body must be a JSON object with the text `payload`"))?;
    let (issuer, discovery) = (&settings.issuer, KeyDiscovery::OpenId);
    let claims = verified_claims(intake, request, &token, APPLE_PROFILE, issuer, discovery).await?;
    Ok(settings.read(&claims, request.arrived_at)?)
}
