//! Global Token Revocation: who may ask, about whom, and every check that refuses a request.

use bearer_verifier::TokenRefusal;
use identity_core::event::EventKind;
use security_events::messages::{
    MessageRefusal, REVOCATION_PROFILE, RevocationProof, RevocationRequestError,
};
use security_events::{GlobalTokenRevocationSettings, TransmitterSettings, UserSignal};
use serde_json::{Value, json};

use crate::support::{NOW, Sender, changed, configured, now, settings};

const ISSUER: &str = "https://org.idp.example";

const TOKEN_ISSUER: &str = "https://org.idp.example/oauth2/default";

const ENDPOINT: &str = "https://guestpass.example/v1/signals/okta";

fn members() -> Value {
    json!({
        "kind": "global-token-revocation", "issuer": ISSUER, "audiences": [ENDPOINT],
        "clientIds": ["0oa1", "0oa2"], "tokenIssuer": TOKEN_ISSUER,
    })
}

fn transmitter(changes: &Value) -> GlobalTokenRevocationSettings {
    match settings(changed(&members(), changes), TOKEN_ISSUER) {
        TransmitterSettings::GlobalTokenRevocation(settings) => settings,
        other => panic!("{other:?}"),
    }
}

fn sender() -> Sender {
    Sender::new(
        json!({ "alg": "RS256", "typ": "global-token-revocation+jwt", "kid": "rsa" }),
        json!({
            "iss": ISSUER, "sub": "0oa1", "aud": ENDPOINT, "jti": "revocation-1",
            "iat": NOW, "nbf": NOW - 300, "exp": NOW + 300,
        }),
    )
}

fn authenticate(claims: &Value) -> Result<RevocationProof, MessageRefusal> {
    let claims = sender().verified(REVOCATION_PROFILE, &json!({}), claims).unwrap();
    transmitter(&json!({})).authenticate(&claims, now())
}

#[test]
fn r26_each_defect_of_the_bearer_of_a_revocation_request_refuses_it() {
    assert!(authenticate(&json!({})).is_ok());
    assert!(authenticate(&json!({ "sub": "0oa2" })).is_ok());
    for (changes, expected) in [
        (json!({ "iss": TOKEN_ISSUER }), MessageRefusal::Issuer),
        (json!({ "sub": "0oa3" }), MessageRefusal::Client),
        (json!({ "sub": null }), MessageRefusal::Claim("sub")),
        (json!({ "aud": format!("{ENDPOINT}/") }), MessageRefusal::Audience),
        (json!({ "aud": format!("{ENDPOINT}?x=1") }), MessageRefusal::Audience),
        (json!({ "aud": null }), MessageRefusal::Audience),
        (json!({ "exp": NOW - 60 }), MessageRefusal::Expired),
        (json!({ "exp": null }), MessageRefusal::Claim("exp")),
        (json!({ "nbf": NOW + 61 }), MessageRefusal::NotYetValid),
        (json!({ "nbf": null }), MessageRefusal::Claim("nbf")),
        (json!({ "iat": NOW + 61 }), MessageRefusal::NotYetValid),
        (json!({ "iat": null }), MessageRefusal::Claim("iat")),
        (json!({ "jti": null }), MessageRefusal::Claim("jti")),
    ] {
        assert_eq!(authenticate(&changes), Err(expected), "{changes}");
    }
}

#[test]
fn r26_a_token_of_another_kind_revokes_nothing() {
    let sender = sender();
    for (header, expected) in [
        (json!({ "typ": null }), TokenRefusal::TokenType),
        (json!({ "typ": "JWT" }), TokenRefusal::TokenType),
        (json!({ "typ": "logout+jwt" }), TokenRefusal::TokenType),
        (json!({ "alg": "none" }), TokenRefusal::UnsupportedAlgorithm),
    ] {
        let refused = sender.verified(REVOCATION_PROFILE, &header, &json!({})).map(|_| ());
        assert_eq!(refused, Err(expected), "{header}");
    }
    assert_eq!(sender.forged(REVOCATION_PROFILE).map(|_| ()), Err(TokenRefusal::Signature));
}

