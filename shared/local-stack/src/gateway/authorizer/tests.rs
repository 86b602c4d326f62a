use aws_lc_rs::hmac;
use serde_json::json;

use super::*;
use crate::issuer::SigningKey;

const NOW: i64 = 1_700_000_000;

struct AuthorizerFixture {
    key: SigningKey,
    authorizer: JwtAuthorizer,
}

impl AuthorizerFixture {
    fn new() -> Self {
        let key = SigningKey::generate().unwrap();
        let keys = serde_json::from_value(json!({ "keys": [key.jwk()] })).unwrap();
        let config = template::AuthorizerSpec {
            issuer: "http://issuer".to_owned(),
            audience: vec!["app".to_owned(), "other".to_owned()],
        };
        Self { key, authorizer: JwtAuthorizer::new(config, keys) }
    }

    fn authorize(&self, authorization: &str) -> Result<JwtClaims, AuthorizerRefusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        self.authorizer.authorize(&headers, &["read".to_owned(), "write".to_owned()], NOW)
    }

    fn refusal(&self, token: &str) -> AuthorizerRefusal {
        self.authorize(&format!("Bearer {token}")).err().unwrap()
    }
}

/// Claims that are accepted, with `changes`; a change to null removes a claim.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "http://issuer", "aud": "app", "sub": "alice", "scope": "openid read",
        "exp": NOW + 1, "nbf": NOW, "iat": NOW,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

#[test]
fn valid_tokens_are_accepted() {
    let fixture = AuthorizerFixture::new();
    for changes in [
        json!({}),
        json!({ "aud": ["x", "other"] }),
        json!({ "aud": null, "client_id": "app" }),
        json!({ "nbf": null, "iat": null }),
        json!({ "scope": null, "scp": ["write"] }),
        json!({ "scope": null, "scp": "a write" }),
    ] {
        let token = fixture.key.sign(&claims(&changes)).unwrap();
        assert!(fixture.authorize(&format!("Bearer {token}")).is_ok(), "{changes}");
        assert!(fixture.authorize(&token).is_ok(), "without the scheme: {changes}");
    }
}

#[test]
fn a_request_without_a_token_is_refused() {
    let fixture = AuthorizerFixture::new();
    let refusal = fixture.authorizer.authorize(&HeaderMap::new(), &[], NOW).err();
    assert_eq!(refusal, Some(AuthorizerRefusal::Missing));
}

#[test]
fn a_token_with_invalid_claims_is_refused() {
    let fixture = AuthorizerFixture::new();
    for (changes, why) in [
        (json!({ "iss": "http://issuer/" }), "the token is from another issuer"),
        (json!({ "iss": null }), "the token is from another issuer"),
        (json!({ "aud": "elsewhere" }), "the token does not have a valid audience"),
        (
            json!({ "aud": "elsewhere", "client_id": "app" }),
            "the token does not have a valid audience",
        ),
        (json!({ "aud": null }), "the token does not have a valid audience"),
        (json!({ "exp": NOW }), "the token has expired"),
        (json!({ "exp": null }), "the token has expired"),
        (json!({ "exp": "never" }), "the token has expired"),
        (json!({ "nbf": NOW + 1 }), "the token is not valid yet"),
        (json!({ "iat": NOW + 1 }), "the token is not valid yet"),
    ] {
        let token = fixture.key.sign(&claims(&changes)).unwrap();
        assert_eq!(fixture.refusal(&token), AuthorizerRefusal::Invalid(why), "{changes}");
    }
    for scopes in [json!({ "scope": "reader" }), json!({ "scope": null }), json!({ "scope": "" })] {
        let token = fixture.key.sign(&claims(&scopes)).unwrap();
        assert_eq!(fixture.refusal(&token), AuthorizerRefusal::Scope, "{scopes}");
    }
}

#[test]
fn a_token_that_the_issuer_did_not_sign_is_refused() {
    let fixture = AuthorizerFixture::new();
    let good = fixture.key.sign(&claims(&json!({}))).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let kid = fixture.key.jwk()["kid"].clone();
    let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());

    let none = encode(json!({ "alg": "none", "kid": kid }));
    let hs256 = encode(json!({ "alg": "HS256", "kid": kid }));
    // The classic attack: the public key as the secret of an HMAC.
    let modulus = fixture.key.jwk()["n"].as_str().unwrap().to_owned();
    let hmac = |secret: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, format!("{hs256}.{payload}").as_bytes());
        format!("{hs256}.{payload}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    };
    let other = encode(claims(&json!({ "sub": "mallory" })));
    let foreign = AuthorizerFixture::new().key.sign(&claims(&json!({}))).unwrap();
    let no_kid = encode(json!({ "alg": "RS256" }));

    let method = "the signature algorithm is not RSA";
    for token in [hmac(modulus.as_bytes()), hmac(&URL_SAFE_NO_PAD.decode(&modulus).unwrap())] {
        assert_eq!(fixture.refusal(&token), AuthorizerRefusal::Invalid(method), "{token}");
    }
    for token in [
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{header}.{other}.{signature}"),
        format!("{message}."),
        message.to_owned(),
        foreign,
        format!("{no_kid}.{payload}.{signature}"),
    ] {
        assert!(matches!(fixture.refusal(&token), AuthorizerRefusal::Invalid(_)), "{token}");
    }
}

#[test]
fn claims_are_passed_to_a_function_as_text() {
    let fixture = AuthorizerFixture::new();
    let token = fixture
        .key
        .sign(&claims(&json!({ "groups": ["a", 1], "admin": true, "address": { "city": "Bonn" } })))
        .unwrap();
    let claims = fixture.authorize(&token).ok().unwrap().flattened();
    for (name, text) in [
        ("groups", "[a 1]"),
        ("admin", "true"),
        ("address", "map[city:Bonn]"),
        ("exp", "1700000001"),
        ("sub", "alice"),
    ] {
        assert_eq!(claims[name], text, "{name}");
    }
}
