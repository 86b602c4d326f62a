//! What must be refused, each with the code that RFC 8935 gives it.

use bearer_verifier::testing::{Signer, b64};
use bearer_verifier::{KeySet, SignedToken, TokenRefusal, verify_signature};
use security_events::ssf::{SET_PROFILE, SetErrorCode};
use serde_json::{Value, json};

use super::support::{
    AUDIENCE, CAEP, ISSUER, NOW, SIGNER, claims, header, receive, receive_claims, settings, with,
};

fn session_revoked() -> Value {
    claims(&format!("{CAEP}session-revoked"), &json!({}))
}

#[test]
fn r26_a_set_with_a_wrong_claim_is_refused_with_the_code_of_its_fault() {
    use SetErrorCode::{InvalidAudience, InvalidIssuer, InvalidRequest};
    for (name, value, code) in [
        ("iss", json!("https://idp.example"), InvalidIssuer),
        ("iss", json!("https://other.example/"), InvalidIssuer),
        ("iss", Value::Null, InvalidIssuer),
        ("iss", json!([ISSUER]), InvalidIssuer),
        ("aud", json!("https://guestpass.example"), InvalidAudience),
        ("aud", json!([]), InvalidAudience),
        ("aud", json!({ AUDIENCE: 1 }), InvalidAudience),
        ("aud", Value::Null, InvalidAudience),
        ("iat", Value::Null, InvalidRequest),
        ("iat", json!("1800000000"), InvalidRequest),
        ("iat", json!(NOW + 301), InvalidRequest),
        ("jti", Value::Null, InvalidRequest),
        ("jti", json!(""), InvalidRequest),
        ("jti", json!(1), InvalidRequest),
        ("exp", json!(NOW + 60), InvalidRequest),
        ("sub", json!("carol"), InvalidRequest),
        ("sub_id", Value::Null, InvalidRequest),
        ("sub_id", json!("carol"), InvalidRequest),
        ("events", Value::Null, InvalidRequest),
        ("events", json!({}), InvalidRequest),
        ("events", json!([]), InvalidRequest),
        ("events", json!({ "x": "y" }), InvalidRequest),
    ] {
        let claims = with(session_revoked(), name, value.clone());
        let error = receive_claims(&claims, &settings()).unwrap_err();
        assert_eq!(error.code, code, "{name} {value}");
        let text = error.to_string();
        assert!(!text.contains("carol") && !text.contains("idp.example"), "{text}");
    }
    let odd = with(session_revoked(), "exp", json!(false));
    assert!(receive_claims(&odd, &settings()).is_err(), "`exp` of any value");
}

#[test]
fn r26_a_set_with_a_wrong_header_or_signature_is_refused() {
    use SetErrorCode::{AuthenticationFailed, InvalidKey, InvalidRequest};
    let payload = session_revoked().to_string();
    for (name, value, code) in [
        ("typ", json!("JWT"), InvalidRequest),
        ("typ", json!("at+jwt"), InvalidRequest),
        ("typ", json!("logout+jwt"), InvalidRequest),
        ("typ", Value::Null, InvalidRequest),
        ("typ", json!(1), InvalidRequest),
        ("crit", json!(["b64"]), InvalidRequest),
        ("alg", json!("none"), AuthenticationFailed),
        ("alg", json!("HS256"), AuthenticationFailed),
        ("alg", Value::Null, InvalidRequest),
        ("kid", json!("unknown"), InvalidKey),
        ("kid", json!("p256"), InvalidKey),
    ] {
        let token = SIGNER.sign_text(&with(header(), name, value.clone()).to_string(), &payload);
        let error = receive(&token, &settings()).unwrap_err();
        assert_eq!(error.code, code, "{name} {value}");
    }
    let forged = Signer::default().sign_text(&header().to_string(), &payload);
    let error = receive(&forged, &settings()).unwrap_err();
    assert_eq!(error.code, AuthenticationFailed);
    let genuine = SIGNER.sign_text(&header().to_string(), &payload);
    let (signed, signature) = genuine.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let other = with(session_revoked(), "jti", json!("set-2")).to_string();
    let changed = format!("{head}.{}.{signature}", b64(other.as_bytes()));
    assert_eq!(receive(&changed, &settings()).unwrap_err().code, AuthenticationFailed);
}