/// The users whom the body of a genuine request names.
fn users(changes: &Value, body: &Value) -> Result<Vec<String>, RevocationRequestError> {
    let claims = sender().verified(REVOCATION_PROFILE, &json!({}), &json!({})).unwrap();
    let transmitter = transmitter(changes);
    let proof = transmitter.authenticate(&claims, now()).unwrap();
    let signals = transmitter.read(body.to_string().as_bytes(), &proof)?;
    let user = |signal: UserSignal| {
        assert_eq!((signal.kind, signal.occurred_at), (EventKind::SignedOut, now()));
        assert_eq!((signal.resolution.as_secs(), signal.event_id.as_str()), (1, "revocation-1"));
        signal.user.as_str().to_owned()
    };
    Ok(signals.into_iter().map(user).collect())
}

#[test]
fn r26_a_request_names_the_user_in_a_format_that_is_agreed_upon() {
    let of = |name: &str| format!("{TOKEN_ISSUER}|{name}");
    let email = json!({ "sub_id": { "format": "email", "email": "Carol@IdP.example" } });
    let opaque = json!({ "sub_id": { "format": "opaque", "id": "00u1" } });
    let none = json!({});
    for issuer in [ISSUER, TOKEN_ISSUER] {
        let body = json!({ "sub_id": { "format": "iss_sub", "iss": issuer, "sub": "00u1" } });
        assert_eq!(users(&none, &body), Ok(vec![of("00u1")]));
    }
    let agreed = json!({ "emailIsSubject": true });
    assert_eq!(users(&agreed, &email), Ok(vec![of("Carol@IdP.example"), of("Carol@idp.example")]));
    assert_eq!(users(&json!({ "opaqueIsSubject": true }), &opaque), Ok(vec![of("00u1")]));
    let unsupported = Err(RevocationRequestError::UnsupportedFormat);
    assert_eq!(users(&none, &email), unsupported);
    assert_eq!(users(&none, &opaque), unsupported);
}

#[test]
fn r26_a_tenant_can_only_sign_out_its_own_users() {
    for issuer in ["https://other.idp.example", "https://org.idp.example.evil.example", ""] {
        let body = json!({ "sub_id": { "format": "iss_sub", "iss": issuer, "sub": "00u1" } });
        assert_eq!(users(&json!({}), &body), Err(RevocationRequestError::ForeignUser), "{issuer}");
    }
}

#[test]
fn r26_a_body_that_is_not_one_subject_identifier_is_refused() {
    let subject = json!({ "format": "iss_sub", "iss": ISSUER, "sub": "00u1" });
    for body in [
        json!({}),
        json!([]),
        json!({ "sub_id": null }),
        json!({ "sub_id": "00u1" }),
        json!([{ "format": "iss_sub", "iss": ISSUER, "sub": "00u1" }]),
        json!({ "sub_id": ["iss_sub", ISSUER, "00u1"] }),
        json!({ "sub_id": subject, "reason": "x" }),
        json!({ "sub_id": changed(&subject, &json!({ "format": "phone_number" })) }),
        json!({ "sub_id": changed(&subject, &json!({ "format": null })) }),
        json!({ "sub_id": changed(&subject, &json!({ "sub": null })) }),
        json!({ "sub_id": changed(&subject, &json!({ "sub": 1 })) }),
        json!({ "sub_id": changed(&subject, &json!({ "tenant": "x" })) }),
    ] {
        assert_eq!(users(&json!({}), &body), Err(RevocationRequestError::Malformed), "{body}");
    }
    for sub in [String::new(), "x".repeat(2000)] {
        let body = json!({ "sub_id": changed(&subject, &json!({ "sub": sub })) });
        assert_eq!(users(&json!({}), &body), Err(RevocationRequestError::Unprocessable));
    }
}

#[test]
fn a_transmitter_without_its_clients_is_refused() {
    let problem = configured(changed(&members(), &json!({ "clientIds": null })), TOKEN_ISSUER);
    assert!(problem.unwrap_err().contains("missing member `clientIds`"));
    let unknown = configured(changed(&members(), &json!({ "clientId": "0oa1" })), TOKEN_ISSUER);
    assert!(unknown.unwrap_err().contains("unknown member `clientId`"));
}
