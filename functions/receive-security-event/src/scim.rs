//! SCIM 2.0 at `/scim/v2/{proxy+}`: a provider that deactivates or deletes a user.
//!
//! One address serves all transmitters of this kind. The bearer says which one it is, and it is
//! compared before anything else is read.

use std::cell::Cell;
use std::time::{Instant, SystemTime};

use event_queue::{EventQueue, SignalMessage};
use identity_core::Error;
use identity_core::event::Event;
use identity_core::ports::Clock;
use lambda_edge::correlation_id;
use lambda_http::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};
use scim_users::ports::{ScimUserEvent, ScimUserStore, UserEventSender};
use scim_users::{ScimRequest, ScimResponse, ScimService, ScimStamp, UserMapping, bearer_in};
use security_events::{Transmitter, TransmitterSettings, UserSignal};
use uuid::Uuid;

use crate::answer::{SignalAnswer, SignalOutcome};
use crate::receiver::Receiver;
use crate::request::header;
use crate::secret_cache::{SecretSource, SecretUnavailable};
use crate::signal_log;

/// The path after `/scim/v2/`; `None` for a request of another kind.
pub(crate) fn scim_path(http: &Request) -> Option<String> {
    let parameters = http.path_parameters_ref()?;
    parameters.first("proxy").map(ToOwned::to_owned)
}

/// Answers a request of SCIM, and writes its log line.
pub(crate) async fn receive_scim<S: SecretSource, Q: EventQueue, U: ScimUserStore>(
    receiver: &Receiver<S, Q>,
    store: &U,
    http: &Request,
    path: &str,
    clock: &impl Clock,
    now: Instant,
) -> Response<Body> {
    let arrived_at = clock.now();
    let Ok(transmitter) = find_transmitter(receiver, http, now).await else {
        // The secret of the transmitters is not available.
        return finish(None, ScimResponse::from(Error::busy()), 0, http, clock, arrived_at);
    };
    let Some((transmitter, mapping)) = transmitter else {
        return finish(None, ScimResponse::unauthorized(), 0, http, clock, arrived_at);
    };
    let events = QueuedUserEvents {
        queue: &receiver.intake().queue,
        transmitter,
        arrived_at,
        sent: Cell::new(0),
    };
    let service = ScimService { store, events: &events, transmitter: &transmitter.name, mapping };
    let response = handle(&service, http, path, arrived_at).await;
    finish(Some(transmitter), response, events.sent.get(), http, clock, arrived_at)
}

/// The transmitter whose token is the bearer. All are compared, so that the time of the answer does
/// not say which one it was. Only a bearer that matches none of them can be a rotated token: then the
/// secret is read again.
async fn find_transmitter<'a, S: SecretSource, Q: EventQueue>(
    receiver: &'a Receiver<S, Q>,
    http: &Request,
    now: Instant,
) -> Result<Option<(&'a Transmitter, &'a UserMapping)>, SecretUnavailable> {
    let authorization = header(http.headers(), AUTHORIZATION).unwrap_or_default();
    let bearer = bearer_in(authorization).filter(|bearer| bearer.len() >= SHORTEST_TOKEN);
    let Some(bearer) = bearer else { return Ok(None) };
    let secrets = &receiver.intake().secrets;
    secrets.refresh(false, now).await?;
    let mut found = compare_all(receiver, bearer);
    if found.is_none() {
        secrets.refresh(true, now).await?;
        found = compare_all(receiver, bearer);
    }
    Ok(found)
}

/// The same with the secrets that were read last.
fn compare_all<'a, S: SecretSource, Q: EventQueue>(
    receiver: &'a Receiver<S, Q>,
    bearer: &str,
) -> Option<(&'a Transmitter, &'a UserMapping)> {
    let mut found = None;
    for transmitter in receiver.transmitters().iter() {
        let TransmitterSettings::Scim(settings) = &transmitter.settings else { continue };
        let matches = receiver.intake().secrets.compare(&transmitter.name, "token", bearer);
        if matches == Some(true) {
            found = Some((transmitter, &settings.mapping));
        }
    }
    found
}

