//! Checks a bearer of a user: do API Gateway and the functions accept it?

use std::time::SystemTime;

use serde_json::Value;

use super::{Check, issuer::Keys};
use crate::{jwt::Unverified, moment};

/// The values that a bearer must have.
pub(crate) struct Expected<'a> {
    /// The issuer, if it is known.
    pub(crate) issuer: Option<&'a str>,
    /// The issuer's keys, if they are known.
    pub(crate) keys: Option<&'a Keys>,
    /// The audience, if it is known.
    pub(crate) audience: Option<&'a str>,
    /// The scope that the route needs.
    pub(crate) scope: &'a str,
}

impl Expected<'_> {
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
pub(crate) fn look(bearer: &str, expected: &Expected<'_>, now: SystemTime) -> Check {
    let bad = |finding: String, remedy: &str| Check::bad("bearer", finding, remedy);
    let Some(token) = Unverified::read(bearer) else {
        return bad(
            "it is no JSON Web Token".to_owned(),
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
                "get a fresh token: the key was rotated away, or the token is somebody else's",
            );
        }
        Some(Some(false)) => {
            return bad(
                "the issuer has not signed it as it is".to_owned(),
                "copy the token whole, every letter of it; if it is, somebody has made it up",
            );
        }
        Some(Some(true)) | None => {}
    }
    match token.moment("exp") {
        None => return bad("it has no expiry".to_owned(), "API Gateway wants the claim exp"),
        Some(ends) if ends <= now => {
            return bad(format!("it expired at {}", moment::show(ends)), "sign in again");
        }
        Some(_) => {}
    }
    if let Some(begins) = token.moment("nbf").or_else(|| token.moment("iat"))
        && begins > now + LEEWAY
    {
        return bad(
            format!("it is not valid before {}", moment::show(begins)),
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
    if token.text("sub").is_none_or(str::is_empty) {
        return bad(
            "it does not say whose it is".to_owned(),
            "send a user's token: the claim sub is the user",
        );
    }
    expected.met()
}

/// Allows for a small difference between two clocks.
const LEEWAY: std::time::Duration = std::time::Duration::from_mins(1);
