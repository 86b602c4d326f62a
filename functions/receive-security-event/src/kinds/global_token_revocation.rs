//! Global Token Revocation, which Okta calls Universal Logout: a signed bearer, and a body that
//! names the user.

use event_queue::EventQueue;
use issuer_keys::KeyDiscovery;
use lambda_http::http::StatusCode;
use lambda_http::http::header::AUTHORIZATION;
use security_events::GlobalTokenRevocationSettings;
use security_events::messages::{
    MessageRefusal, REVOCATION_PROFILE, RevocationProof, RevocationRequestError,
};

use super::message::{MessageFault, verified_claims};
use crate::answer::SignalAnswer;
use crate::intake::{SignalIntake, TransmitterRequest};
use crate::request::{header, text_body};
use crate::secret_cache::SecretSource;

/// Answers a request: 204 if the revocation has begun.
pub(crate) async fn receive<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &GlobalTokenRevocationSettings,
) -> SignalAnswer {
    match revoke(intake, request, settings).await {
        Ok(answer) | Err(answer) => answer,
    }
}

async fn revoke<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &GlobalTokenRevocationSettings,
) -> Result<SignalAnswer, SignalAnswer> {
    let proof = authenticate(intake, request, settings).await.map_err(unauthenticated)?;
    // What follows is only answered to an authenticated caller.
    let body = text_body(request.http, "application/json")
        .map_err(|refusal| MessageFault::Body(refusal).answer(StatusCode::BAD_REQUEST, INVALID))?;
    let signals = settings.read(body.as_bytes(), &proof).map_err(refused)?;
    let outcome = intake.enqueue(request, signals).await?;
    Ok(SignalAnswer::empty(StatusCode::NO_CONTENT, outcome))
}

async fn authenticate<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &GlobalTokenRevocationSettings,
) -> Result<RevocationProof, MessageFault> {
    let given = header(request.http.headers(), AUTHORIZATION).unwrap_or_default();
    let token = match given.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    };
    let (issuer, discovery) = (&settings.issuer, KeyDiscovery::OpenId);
    let claims =
        verified_claims(intake, request, token, REVOCATION_PROFILE, issuer, discovery).await?;
    Ok(settings.authenticate(&claims, request.arrived_at)?)
}

fn unauthenticated(fault: MessageFault) -> SignalAnswer {
    match fault {
        MessageFault::Claims(MessageRefusal::Client) => {
            fault.answer(StatusCode::FORBIDDEN, "access_denied")
        }
        _ => fault.answer(StatusCode::UNAUTHORIZED, "invalid_token"),
    }
}

fn refused(error: RevocationRequestError) -> SignalAnswer {
    let (status, code) = match error {
        RevocationRequestError::Malformed | RevocationRequestError::UnsupportedFormat => {
            (StatusCode::BAD_REQUEST, INVALID)
        }
        RevocationRequestError::ForeignUser => (StatusCode::FORBIDDEN, "access_denied"),
        RevocationRequestError::Unprocessable => (StatusCode::UNPROCESSABLE_ENTITY, INVALID),
    };
    SignalAnswer::oauth_error(status, code, &error.to_string())
}

/// The code for a request that is not what this kind takes.
const INVALID: &str = "invalid_request";
