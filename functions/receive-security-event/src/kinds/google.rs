//! Google's Cross-Account Protection: the body is the signed token.

use event_queue::EventQueue;
use issuer_keys::KeyDiscovery;
use lambda_http::http::StatusCode;
use security_events::GoogleSettings;
use security_events::messages::{GOOGLE_PROFILE, MessageReading, MessageRefusal};
use security_events::ssf::{SetError, SetErrorCode};

use super::message::{MessageFault, answer_reading, verified_claims};
use crate::answer::SignalAnswer;
use crate::intake::{SignalIntake, TransmitterRequest};
use crate::request::{BodyRefusal, text_body};
use crate::secret_cache::SecretSource;

/// Answers a request: 202 if the token is genuine, whatever it reports.
pub(crate) async fn receive<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &GoogleSettings,
) -> SignalAnswer {
    match read(intake, request, settings).await {
        Ok(reading) => answer_reading(intake, request, reading, StatusCode::ACCEPTED).await,
        Err(fault) => refused(fault),
    }
}

async fn read<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &GoogleSettings,
) -> Result<MessageReading, MessageFault> {
    let token = text_body(request.http, "application/secevent+jwt")?;
    let (issuer, discovery) = (&settings.issuer, KeyDiscovery::Risc);
    let claims = verified_claims(intake, request, token, GOOGLE_PROFILE, issuer, discovery).await?;
    Ok(settings.read(&claims, request.arrived_at)?)
}

/// An error of RFC 8935 §2.3.
fn refused(fault: MessageFault) -> SignalAnswer {
    let code = match fault {
        MessageFault::KeysUnavailable => return SignalAnswer::unavailable("keys-unavailable"),
        MessageFault::Token(refusal) => SetError::from(refusal).code,
        MessageFault::Claims(MessageRefusal::Issuer) => SetErrorCode::InvalidIssuer,
        MessageFault::Claims(MessageRefusal::Audience) => SetErrorCode::InvalidAudience,
        MessageFault::Claims(_) | MessageFault::Body(_) | MessageFault::NoToken(_) => {
            SetErrorCode::InvalidRequest
        }
    };
    let status = match fault {
        MessageFault::Body(BodyRefusal::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    SignalAnswer::set_error(status, code.as_str(), &fault.description())
}
