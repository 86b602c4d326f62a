use identity_core::Error;
use serde_json::{Value, json};

use crate::wire::refusal::ScimRefusal;

/// A response. Its media type is `application/scim+json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimResponse {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body, if there is one.
    pub body: Option<Value>,
    /// Other headers than `Content-Type`.
    pub headers: Vec<(&'static str, String)>,
}

impl ScimResponse {
    /// The media type of every response with a body (RFC 7644 §3.1).
    pub const MEDIA_TYPE: &str = "application/scim+json";

    /// The response to a request without a valid bearer.
    #[must_use]
    pub fn unauthorized() -> Self {
        let detail = "The bearer is missing or invalid. Send the token of the transmitter's secret as `Authorization: Bearer <token>`.";
        let refusal = ScimRefusal::new(401, detail);
        let headers = vec![("www-authenticate", "Bearer".to_owned())];
        Self { headers, ..Self::from(refusal) }
    }

    pub(crate) fn ok(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), headers: Vec::new() }
    }

    pub(crate) fn empty() -> Self {
        Self { status: 204, body: None, headers: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<ScimRefusal> for ScimResponse {
    fn from(refusal: ScimRefusal) -> Self {
        let ScimRefusal { status, scim_type, detail } = refusal;
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.to_string(),
            "detail": detail,
        });
        if let (Some(scim_type), Some(members)) = (scim_type, body.as_object_mut()) {
            members.insert("scimType".to_owned(), scim_type.into());
        }
        Self::ok(status, body)
    }
}

/// A failure of our own. Providers repeat a request after 503.
impl From<Error> for ScimResponse {
    fn from(error: Error) -> Self {
        let is_ours = matches!(error, Error::StoreRefused(_) | Error::Internal(_));
        let refusal = if is_ours {
            ScimRefusal::new(500, "The service is not set up correctly. Its log has the reason.")
        } else {
            ScimRefusal::new(503, "The service is temporarily unavailable. Repeat the request.")
        };
        let response = Self::from(refusal);
        if is_ours { response } else { response.header("retry-after", "1".to_owned()) }
    }
}
