//! A transmitter of the Shared Signals Framework, by push (RFC 8935).

use bearer_verifier::SignedToken;
use event_queue::EventQueue;
use issuer_keys::{KeyDiscovery, Unverified};
use lambda_http::http::StatusCode;
use lambda_http::http::header::AUTHORIZATION;
use security_events::SsfSettings;
use security_events::ssf::{SET_PROFILE, SetError, SetErrorCode, SetReading, read};

use crate::answer::{SignalAnswer, SignalOutcome};
use crate::intake::{SignalIntake, TransmitterRequest};
use crate::request::{BodyRefusal, header, text_body};
use crate::secret_cache::SecretSource;

/// Answers a request: 202 if the SET is valid and what follows from it is stored.
pub(crate) async fn receive<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &SsfSettings,
) -> SignalAnswer {
    match accept(intake, request, settings).await {
        Ok(outcome) => SignalAnswer::empty(StatusCode::ACCEPTED, outcome),
        Err(answer) => answer,
    }
}

async fn accept<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
    settings: &SsfSettings,
) -> Result<SignalOutcome, SignalAnswer> {
    authenticate(intake, request).await?;
    let body = text_body(request.http, "application/secevent+jwt").map_err(body_refused)?;
    let token =
        SignedToken::parse_as(body, SET_PROFILE).map_err(|refusal| refused(refusal.into()))?;
    let claims = intake
        .verified_claims(token, &settings.issuer, KeyDiscovery::SharedSignals, request.now)
        .await
        .map_err(|unverified| match unverified {
            Unverified::Refused(refusal) => refused(refusal.into()),
            Unverified::KeysUnavailable => SignalAnswer::unavailable("keys-unavailable"),
        })?;
    match read(&claims, settings, request.arrived_at).map_err(refused)? {
        SetReading::Signals(signals) => intake.enqueue(request, signals).await,
        SetReading::Verification => Ok(SignalOutcome::Verified),
        SetReading::StreamUpdated(status) => Ok(SignalOutcome::StreamUpdated(status)),
        SetReading::Ignored(why) => Ok(SignalOutcome::Ignored(why.as_str())),
    }
}

/// If the stream was made with an `authorization_header`, every request carries it. It is compared
/// before anything is parsed.
async fn authenticate<S: SecretSource, Q: EventQueue>(
    intake: &SignalIntake<S, Q>,
    request: &TransmitterRequest<'_>,
) -> Result<(), SignalAnswer> {
    let given = header(request.http.headers(), AUTHORIZATION).unwrap_or_default();
    let name = &request.transmitter.name;
    match intake.secrets.matches(name, "authorization", given, request.now).await {
        Err(_) => Err(SignalAnswer::unavailable("secret-unavailable")),
        Ok(Some(false)) => {
            let description = "the header `Authorization` is not the one of this stream";
            let err = SetErrorCode::AuthenticationFailed.as_str();
            Err(SignalAnswer::set_error(StatusCode::UNAUTHORIZED, err, description))
        }
        Ok(Some(true) | None) => Ok(()),
    }
}

fn refused(error: SetError) -> SignalAnswer {
    SignalAnswer::set_error(StatusCode::BAD_REQUEST, error.code.as_str(), error.description)
}

fn body_refused(refusal: BodyRefusal) -> SignalAnswer {
    let (status, description) = match refusal {
        BodyRefusal::TooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 65,536 bytes")
        }
        BodyRefusal::MediaType => (
            StatusCode::BAD_REQUEST,
            "the body must be an uncompressed SET with the type application/secevent+jwt",
        ),
    };
    SignalAnswer::set_error(status, SetErrorCode::InvalidRequest.as_str(), description)
}
