//! The page on which the user chooses who they are, and its form.

use axum::http::StatusCode;
use axum::response::Response;

use super::request::AuthorizationRequest;
use crate::html;
use crate::issuer::profile::ProviderProfile;
use crate::issuer::provider::WARNING;

/// What the user chose.
#[derive(Default)]
pub(super) struct SignInForm {
    pub(super) user: String,
    /// The name of a profile; empty for a token with only the basic claims.
    pub(super) profile: String,
    pub(super) is_cancelled: bool,
}

impl SignInForm {
    /// What the app proposes.
    pub(super) fn proposed(request: &AuthorizationRequest) -> Self {
        let (user, profile) = (request.login_hint.clone(), request.profile_hint.clone());
        Self { user, profile, is_cancelled: false }
    }

    /// Takes the fields of the user out of the form. The others repeat the request of the app.
    pub(super) fn split(
        pairs: impl Iterator<Item = (String, String)>,
    ) -> (Self, Vec<(String, String)>) {
        let mut form = Self::default();
        let mut others = Vec::new();
        for (name, value) in pairs {
            match name.as_str() {
                "user" => form.user = value,
                "sign_in_profile" => form.profile = value,
                "choice" => form.is_cancelled = value == "cancel",
                _ => others.push((name, value)),
            }
        }
        (form, others)
    }
}

/// The page for a request, with what is wrong with the form that the user sent.
pub(super) fn sign_in_page(
    request: &AuthorizationRequest,
    form: &SignInForm,
    problem: Option<&str>,
) -> Response {
    let alert =
        |problem| format!(r#"<p class="problem" role="alert">{}</p>"#, html::escape(problem));
    let origin = request.redirect_uri.origin();
    let scope = if request.scope.is_empty() { "those of the API" } else { &request.scope };
    // The fields come last: they have text of the app, which can look like a placeholder.
    let page = include_str!("sign_in.html")
        .replace("{{warning}}", WARNING)
        .replace("{{origin}}", &html::escape(&origin))
        .replace("{{profiles}}", &profiles(&form.profile))
        .replace("{{problem}}", &problem.map(alert).unwrap_or_default());
    let page = fill(
        &page,
        &[
            ("{{client}}", &html::escape(&request.client_id)),
            ("{{scope}}", &html::escape(scope)),
            ("{{user}}", &html::escape(&form.user)),
            ("{{fields}}", &fields(request)),
        ],
    );
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    // Browsers apply `form-action` to the redirect after the form, too.
    let policy = format!("style-src 'self'; img-src data:; form-action 'self' {origin}");
    html::page(status, &policy, page)
}

/// Replaces each placeholder once, from left to right, and none within a replacement.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = template;
    while let Some((at, name, value)) = values
        .iter()
        .filter_map(|(name, value)| Some((rest.find(name)?, *name, *value)))
        .min_by_key(|(at, ..)| *at)
    {
        let (before, after) = rest.split_at(at);
        page.push_str(before);
        page.push_str(value);
        rest = after.strip_prefix(name).unwrap_or_default();
    }
    page + rest
}

fn fields(request: &AuthorizationRequest) -> String {
    let field = |(name, value): (&String, &String)| {
        let (name, value) = (html::escape(name), html::escape(value));
        format!(r#"<input type="hidden" name="{name}" value="{value}">"#)
    };
    request.parameters.iter().map(field).collect()
}

fn profiles(chosen: &str) -> String {
    let option = |name: &str| {
        let selected = if name == chosen { " selected" } else { "" };
        let label = if name.is_empty() { "none: basic claims only" } else { name };
        format!(r#"<option value="{name}"{selected}>{label}</option>"#)
    };
    [""].into_iter().chain(ProviderProfile::names()).map(option).collect()
}

/// The page for a request that cannot be answered to the app.
pub(super) fn problem_page(problem: &str) -> Response {
    let page = include_str!("problem.html").replace("{{problem}}", &html::escape(problem));
    html::page(StatusCode::BAD_REQUEST, "style-src 'self'; img-src data:; form-action 'none'", page)
}

/// The style of both pages.
pub(super) fn style() -> Response {
    html::file("text/css; charset=utf-8", [html::THEME, include_str!("sign_in.css")].concat())
}
