//! Checks a bearer of a user: do API Gateway and the functions accept it?

pub(crate) mod okta_login;

use std::time::SystemTime;

use bearer_verifier::{KeySet, SignedToken, TokenRefusal, verify_signature};
use identity_core::identity::SubjectClaims;
use identity_core::policy::Claims;
use serde_json::Value;

use crate::checks::Check;
use crate::input::UnverifiedJwt;
use crate::options::AuthorizerKind;
use crate::report::timestamp;

/// The values that a bearer must have.
pub(crate) struct ExpectedBearer<'a> {
    /// The issuer, if it is known.
    pub(crate) issuer: Option<&'a str>,
    /// The issuer's keys, if they are known.
    pub(crate) keys: Option<&'a KeySet>,
    /// The authorizer that verifies it.
    pub(crate) authorizer: AuthorizerKind,
    /// The audience, if it is known.
    pub(crate) audience: Option<&'a str>,
    /// The scope that the route needs; empty if it needs none.
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
        right.push("life");
        if !self.scope.is_empty() {
            right.push("scope");
        }
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
    let Some(token) = UnverifiedJwt::read(bearer) else {
        return bad(
            "not a JSON Web Token",
            "send an access token that is a JWT; an opaque one cannot be verified by the authorizer",
        );
    };
    let checked = check_issuer(&token, expected)
        .and_then(|()| check_signature(bearer, &token, expected))
        .and_then(|()| check_times(&token, now))
        .and_then(|()| check_audience(&token, expected))
        .and_then(|()| check_scope(&token, expected))
        .and_then(|()| check_subject(token, expected));
    checked.map_or_else(|fault| fault, |()| expected.met())
}

fn bad(finding: impl Into<String>, remedy: &str) -> Check {
    Check::bad("bearer", finding, remedy)
}

fn check_issuer(token: &UnverifiedJwt, expected: &ExpectedBearer<'_>) -> Result<(), Check> {
    let said = token.text("iss").unwrap_or_default();
    match expected.issuer {
        Some(issuer) if said != issuer => Err(bad(
            format!("its issuer is {said:?}, not {issuer:?}"),
            "both must be spelled alike, a slash at the end included: correct the template's Issuer, or send the right token",
        )),
        _ => Ok(()),
    }
}

/// Checks the algorithm, and the signature if the issuer's keys are known.
fn check_signature(
    bearer: &str,
    token: &UnverifiedJwt,
    expected: &ExpectedBearer<'_>,
) -> Result<(), Check> {
    let header = |name: &str| token.header.get(name).and_then(Value::as_str).unwrap_or_default();
    let algorithm = header("alg");
    let allowed = expected.authorizer.algorithms();
    if !allowed.iter().any(|one| one.name() == algorithm) {
        let names: Vec<_> = allowed.iter().map(|one| one.name()).collect();
        let kind = expected.authorizer.as_str();
        return Err(bad(
            format!(
                "it is signed with {algorithm:?}; Authorizer={kind} verifies {}",
                names.join(", ")
            ),
            match expected.authorizer {
                AuthorizerKind::Jwt => {
                    "have the provider sign with RS256, or use Authorizer=lambda, which also verifies PS256, ES256 and EdDSA"
                }
                AuthorizerKind::Lambda => {
                    "have the provider sign with RS256, ES256 or EdDSA: without a public key, only the provider itself can verify the token"
                }
            },
        ));
    }
    let verified = SignedToken::parse(bearer).and_then(|token| {
        expected.keys.map_or(Ok(()), |keys| verify_signature(token, keys).map(|_| ()))
    });
    verified.map_err(|refusal| match refusal {
        TokenRefusal::UnknownKey => bad(
            format!("the issuer has no key {:?} for {algorithm}", header("kid")),
            "get a new token: the key was rotated, or another issuer signed the token",
        ),
        // A token that was cut off has no valid signature, or none in base64url.
        TokenRefusal::Signature | TokenRefusal::Malformed => bad(
            "signature verification failed",
            "copy the whole token; if it is complete, this issuer did not sign it",
        ),
        other => bad(
            other.to_string(),
            "send an access token, or an ID token if TokenScope is empty: the authorizer accepts no other kind",
        ),
    })
}

fn check_times(token: &UnverifiedJwt, now: SystemTime) -> Result<(), Check> {
    match token.moment("exp") {
        None => return Err(bad("it has no expiry", "the authorizer needs the claim exp")),
        Some(ends) if ends <= now => {
            let ended = format!("it expired at {}", timestamp::format(ends));
            return Err(bad(ended, "sign in again"));
        }
        Some(_) => {}
    }
    match token.moment("nbf").or_else(|| token.moment("iat")) {
        Some(begins) if begins > now + LEEWAY => Err(bad(
            format!("it is not valid before {}", timestamp::format(begins)),
            "set this machine's clock, or the issuer's (NTP)",
        )),
        _ => Ok(()),
    }
}

fn check_audience(token: &UnverifiedJwt, expected: &ExpectedBearer<'_>) -> Result<(), Check> {
    let audiences = token.audiences();
    match expected.audience {
        Some(audience) if !audiences.iter().any(|one| one == audience) => Err(bad(
            format!("its audience is {audiences:?}, not {audience:?}"),
            "request the token for this API, or correct the template's Audience",
        )),
        _ => Ok(()),
    }
}

fn check_scope(token: &UnverifiedJwt, expected: &ExpectedBearer<'_>) -> Result<(), Check> {
    let mut scopes = token.words("scope");
    scopes.extend(token.words("scp"));
    if expected.scope.is_empty() || scopes.iter().any(|scope| scope == expected.scope) {
        return Ok(());
    }
    Err(bad(
        format!("its scopes are {scopes:?}, and it needs {:?}", expected.scope),
        "have the app request the scope, and the provider grant it; an ID token has none: send the access token, or set TokenScope to an empty text (--scope \"\")",
    ))
}

fn check_subject(token: UnverifiedJwt, expected: &ExpectedBearer<'_>) -> Result<(), Check> {
    let claims = Claims::json(token.claims);
    let named = expected.subject.external_id(|name| claims.text(name));
    named.map(|_| ()).map_err(|unnamed| {
        bad(
            unnamed.to_string(),
            "send a user's token: the claims in the template's SubjectClaims name the user",
        )
    })
}

/// Allows for a small difference between two clocks.
const LEEWAY: std::time::Duration = std::time::Duration::from_mins(1);