/// RFC 7518 §3.3: RS256 needs a key of at least 2,048 bits. OpenSSL made the key and the signature.
#[test]
fn r26_a_genuine_signature_of_a_key_of_1024_bits_is_refused() {
    let n = "3mhlaU09qHLR62-ONHtgU9QjhcRFEVFTgGUi3jvnm-lM7p3BIsCZpLwnTfiORFCGyvF8zfV9nl_nkatEi_PhZ5XP\
             l10SDi3dEXFiWuawG4qKELhmWJRqIy9VJDE48MASFOPgOcyKoKqCVNnwGmw4XG2AyKqHl6iehBIqD4bcwa8";
    let signature = "c3Sg0NNGPaATMxJXvmx-yv1psLOMue6hCLaFd-UZantE2xpROYnpVT2M4TjBW1IIt3UD6v8--cMnPfsg\
                     msiJ_lN0rXWs2Jt5vM-NLp-L07DksGQoAW7LMD_ROMaCqIDvanQQl11Z7VnCAjB9HGabqiwNmUpxm0Tj\
                     gLiR5UidhRA";
    let keys = json!({ "keys": [{ "kty": "RSA", "kid": "short", "e": "AQAB", "n": n }] });
    let keys = KeySet::from_json(keys.to_string().as_bytes()).unwrap();
    let header = b64(br#"{"alg":"RS256","typ":"secevent+jwt","kid":"short"}"#);
    let token = format!("{header}.{}.{signature}", b64(b"{}"));
    let token = SignedToken::parse_as(&token, SET_PROFILE).unwrap();
    assert_eq!(verify_signature(token, &keys), Err(TokenRefusal::Signature));
}

#[test]
fn r26_a_body_that_is_no_compact_jws_is_refused() {
    let genuine = SIGNER.sign_text(&header().to_string(), &session_revoked().to_string());
    let (two_parts, _) = genuine.rsplit_once('.').unwrap();
    let long = format!("{genuine}{}", "A".repeat(64 * 1024));
    for body in
        ["", "x", "a.b", "..", two_parts, &format!("{genuine}."), &format!("{genuine} "), &long]
    {
        let error = receive(body, &settings()).unwrap_err();
        assert_eq!(error.code, SetErrorCode::InvalidRequest, "{}", body.len());
    }
}

#[test]
fn every_accepted_algorithm_verifies_and_each_code_has_its_name() {
    for (alg, kid) in [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "p256"), ("EdDSA", "ed")] {
        let header = json!({ "alg": alg, "typ": "SecEvent+JWT", "kid": kid });
        let token = SIGNER.sign_text(&header.to_string(), &session_revoked().to_string());
        assert!(receive(&token, &settings()).is_ok(), "{alg}");
    }
    for (code, name) in [
        (SetErrorCode::InvalidRequest, "invalid_request"),
        (SetErrorCode::InvalidKey, "invalid_key"),
        (SetErrorCode::InvalidIssuer, "invalid_issuer"),
        (SetErrorCode::InvalidAudience, "invalid_audience"),
        (SetErrorCode::AuthenticationFailed, "authentication_failed"),
    ] {
        assert_eq!(code.as_str(), name);
    }
}

#[test]
fn r26_a_set_may_be_late_and_its_clock_five_minutes_ahead() {
    for iat in [0, NOW - 86_400 * 400, NOW + 300] {
        let claims = with(session_revoked(), "iat", json!(iat));
        assert!(receive_claims(&claims, &settings()).is_ok(), "{iat}");
    }
    for aud in [json!([AUDIENCE]), json!(["x", AUDIENCE]), json!("other")] {
        assert!(receive_claims(&with(session_revoked(), "aud", aud), &settings()).is_ok());
    }
}
