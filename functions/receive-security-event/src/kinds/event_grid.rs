//! How Azure Event Grid asks whether it may send the events of a partner topic.
//!
//! Both questions come without a secret: the sender proves nothing by them, and gets nothing but
//! what it sent. They protect this route from a topic of another customer, whose events would only
//! be refused. Each event has its `clientState`, and is authenticated by that.

use entra_users::TopicValidation;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, HeaderName};
use security_events::{PartnerTopic, TransmitterSettings};
use serde_json::json;

use crate::answer::{SignalAnswer, SignalOutcome};
use crate::request::{header, text_body};

/// Answers an `OPTIONS` request, with which the HTTP webhooks of `CloudEvents` (§4) begin. It is
/// granted to Event Grid, for a transmitter whose notifications come through it.
pub(crate) fn answer_handshake(http: &Request, settings: &TransmitterSettings) -> SignalAnswer {
    let TransmitterSettings::Graph(graph) = settings else { return method_not_allowed() };
    if graph.partner_topic.is_none() {
        return method_not_allowed();
    }
    let origin = header(http.headers(), REQUEST_ORIGIN).unwrap_or_default();
    if !origin.eq_ignore_ascii_case(EVENT_GRID) {
        return SignalAnswer::refused(StatusCode::FORBIDDEN, "unknown-origin");
    }
    // API Gateway limits the rate of all routes, and Event Grid repeats what is refused by that.
    SignalAnswer::empty(StatusCode::OK, SignalOutcome::Verified)
        .with(ALLOWED_ORIGIN, EVENT_GRID)
        .with(ALLOWED_RATE, "*")
        .with(ALLOW, "OPTIONS, POST")
}

/// Whether a request asks in Event Grid's own schema, instead of by `OPTIONS`.
pub(super) fn is_validation(http: &Request) -> bool {
    header(http.headers(), EVENT_TYPE).is_some_and(|kind| kind == "SubscriptionValidation")
}

/// Returns the code, if the topic is the one that is configured.
pub(super) fn answer_validation(http: &Request, topic: Option<&PartnerTopic>) -> SignalAnswer {
    let body = match text_body(http, "application/json") {
        Ok(body) => body,
        Err(refusal) => return refusal.answer(),
    };
    let Ok(validation) = TopicValidation::read(body.as_bytes()) else {
        return SignalAnswer::refused(StatusCode::BAD_REQUEST, "invalid-validation-event");
    };
    if !topic.is_some_and(|topic| topic.has_resource_id(&validation.topic)) {
        return SignalAnswer::refused(StatusCode::FORBIDDEN, "not-our-topic");
    }
    SignalAnswer::empty(StatusCode::OK, SignalOutcome::Verified)
        .with(CONTENT_TYPE, "application/json")
        .with_body(json!({ "validationResponse": validation.code }).to_string())
}

fn method_not_allowed() -> SignalAnswer {
    SignalAnswer::refused(StatusCode::METHOD_NOT_ALLOWED, "method").with(ALLOW, "POST")
}

/// How Event Grid names itself.
const EVENT_GRID: &str = "eventgrid.azure.net";

const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");
const EVENT_TYPE: HeaderName = HeaderName::from_static("aeg-event-type");
