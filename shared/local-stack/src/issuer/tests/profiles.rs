//! The tokens of well-known identity providers.

use bearer_verifier::{SignedToken, verify_signature};
use serde_json::{Value, json};

use super::*;

/// The claims of a profile's token, without the times and the id.
fn shape(form: &str) -> Value {
    let mut claims = claims(form);
    for name in ["iat", "exp", "jti", "auth_time", "nbf"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims
}

#[test]
fn every_profile_has_the_issuer_a_user_and_the_times() {
    for (name, _) in profile::ProviderProfile::ALL {
        let claims = claims(&format!("profile={name}"));
        assert_eq!(claims["iss"], "http://issuer", "{name}");
        assert!(!claims["sub"].as_str().unwrap().is_empty(), "{name}");
        assert!(claims["exp"].as_i64() > claims["iat"].as_i64(), "{name}");
        assert!(claims["jti"].is_string(), "{name}");
    }
}

#[test]
fn an_entra_token_has_scp_and_is_issued_five_minutes_early() {
    let shape = shape("profile=entra&sub=alice&scope=a+b");
    assert_eq!(shape["scp"], "a b");
    assert_eq!(shape.get("scope"), None);
    assert_eq!((&shape["ver"], &shape["aud"]), (&json!("2.0"), &json!("aud")));
    let times = claims("profile=entra");
    let (issued, expires) = (times["iat"].as_i64().unwrap(), times["exp"].as_i64().unwrap());
    assert_eq!((expires - issued, times["nbf"].as_i64().unwrap()), (3900, issued));
    let on_time = claims("profile=entra&issued_early=0");
    assert_eq!(on_time["exp"].as_i64().unwrap() - on_time["nbf"].as_i64().unwrap(), 3600);
}

#[test]
fn two_users_of_entra_have_different_object_ids_and_each_keeps_its_own() {
    let oid = |user: &str| claims(&format!("profile=entra&sub={user}"))["oid"].clone();
    assert_eq!(oid("alice"), oid("alice"));
    assert_ne!(oid("alice"), oid("bob"));
    assert_eq!(oid("alice").as_str().unwrap().len(), 36);
}

#[test]
fn a_cognito_token_has_a_client_id_and_no_audience() {
    let shape = shape("profile=cognito&sub=alice&cognito:groups=[\"admins\"]");
    let origin = shape["origin_jti"].clone();
    assert_eq!(
        shape,
        json!({
            "iss": "http://issuer", "sub": "alice", "username": "alice", "client_id": "aud",
            "token_use": "access", "scope": "guestpass.token", "origin_jti": origin,
            "cognito:groups": ["admins"],
        })
    );
}

#[test]
fn an_auth0_token_has_two_audiences_and_permissions() {
    let shape = shape("profile=auth0&scope=a");
    assert_eq!(shape["aud"], json!(["aud", "http://issuer/userinfo"]));
    assert_eq!((&shape["scope"], &shape["permissions"]), (&json!("openid a"), &json!(["a"])));
}

#[test]
fn an_okta_token_has_an_array_of_scopes() {
    let shape = shape("profile=okta&scope=a+b");
    assert_eq!(shape["scp"], json!(["openid", "a", "b"]));
    assert_eq!((shape.get("scope"), &shape["ver"]), (None, &json!(1)));
}

#[test]
fn a_keycloak_token_has_nested_roles_which_the_form_overrides() {
    assert_eq!(shape("profile=keycloak")["realm_access"], json!({ "roles": ["user"] }));
    let changed = shape(r#"profile=keycloak&realm_access={"roles":["x"]}&scope=a"#);
    assert_eq!(changed["realm_access"], json!({ "roles": ["x"] }));
    assert_eq!(changed["resource_access"]["account"]["roles"], json!(["manage-account"]));
    assert_eq!(changed["scope"], "openid a");
}

#[test]
fn providers_without_scopes_get_one_only_from_the_form() {
    for name in ["firebase", "supabase", "apple", "google"] {
        let claims = claims(&format!("profile={name}"));
        assert_eq!((claims.get("scope"), claims.get("scp")), (None, None), "{name}");
        let asked = self::claims(&format!("profile={name}&scope=a"));
        assert_eq!(asked["scope"], "a", "{name}");
    }
    let firebase = claims("profile=firebase&sub=alice");
    assert_eq!(firebase["firebase"]["sign_in_provider"], "password");
    assert_eq!(firebase["user_id"], "alice");
    assert_eq!(claims("profile=apple")["email_verified"], "true");
    assert_eq!(claims("profile=google")["email_verified"], true);
    assert_eq!(claims("profile=supabase")["role"], "authenticated");
}

#[test]
fn a_form_field_that_is_json_becomes_a_nested_claim_and_other_fields_are_text() {
    let claims = claims(r#"sub=a&groups=["x","y"]&address={"city":"Bonn"}&admin=true&n=1&bad=[x"#);
    assert_eq!(claims["groups"], json!(["x", "y"]));
    assert_eq!(claims["address"], json!({ "city": "Bonn" }));
    assert_eq!((&claims["admin"], &claims["n"]), (&json!("true"), &json!("1")));
    assert_eq!(claims["bad"], "[x");
    assert_eq!(self::claims(r#"sub=a&aud=["x","y"]"#)["aud"], json!(["x", "y"]));
    assert_eq!(self::claims(r#"profile=okta&scope=["x"]"#)["scope"], json!(["x"]));
}

#[test]
fn the_keys_verify_the_tokens_of_every_profile() {
    let issuer = issuer();
    for (form, algorithm) in [
        ("sub=a", "RS256"),
        ("profile=apple", "RS256"),
        ("profile=supabase", "ES256"),
        ("profile=supabase&alg=RS256", "RS256"),
        ("sub=a&alg=ES256", "ES256"),
    ] {
        let answer = issuer.token(form.as_bytes()).unwrap();
        let token = answer["access_token"].as_str().unwrap();
        assert_eq!(part(token, 0)["alg"], algorithm, "{form}");
        let signed = SignedToken::parse(token).unwrap();
        assert!(verify_signature(signed, &issuer.key_set()).is_ok(), "{form}");
    }
}
