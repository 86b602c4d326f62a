//! Requests as API Gateway sends them, for the tests of the functions.
#![expect(clippy::indexing_slicing, reason = "the JSON is made here")]

use identity_core::identity::SubjectClaims;
use lambda_http::{Body, Context, Request, Response};
use serde_json::{Value, json};

use crate::{Access, GatewayEvent, ServiceEdge, config::Env};

/// A request as API Gateway sends it after an authorizer accepted the token.
#[derive(Clone, Debug)]
pub struct TestRequest(Value);

impl TestRequest {
    /// A request by `alice` of the issuer `https://idp.example`, who may use every route.
    /// `route` is spelled as in the template, e.g. `POST /v1/token`.
    #[must_use]
    pub fn new(route: &str) -> Self {
        let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
        Self(json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": "",
            "headers": {},
            "requestContext": {
                "http": { "method": method, "path": path },
                "authorizer": {
                    "jwt": {
                        "claims": {
                            "iss": "https://idp.example",
                            "sub": "alice",
                            "scope": "guestpass.token guestpass.admin",
                            "role": "guestpass-admin",
                            // Later than any time in a test.
                            "iat": "1800000600",
                        },
                        "scopes": [],
                    },
                },
            },
            "isBase64Encoded": false,
        }))
    }

    /// A request by a back end that may invite guests, and not administer.
    #[must_use]
    pub fn inviting(route: &str) -> Self {
        Self::new(route).claim("scope", "guestpass.invite")
    }

    /// The external id of the caller.
    pub const ALICE: &str = "https://idp.example|alice";

    /// Adds or replaces a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: &str) -> Self {
        self.0["requestContext"]["authorizer"]["jwt"]["claims"][name] = value.into();
        self
    }

    /// Replaces the JWT authorizer by a Lambda authorizer, which passes these claims.
    #[must_use]
    pub fn json_claims(self, claims: &Value) -> Self {
        self.authorizer(json!({ "lambda": { "claims": claims } }))
    }

    /// Replaces the context that the authorizer passes.
    #[must_use]
    pub fn authorizer(mut self, context: Value) -> Self {
        self.0["requestContext"]["authorizer"] = context;
        self
    }

    /// Removes the authorizer, as if the function were attached to a route without one.
    #[must_use]
    pub fn without_authorizer(self) -> Self {
        self.authorizer(Value::Null)
    }

    /// Sets the value of `{id}`.
    #[must_use]
    pub fn id(self, id: &str) -> Self {
        self.parameter("id", id)
    }

    /// Sets the value of one parameter of the path.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.0["pathParameters"] = json!({ name: value });
        self
    }

    /// Sets all parameters of the path.
    #[must_use]
    pub fn parameters(mut self, parameters: &[(&str, &str)]) -> Self {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        self.0["pathParameters"] = Value::Object(parameters.collect());
        self
    }

    /// Sets the query.
    #[must_use]
    pub fn query(mut self, query: &str) -> Self {
        self.0["rawQueryString"] = query.into();
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", &body.to_string())
    }

    /// Sets any body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: &str) -> Self {
        self.0["body"] = body.into();
        self.header("content-type", content_type)
    }

    /// The request as the function gets it.
    ///
    /// # Panics
    /// Never: every JSON value is an event.
    #[must_use]
    pub fn request(&self) -> Request {
        #[expect(clippy::expect_used, reason = "a test may die")]
        let event: GatewayEvent = serde_json::from_str(&self.0.to_string()).expect("an event");
        event.into_request(Context::default())
    }
}

/// The environment of these requests: scopes, administrators, guests, issuer.
#[must_use]
pub fn env(name: &str) -> Option<String> {
    let value = match name {
        "TOKEN_SCOPE" => "guestpass.token",
        "ADMIN_SCOPE" => "guestpass.admin",
        "ADMIN_CONDITION" => r#"{"role": "guestpass-admin"}"#,
        "INVITE_SCOPE" => "guestpass.invite",
        "POLICY" => r#"{"guests": {}}"#,
        "ISSUER" => "https://idp.example",
        _ => return None,
    };
    Some(value.to_owned())
}

/// The access rules for these requests.
#[must_use]
pub fn access() -> Access {
    access_in(&env)
}

/// The access rules in another environment.
///
/// # Panics
/// If the environment is invalid.
#[must_use]
pub fn access_in(env: &impl Env) -> Access {
    #[expect(clippy::expect_used, reason = "a test may die")]
    Access::from_env(env).expect("an environment")
}

/// The edge of a new process, without a key: log lines name no callers.
#[must_use]
pub fn edge() -> ServiceEdge {
    ServiceEdge::new(None, &SubjectClaims::default())
}

/// The JSON of a response; `null` if it has no body.
///
/// # Panics
/// If the body is not valid JSON.
#[must_use]
pub fn body(response: &Response<Body>) -> Value {
    let body: &[u8] = response.body();
    #[expect(clippy::expect_used, reason = "a test may die")]
    if body.is_empty() { Value::Null } else { serde_json::from_slice(body).expect("a JSON body") }
}
