//! Checks a bearer of a user: do API Gateway and the functions accept it?

use std::time::SystemTime;

use identity_core::identity::SubjectClaims;
use identity_core::policy::Claims;
use serde_json::Value;

use crate::checks::Check;
use crate::checks::issuer::SigningKeys;
use crate::input::UnverifiedJwt;
use crate::report::timestamp;

/// The values that a bearer must have.
pub(crate) struct ExpectedBearer<'a> {
    /// The issuer, if it is known.
    pub(crate) issuer: Option<&'a str>,
    /// The issuer's keys, if they are known.
    pub(crate) keys: Option<&'a SigningKeys>,
    /// The audience, if it is known.
    pub(crate) audience: Option<&'a str>,
    /// The scope that the route needs.
    pub(crate) scope: &'a str,
    /// The claims that name the user.
    pub(crate) subject: &'a SubjectClaims,
}

impl ExpectedBearer<'_> {
    /// The result for a bearer without a fault. It is good only if no check was skipped.
    fn met(&self) -> Check {
        let known = [
            ("issuer", self.issuer.is_some()),
            ("signature", self.keys.is_some()),
            ("audience", self.audience.is_some()),
        ];
        let those = |wanted: bool| known.iter().filter(move |(_, known)| *known == wanted);
        let mut right: Vec<&str> = those(true).map(|(name, _)| *name).collect();
        right.extend(["life", "scope"]);
        let right = format!("{} are right", right.join(", "));
        let left_out: Vec<&str> = those(false).map(|(name, _)| *name).collect();
        if left_out.is_empty() {
            return Check::good("bearer", right);
        }
        let left_out = left_out.join(", ");
        Check::note(
            "bearer",
            format!("{right}; {left_out} not looked at: give --issuer and --audience"),
        )
    }
}

/// Checks a bearer. Reports the first fault.
pub(crate) fn look(bearer: &str, expected: &ExpectedBearer<'_>, now: SystemTime) -> Check {
    let bad = |finding: String, remedy: &str| Check::bad("bearer", finding, remedy);
    let Some(token) = UnverifiedJwt::read(bearer) else {
        return bad(
            "not a JSON Web Token".to_owned(),
            "send an access token that is a JWT; an opaque one cannot be verified by API Gateway",
        );
    };
    let header = |name: &str| token.header.get(name).and_then(Value::as_str).unwrap_or_default();
    let said = token.text("iss").unwrap_or_default();
    if let Some(issuer) = expected.issuer
        && said != issuer
    {
        return bad(
            format!("its issuer is {said:?}, not {issuer:?}"),
            "both must be spelled alike, a slash at the end included: correct the template's Issuer, or send the right token",
        );
    }
    if header("alg") != "RS256" {
        return bad(
            format!("it is signed with {:?}", header("alg")),
            "have the provider sign with RS256: API Gateway takes RSA only",
        );
    }
    match expected.keys.map(|keys| keys.have_signed(bearer, header("kid"))) {
        Some(None) => {
            return bad(
                format!("the issuer has no key {:?}", header("kid")),
                "get a new token: the key was rotated, or another issuer signed the token",
            );
        }
        Some(Some(false)) => {
            return bad(
                "signature verification failed".to_owned(),
                "copy the whole token; if it is complete, this issuer did not sign it",
            );
        }
        Some(Some(true)) | None => {}
    }
    match token.moment("exp") {
        None => return bad("it has no expiry".to_owned(), "API Gateway wants the claim exp"),
        Some(ends) if ends <= now => {
            return bad(format!("it expired at {}", timestamp::format(ends)), "sign in again");
        }
        Some(_) => {}
    }
    if let Some(begins) = token.moment("nbf").or_else(|| token.moment("iat"))
        && begins > now + LEEWAY
    {
        return bad(
            format!("it is not valid before {}", timestamp::format(begins)),
            "set this machine's clock, or the issuer's (NTP)",
        );
    }
    let audiences = token.audiences();
    if let Some(audience) = expected.audience
        && !audiences.iter().any(|one| one == audience)
    {
        return bad(
            format!("its audience is {audiences:?}, not {audience:?}"),
            "request the token for this API, or correct the template's Audience",
        );
    }
    let mut scopes = token.words("scope");
    scopes.extend(token.words("scp"));
    if !scopes.iter().any(|scope| scope == expected.scope) {
        return bad(
            format!("its scopes are {scopes:?}, and it needs {:?}", expected.scope),
            "have the app request the scope, and the provider grant it; an ID token has none: send the access token",
        );
    }
    let claims = Claims::json(token.claims);
    if let Err(unnamed) = expected.subject.external_id(|name| claims.text(name)) {
        return bad(
            unnamed.to_string(),
            "send a user's token: the claims in the template's SubjectClaims name the user",
        );
    }
    expected.met()
}

/// Allows for a small difference between two clocks.
const LEEWAY: std::time::Duration = std::time::Duration::from_mins(1);
