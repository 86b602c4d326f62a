use api_types::ProblemType;
use lambda_http::{Request, RequestExt};
use serde::de::DeserializeOwned;

use super::read_error::{describe_query, is_name};
use crate::Problem;

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
    serde_json::from_value(fields.into())
        .map_err(|error| Problem::new(ProblemType::INVALID_QUERY, describe_query(&error)))
}

/// A query parameter whose value is refused. The reason must not quote the value.
#[must_use]
pub fn invalid_parameter(name: &str, reason: &str) -> Problem {
    Problem::new(ProblemType::INVALID_QUERY, format!("invalid value for `{name}`: {reason}"))
}
