mod caller;
mod event;
mod object;
mod token_input;

use std::time::Duration;

use api_types::ProblemType;
use identity_core::{identity::Invocation, ports::Clock};
use lambda_http::{Context, Request, RequestExt, http::header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use crate::{Problem, deadline};

pub use caller::Caller;
pub use event::GatewayEvent;
pub use object::Object;
pub use token_input::TokenInput;

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
    let Object(body) = serde_json::from_slice(body)
        .map_err(|error| Problem::new(ProblemType::INVALID_BODY, describe(&error)))?;
    Ok(body)
}

/// Reads the query parameters. An unknown or repeated parameter is refused.
pub fn query<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    let parameters = request.query_string_parameters_ref();
    let mut fields = serde_json::Map::new();
    for (name, value) in parameters.iter().flat_map(|parameters| parameters.iter()) {
        if fields.insert(name.to_owned(), value.into()).is_some() {
            let name = if is_name(name) { format!(" `{name}`") } else { String::new() };
            let detail = format!("repeated parameter{name}");
            return Err(Problem::new(ProblemType::INVALID_QUERY, detail));
        }
    }
    serde_json::from_value(fields.into()).map_err(|error| {
        let detail = describe(&error).replace("unknown field", "unknown parameter");
        Problem::new(ProblemType::INVALID_QUERY, detail)
    })
}

/// What is wrong with a body, and where. The parser's message can quote a value, which can be a
/// secret, so that of a value is not used.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let names_a_field = ["unknown field `", "missing field `", "duplicate field `"];
    if names_a_field.iter().any(|prefix| text.starts_with(prefix))
        && text.split('`').nth(1).is_some_and(is_name)
    {
        return text;
    }
    let (line, column) = (error.line(), error.column());
    match text.rsplit_once(", expected ") {
        Some((_, expected)) if error.is_data() => format!("invalid value: expected {expected}"),
        _ if error.is_data() => format!("invalid value at line {line} column {column}"),
        _ => format!("malformed JSON at line {line} column {column}"),
    }
}

/// Whether this looks like the name of a field. A client that confuses names and values could
/// send a token as a name.
fn is_name(raw: &str) -> bool {
    raw.len() <= 32 && raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
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
