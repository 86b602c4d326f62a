//! Warns about bearers of Okta whose subject can change.

use identity_core::identity::{Issuer, SubjectClaims};
use identity_events::is_okta_issuer;

use crate::checks::Check;
use crate::input::UnverifiedJwt;

/// The beginning of the ID of a user in Okta.
const USER_ID: &str = "00u";

/// A note, if the user is named by `sub` and that is not the ID of a user in Okta. By default it is
/// the name of the user in the app, which an administrator can change, and which no event names if
/// it differs from the login.
pub(crate) fn look(bearer: &str, claims: &SubjectClaims) -> Option<Check> {
    let token = UnverifiedJwt::read(bearer)?;
    let issuer = Issuer::parse(token.text("iss")?)?;
    let is_login = !token.text("sub")?.starts_with(USER_ID);
    let warns = claims.names() == ["sub"] && is_okta_issuer(&issuer) && is_login;
    warns.then(|| {
        let finding = "sub is a user name of Okta, which can change: events may then not find the user. Set SubjectClaims=uid, or the claim sub to user.id with OktaSubject=id";
        Check::note("subject", finding)
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn warns(issuer: &str, sub: &str, claims: &str) -> bool {
        let claims_json = format!(r#"{{"iss": "{issuer}", "sub": "{sub}"}}"#);
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let bearer = format!("{}.{}.c2ln", part(r#"{"alg": "RS256"}"#), part(&claims_json));
        look(&bearer, &claims.parse().unwrap()).is_some()
    }

    #[test]
    fn a_bearer_of_okta_whose_subject_can_change_is_noted() {
        let okta = "https://example.okta.com/oauth2/default";
        for (issuer, sub, claims, expected) in [
            (okta, "alice@example.com", "sub", true),
            (okta, "E1234", "sub", true),
            ("https://login.example.com/oauth2/aus1", "alice", "sub", true),
            ("https://example.oktapreview.com", "alice", "sub", true),
            (okta, "00u3m90rxKjGQ0G6L1d6", "sub", false),
            (okta, "alice@example.com", "uid", false),
            ("https://idp.example", "alice", "sub", false),
            ("https://idp.example/oauth2x", "alice", "sub", false),
        ] {
            assert_eq!(warns(issuer, sub, claims), expected, "{issuer} {sub} {claims}");
        }
        assert!(look("no token", &SubjectClaims::default()).is_none());
    }
}
