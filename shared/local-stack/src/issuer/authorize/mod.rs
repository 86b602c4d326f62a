//! `/authorize`: the page on which a user signs in, and the authorization code that the app gets
//! (RFC 6749 §4.1 with PKCE, RFC 7636).

mod exchange;
mod grants;
mod redirect_uri;
mod request;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

pub(super) use exchange::{ExchangeRefusal, exchange};
pub(super) use grants::SignInGrants;
use grants::{CodeBinding, SignInGrant};
use request::{AppError, AuthorizationRefusal, AuthorizationRequest};
use sign_in::{SignInForm, problem_page, sign_in_page, style};

use super::profile::ProviderProfile;
use super::provider::OidcIssuer;

/// The endpoint, and what it shares with the token endpoint.
pub(super) struct AuthorizationEndpoint {
    pub(super) issuer: Arc<OidcIssuer>,
    pub(super) grants: SignInGrants,
    /// The origins of web apps, besides those of this machine.
    pub(super) allowed_origins: Vec<String>,
}

/// The routes.
pub(super) fn router(endpoint: Arc<AuthorizationEndpoint>) -> Router {
    Router::new()
        .route("/authorize", get(show).post(sign_in))
        .route("/authorize/style.css", get(async || style()))
        .with_state(endpoint)
}

async fn show(
    State(endpoint): State<Arc<AuthorizationEndpoint>>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    match AuthorizationRequest::parse(pairs, &endpoint.allowed_origins) {
        Ok(request) => sign_in_page(&request, &SignInForm::proposed(&request), None),
        Err(refusal) => endpoint.refuse(refusal),
    }
}

async fn sign_in(State(endpoint): State<Arc<AuthorizationEndpoint>>, body: Bytes) -> Response {
    let (form, pairs) = SignInForm::split(form_urlencoded::parse(&body).into_owned());
    let request = match AuthorizationRequest::parse(pairs, &endpoint.allowed_origins) {
        Ok(request) => request,
        Err(refusal) => return endpoint.refuse(refusal),
    };
    if form.is_cancelled {
        let AuthorizationRequest { redirect_uri, state, .. } = request;
        let description = "the user cancelled the sign-in";
        return endpoint.send_error(&AppError {
            redirect_uri,
            state,
            error: "access_denied",
            description,
        });
    }
    match endpoint.issue_code(&request, &form) {
        Ok(code) => endpoint.send_back(&request, &code),
        Err(problem) => sign_in_page(&request, &form, Some(&problem)),
    }
}

impl AuthorizationEndpoint {
    fn issue_code(
        &self,
        request: &AuthorizationRequest,
        form: &SignInForm,
    ) -> Result<String, String> {
        let subject = match (form.user.trim(), form.profile.as_str()) {
            ("", "") => return Err("Enter a user, or choose a profile that has one.".to_owned()),
            ("", profile) => ProviderProfile::parse(profile)?.subject(),
            (user, _) => user,
        };
        let clock = self.issuer.clock();
        let grant = SignInGrant {
            client_id: request.client_id.clone(),
            subject: subject.to_owned(),
            profile: form.profile.clone(),
            scope: request.scope.clone(),
            nonce: request.nonce.clone(),
            signed_in_at: clock.now().unix_timestamp(),
        };
        // The app could not correct a user or a profile that the token endpoint refuses.
        self.issuer.token(&exchange::bearer_form(&grant))?;
        let binding = CodeBinding {
            redirect_uri: request.redirect_uri.as_str().to_owned(),
            code_challenge: request.code_challenge.clone(),
        };
        let code = self.grants.issue_code(grant, binding, clock.now_ms());
        code.ok_or_else(|| "The system's random generator failed. Try again.".to_owned())
    }

    /// RFC 6749 §4.1.2, and RFC 9207 for `iss`.
    fn send_back(&self, request: &AuthorizationRequest, code: &str) -> Response {
        let mut parameters = vec![("code", code), ("iss", self.issuer.url())];
        parameters.extend(request.state.as_deref().map(|state| ("state", state)));
        redirect(&request.redirect_uri.with(&parameters))
    }

    fn refuse(&self, refusal: AuthorizationRefusal) -> Response {
        match refusal {
            AuthorizationRefusal::Shown(problem) => problem_page(&problem),
            AuthorizationRefusal::Returned(error) => self.send_error(&error),
        }
    }

    /// RFC 6749 §4.1.2.1.
    fn send_error(&self, error: &AppError) -> Response {
        let mut parameters = vec![
            ("error", error.error),
            ("error_description", error.description),
            ("iss", self.issuer.url()),
        ];
        parameters.extend(error.state.as_deref().map(|state| ("state", state)));
        redirect(&error.redirect_uri.with(&parameters))
    }
}

/// 303, so that the browser does not send the form of the sign-in to the app.
fn redirect(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // The address of the sign-in page is not sent to the app.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}
