//! `OpenID` Connect Back-Channel Logout 1.0: a form with a logout token.

use event_queue::EventQueue;
use issuer_keys::KeyDiscovery;
use lambda_http::http::StatusCode;
use security_events::BackChannelLogoutSettings;
use security_events::messages::{LOGOUT_PROFILE, MessageReading, logout_token_in};

use super::message::{MessageFault, answer_reading, verified_claims};
use crate::answer::SignalAnswer;
use crate::intake::{SignalIntake, TransmitterRequest};
use crate::request::text_body;
use crate::secret_cache::SecretSource;

/// Answers a request: 200 if the logout token is valid, or 400 (§2.8).
pub(crate) async fn receive<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &BackChannelLogoutSettings,
) -> SignalAnswer {
    match read(intake, request, settings).await {
        Ok(reading) => answer_reading(intake, request, reading, StatusCode::OK).await,
        Err(fault) => fault.answer(StatusCode::BAD_REQUEST, "invalid_request"),
    }
}

async fn read<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &BackChannelLogoutSettings,
) -> Result<MessageReading, MessageFault> {
    let form = text_body(request.http, "application/x-www-form-urlencoded")?;
    let token = logout_token_in(form.as_bytes())
        .ok_or(MessageFault::NoToken("the form must have one `logout_token`"))?;
    let (issuer, discovery) = (&settings.issuer, KeyDiscovery::OpenId);
    let claims =
        verified_claims(intake, request, &token, LOGOUT_PROFILE, issuer, discovery).await?;
    Ok(settings.read(&claims, request.arrived_at)?)
}