/// A shorter token could be guessed, so it is never accepted.
const SHORTEST_TOKEN: usize = 16;

async fn handle<U: ScimUserStore, E: UserEventSender>(
    service: &ScimService<'_, U, E>,
    http: &Request,
    path: &str,
    arrived_at: SystemTime,
) -> ScimResponse {
    let query = http.query_string_parameters_ref().map(|query| query.iter());
    let pairs =
        query.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let query: Vec<_> = pairs.collect();
    let request = ScimRequest {
        method: http.method().as_str(),
        path,
        query: &query,
        content_type: header(http.headers(), CONTENT_TYPE),
        content_encoding: header(http.headers(), CONTENT_ENCODING),
        body: http.body(),
        base_url: &base_url(http.headers()),
    };
    let id = Uuid::new_v4().to_string();
    service.handle(&request, &ScimStamp { now: arrived_at, id }).await
}

/// The URL of `/scim/v2`, as the provider wrote it. The provider gets it back, and nothing else
/// uses it, so that its header may say what it is.
fn base_url(headers: &HeaderMap) -> String {
    let host = header(headers, HOST).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let is_host = !host.is_empty() && host.bytes().all(is_plain);
    if is_host { format!("https://{host}/scim/v2") } else { "/scim/v2".to_owned() }
}

/// The queue of events, for one request.
struct QueuedUserEvents<'a, Q> {
    queue: &'a Q,
    transmitter: &'a Transmitter,
    arrived_at: SystemTime,
    /// How many events were sent.
    sent: Cell<usize>,
}

impl<Q: EventQueue> UserEventSender for QueuedUserEvents<'_, Q> {
    async fn send(&self, event: &ScimUserEvent) -> Result<(), Error> {
        let signal = UserSignal {
            user: event.user.clone(),
            kind: event.kind,
            occurred_at: event.occurred_at,
            resolution: Event::FINEST,
            event_id: event.id.clone(),
            reason: None,
        };
        let message = SignalMessage::of(self.transmitter, signal, self.arrived_at);
        let sent = self.queue.send(&[message]).await;
        sent.map_err(|error| Error::StoreUnavailable(error.into()))?;
        self.sent.set(self.sent.get() + 1);
        Ok(())
    }
}

/// Writes the log line, and makes the response for API Gateway.
fn finish(
    transmitter: Option<&Transmitter>,
    response: ScimResponse,
    sent: usize,
    http: &Request,
    clock: &impl Clock,
    arrived_at: SystemTime,
) -> Response<Body> {
    let status = StatusCode::from_u16(response.status).unwrap_or_default();
    let answer = SignalAnswer::empty(status, outcome_of(response.status, sent));
    let duration = clock.now().duration_since(arrived_at).unwrap_or_default();
    let request_id = correlation_id(http);
    signal_log::write(transmitter, &answer, &request_id, duration);
    let body = response.body.map(|body| body.to_string()).unwrap_or_default();
    let answer = answer.with(CONTENT_TYPE, ScimResponse::MEDIA_TYPE).with_body(body);
    let mut made = answer.into_response(&request_id);
    let headers = made.headers_mut();
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    made
}

/// A provider looks for users who do not exist before it creates them: that is not a refusal.
fn outcome_of(status: u16, sent: usize) -> SignalOutcome {
    match status {
        0..=399 if sent > 0 => SignalOutcome::Accepted(sent),
        0..=399 => SignalOutcome::Ignored("no-change"),
        401 => SignalOutcome::Refused("authentication"),
        404 | 405 | 501 => SignalOutcome::Ignored("not-found"),
        409 => SignalOutcome::Ignored("name-taken"),
        413 => SignalOutcome::Refused("body-too-large"),
        415 => SignalOutcome::Refused("media-type"),
        500.. => SignalOutcome::Failed("scim-unavailable"),
        _ => SignalOutcome::Refused("invalid-request"),
    }
}

#[cfg(test)]
mod tests;
