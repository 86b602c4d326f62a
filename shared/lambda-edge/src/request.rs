use std::time::Duration;

use api_types::ProblemType;
use identity_core::{identity::Invocation, ports::Clock};
use lambda_http::{Context, Request, RequestExt, http::header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use crate::{Object, Problem, deadline};

/// No valid request is larger. API Gateway would accept 10 MB.
const MAX_BODY: usize = 16 * 1024;

/// Reads a JSON body; without a body, returns the default.
pub fn json<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Problem> {
    let body: &[u8] = request.body();
    if body.is_empty() {
        return Ok(T::default());
    }
    if body.len() > MAX_BODY {
        return Err(ProblemType::BODY_TOO_LARGE.into());
    }
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    if !media_type.is_some_and(|value| value.eq_ignore_ascii_case("application/json")) {
        return Err(ProblemType::UNSUPPORTED_MEDIA_TYPE.into());
    }
    // The parser's message can quote the input, which can hold a secret.
    let Object(body) = serde_json::from_slice(body).map_err(|_| ProblemType::INVALID_BODY)?;
    Ok(body)
}

/// Reads the query parameters. An unknown or repeated parameter is refused.
pub fn query<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    let parameters = request.query_string_parameters_ref();
    let mut fields = serde_json::Map::new();
    for (name, value) in parameters.iter().flat_map(|parameters| parameters.iter()) {
        if fields.insert(name.to_owned(), value.into()).is_some() {
            return Err(ProblemType::INVALID_QUERY.into());
        }
    }
    Ok(serde_json::from_value(fields.into()).map_err(|_| ProblemType::INVALID_QUERY)?)
}

/// The name and the times of a request's invocation, as Lambda gave them.
#[must_use]
pub fn invocation(request: &Request, clock: &impl Clock) -> Invocation {
    let context = request.lambda_context_ref();
    context.map_or_else(|| invocation_of(&Context::default(), clock), |c| invocation_of(c, clock))
}

/// The name and the times of an invocation, as Lambda gave them.
#[must_use]
pub fn invocation_of(context: &Context, clock: &impl Clock) -> Invocation {
    let now = clock.now();
    let deadline = deadline(context, now, WITHOUT_DEADLINE);
    let acs_until = deadline.checked_sub(AFTER_ACS).unwrap_or(now).min(now + FOR_ACS);
    Invocation {
        id: context.request_id.clone(),
        deadline,
        acs_until,
        patience: Invocation::PATIENCE,
    }
}

/// For a request that did not come through Lambda.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(10);

/// The time limit for all calls to ACS in a request together.
const FOR_ACS: Duration = Duration::from_secs(6);

/// The time reserved after ACS for the deciding write and for the response.
const AFTER_ACS: Duration = Duration::from_secs(2);
