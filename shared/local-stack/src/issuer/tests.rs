use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::clock::StackClock;

mod profiles;

fn issuer() -> OidcIssuer {
    OidcIssuer::new("http://issuer", "aud", "guestpass.token", [None; 2], StackClock::system())
        .unwrap()
}

fn claims(form: &str) -> Value {
    let answer = issuer().token(form.as_bytes()).unwrap();
    part(answer["access_token"].as_str().unwrap(), 1)
}

/// The header or the claims of a token.
fn part(token: &str, index: usize) -> Value {
    let encoded = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

#[test]
fn a_token_has_the_requested_claims() {
    let claims = claims("sub=alice&scope=a+b&role=guest&expires_in=60&not_before=10");
    for (name, value) in [
        ("sub", "alice"),
        ("scope", "a b"),
        ("role", "guest"),
        ("iss", "http://issuer"),
        ("aud", "aud"),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let issued = claims["iat"].as_i64().unwrap();
    assert_eq!(claims["exp"].as_i64().unwrap() - issued, 60);
    assert_eq!(claims["nbf"].as_i64().unwrap() - issued, 10);
}

#[test]
fn a_token_can_have_an_earlier_issue_time_as_with_entra() {
    let claims = claims("sub=alice&issued_early=300&expires_in=60");
    let issued = claims["iat"].as_i64().unwrap();
    assert_eq!(claims["exp"].as_i64().unwrap() - issued, 360);
}

#[test]
fn a_token_can_be_expired_and_have_no_or_several_audiences() {
    assert!(claims("sub=a&expires_in=-5")["exp"].as_i64() < claims("sub=a")["iat"].as_i64());
    assert_eq!(claims("sub=a&aud=").get("aud"), None);
    assert_eq!(claims("sub=a&aud=x&aud=y")["aud"], json!(["x", "y"]));
}

#[test]
fn an_error_names_the_invalid_parameter() {
    for (form, word) in [
        ("", "sub"),
        ("sub=", "sub"),
        ("scope=a", "sub"),
        ("sub=a&expires_in=soon", "expires_in"),
        ("sub=a&exp=5", "exp"),
        ("sub=a&sub=b", "duplicate"),
        ("sub=[\"a\"]", "sub"),
        ("profile=entra&sub=", "sub"),
        ("profile=ping", "`profile`: must be one of entra, cognito, auth0"),
        ("sub=a&alg=HS256", "`alg`: must be RS256 or ES256"),
    ] {
        let problem = issuer().token(form.as_bytes()).unwrap_err();
        assert!(problem.contains(word), "{form}: {problem}");
    }
}

#[test]
fn the_key_survives_a_restart_and_only_the_owner_can_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let ec = directory.path().join("ec");
    let files = [file.as_path(), &ec].map(Some);
    let jwks = || OidcIssuer::new("u", "a", "s", files, StackClock::system()).unwrap().jwks();
    let (first, second) = (jwks(), jwks());
    assert_eq!(first, second);
    for file in files.into_iter().flatten() {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_file_without_a_key_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    std::fs::write(&file, "mine").unwrap();
    for algorithm in [IssuerAlgorithm::Rs256, IssuerAlgorithm::Es256] {
        let loaded = SigningKey::load_or_create(Some(&file), algorithm);
        assert!(matches!(loaded, Err(KeyError::Unreadable(_))), "{algorithm:?}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}
