//! The request with which an app sends its user to the issuer: RFC 6749 §4.1.1, RFC 7636 §4.3 and
//! `OpenID` Connect Core §3.1.2.1.

use std::collections::BTreeMap;

use super::redirect_uri::RedirectUri;

/// A request that has passed every check.
pub(super) struct AuthorizationRequest {
    pub(super) client_id: String,
    pub(super) redirect_uri: RedirectUri,
    /// The scopes, separated by spaces; empty if the app names none.
    pub(super) scope: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    /// The SHA-256 of the verifier, in base64url.
    pub(super) code_challenge: String,
    /// The user and the profile that the page proposes.
    pub(super) login_hint: String,
    pub(super) profile_hint: String,
    /// All parameters, which the form of the page sends again.
    pub(super) parameters: BTreeMap<String, String>,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AuthorizationRefusal {
    /// It is not known where the user may be sent, so the user is told (RFC 6749 §4.1.2.1).
    Shown(String),
    /// The app is told.
    Returned(Box<AppError>),
}

/// An error that is sent to the app.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AppError {
    pub(super) redirect_uri: RedirectUri,
    pub(super) state: Option<String>,
    pub(super) error: &'static str,
    /// ASCII without quotes and backslashes, as RFC 6749 requires.
    pub(super) description: &'static str,
}

impl AuthorizationRequest {
    /// Parses the query, or the form that repeats it.
    pub(super) fn parse(
        pairs: impl IntoIterator<Item = (String, String)>,
        allowed_origins: &[String],
    ) -> Result<Self, AuthorizationRefusal> {
        let mut parameters = BTreeMap::new();
        let mut repeated = Vec::new();
        for (name, value) in pairs {
            // RFC 6749 §3.1: a parameter without a value is treated as if it were missing.
            if value.is_empty() {
                continue;
            }
            if parameters.insert(name.clone(), value).is_some() {
                repeated.push(name);
            }
        }
        let given = |name: &str| parameters.get(name).cloned();
        let shown = AuthorizationRefusal::Shown;
        for name in ["client_id", "redirect_uri"] {
            if repeated.iter().any(|one| one == name) {
                return Err(shown(format!("duplicate parameter `{name}`")));
            }
        }
        let missing = |name: &str, example: &str| {
            shown(format!("missing parameter `{name}`: for example {example}"))
        };
        let client_id = given("client_id").ok_or_else(|| missing("client_id", "my-app"))?;
        let redirect_uri = given("redirect_uri")
            .ok_or_else(|| missing("redirect_uri", "http://127.0.0.1:5173/callback"))?;
        let redirect_uri = RedirectUri::parse(&redirect_uri, allowed_origins).map_err(shown)?;
        let state = given("state");
        if let Some((error, description)) = problem(&parameters, !repeated.is_empty()) {
            let error = AppError { redirect_uri, state, error, description };
            return Err(AuthorizationRefusal::Returned(Box::new(error)));
        }
        Ok(Self {
            client_id,
            redirect_uri,
            scope: given("scope").unwrap_or_default(),
            state,
            nonce: given("nonce"),
            code_challenge: given("code_challenge").unwrap_or_default(),
            login_hint: given("login_hint").unwrap_or_default(),
            profile_hint: given("profile").unwrap_or_default(),
            parameters,
        })
    }
}

/// The first error of a request that can be sent to the app, and its description.
fn problem(
    parameters: &BTreeMap<String, String>,
    is_repeated: bool,
) -> Option<(&'static str, &'static str)> {
    let given = |name: &str| parameters.get(name).map(String::as_str);
    let problem = if is_repeated {
        ("invalid_request", "a parameter is included more than once")
    } else if given("request").is_some() {
        ("request_not_supported", "unsupported parameter: request")
    } else if given("request_uri").is_some() {
        ("request_uri_not_supported", "unsupported parameter: request_uri")
    } else if given("response_type").is_none() {
        ("invalid_request", "missing parameter response_type: must be code")
    } else if given("response_type") != Some("code") {
        ("unsupported_response_type", "response_type must be code")
    } else if given("response_mode").is_some_and(|mode| mode != "query") {
        ("invalid_request", "response_mode must be query")
    } else if given("code_challenge").is_none() {
        ("invalid_request", "missing parameter code_challenge: PKCE is required")
    } else if given("code_challenge_method") != Some("S256") {
        ("invalid_request", "code_challenge_method must be S256")
    } else if !given("code_challenge").is_some_and(is_sha256) {
        ("invalid_request", "code_challenge must be the SHA-256 of the verifier in base64url")
    } else if given("prompt").is_some_and(|prompt| prompt.split(' ').any(|one| one == "none")) {
        // This issuer keeps no sessions: every sign-in is a choice of the user.
        ("login_required", "prompt=none is refused: this issuer keeps no sessions")
    } else {
        return None;
    };
    Some(problem)
}

/// 32 bytes in base64url without padding.
fn is_sha256(text: &str) -> bool {
    text.len() == 43
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
