use aws_lc_rs::hmac;
use bearer_verifier::KeySet;

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
        let keys =
            KeySet::from_json(json!({ "keys": [key.jwk()] }).to_string().as_bytes()).unwrap();
        let config = template::JwtAuthorizerSpec {
            issuer: "http://issuer".to_owned(),
            audience: vec!["app".to_owned(), "other".to_owned()],
        };
        Self { key, authorizer: JwtAuthorizer::new(config, TrustedKeys::Fixed(keys)) }
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
fn a_header_that_api_gateway_does_not_check_is_accepted() {
    let fixture = AuthorizerFixture::new();
    for (name, value) in [("typ", json!("logout+jwt")), ("crit", json!(["b64"]))] {
        let mut header = fixture.key.header(None);
        header[name] = value;
        let token = fixture.key.sign_with(&header, &claims(&json!({}))).unwrap();
        assert!(fixture.authorize(&token).is_ok(), "{name}");
    }
}

#[test]
fn a_token_that_is_not_a_jwt_is_refused_with_the_part_that_is_invalid() {
    let fixture = AuthorizerFixture::new();
    let kid = &fixture.key.jwk()["kid"];
    let header = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let known = header(json!({ "alg": "RS256", "kid": kid }));
    let unknown = header(json!({ "alg": "RS384", "kid": "other" }));
    for (token, why) in [
        ("e30.e30.AAAA".to_owned(), "the token does not have the header of a signed JWT"),
        (format!("{known}.W10.AAAA"), "the payload of the token is not a JSON object"),
        (format!("{known}.e30.A"), "the signature is invalid"),
        (format!("{known}.e30.AAAA"), "the signature is invalid"),
        (format!("{unknown}.e30.AAAA"), "the token's kid does not name a key of the issuer"),
    ] {
        assert_eq!(fixture.refusal(&token), invalid(why), "{token}");
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
        assert_eq!(fixture.refusal(&token), AuthorizerRefusal::Invalid(why.into()), "{changes}");
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

    for token in [hmac(modulus.as_bytes()), hmac(&URL_SAFE_NO_PAD.decode(&modulus).unwrap())] {
        assert_eq!(fixture.refusal(&token), invalid("signing method HS256 is invalid"), "{token}");
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
fn a_token_that_is_not_signed_with_rsa_is_refused_with_the_name_of_its_algorithm() {
    let fixture = AuthorizerFixture::new();
    let kid = fixture.key.jwk()["kid"].clone();
    for (algorithm, why) in [
        ("ES256", "signing method ES256 is invalid"),
        ("none", "signing method none is invalid"),
        ("PS256", "signing method PS256 is invalid"),
        ("<script>", "the signature algorithm is unknown"),
    ] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm, "kid": kid }).to_string());
        let token = format!("{header}.e30.AAAA");
        assert_eq!(fixture.refusal(&token), AuthorizerRefusal::Invalid(why.into()));
    }
}

#[test]
fn a_token_without_three_segments_is_refused_with_the_measured_words() {
    let fixture = AuthorizerFixture::new();
    for token in ["opaque", "a.b", "a.b.c.d"] {
        let refusal = fixture.refusal(token);
        assert_eq!(refusal, invalid("token contains an invalid number of segments"), "{token}");
    }
}

#[test]
fn two_authorization_headers_are_not_a_token() {
    let fixture = AuthorizerFixture::new();
    let token = fixture.key.sign(&claims(&json!({}))).unwrap();
    let mut headers = HeaderMap::new();
    for _ in 0..2 {
        headers.append(header::AUTHORIZATION, token.parse().unwrap());
    }
    let refusal = fixture.authorizer.authorize(&headers, &[], NOW).err();
    assert_eq!(refusal, Some(invalid("token contains an invalid number of segments")));
}

#[test]
fn the_first_failed_check_is_reported_in_the_documented_order() {
    let fixture = AuthorizerFixture::new();
    let checks = [
        (json!({ "iss": "x" }), invalid("the token is from another issuer")),
        (json!({ "aud": "x" }), invalid("the token does not have a valid audience")),
        (json!({ "exp": NOW - 1 }), invalid("the token has expired")),
        (json!({ "nbf": NOW + 1 }), invalid("the token is not valid yet")),
        (json!({ "scope": "x" }), AuthorizerRefusal::Scope),
    ];
    for (first, (_, refusal)) in checks.iter().enumerate() {
        let mut changes = json!({});
        for (change, _) in checks.iter().skip(first) {
            changes.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        }
        let token = fixture.key.sign(&claims(&changes)).unwrap();
        assert_eq!(fixture.refusal(&token), *refusal, "{changes}");
        // An invalid signature is reported before any claim.
        let (message, _) = token.rsplit_once('.').unwrap();
        assert_eq!(
            fixture.refusal(&format!("{message}.AAAA")),
            invalid("the signature is invalid")
        );
    }
}

#[test]
fn the_scopes_of_an_event_are_all_scopes_of_the_token_or_null_for_a_route_without_scopes() {
    let fixture = AuthorizerFixture::new();
    for (changes, scopes) in [
        (json!({}), json!(["openid", "read"])),
        (json!({ "scope": "a", "scp": ["write", "b c"] }), json!(["write", "b", "c"])),
    ] {
        let token = fixture.key.sign(&claims(&changes)).unwrap();
        let claims = fixture.authorize(&token).ok().unwrap();
        assert_eq!(claims.context(&["read".to_owned()])["jwt"]["scopes"], scopes, "{changes}");
        let unscoped = claims.context(&[]);
        assert_eq!(unscoped["jwt"].get("scopes"), Some(&Value::Null), "{changes}");
        // The claim stays what it is in the token.
        assert_eq!(unscoped["jwt"]["claims"]["scope"], claims.0["scope"], "{changes}");
    }
}

#[test]
fn claims_are_passed_to_a_function_as_text() {
    for (claim, text) in [
        (json!("alice"), "alice"),
        (json!(1_612_061_676), "1612061676"),
        (json!(true), "true"),
        (json!(["admin", "poweruser"]), "[admin poweruser]"),
        (json!(["a", 1]), "[a 1]"),
        (json!([]), "[]"),
        (json!([["a", "b"], "c"]), "[[a b] c]"),
        // How an object is passed on is unknown: this is the format of Go.
        (json!({ "city": "Bonn", "at": [1] }), "map[at:[1] city:Bonn]"),
    ] {
        let claims = JwtClaims(Map::from_iter([("claim".to_owned(), claim.clone())]));
        assert_eq!(claims.flattened()["claim"], text, "{claim}");
    }
}

#[test]
fn a_claim_that_is_null_is_absent() {
    let claims = JwtClaims(Map::from_iter([("claim".to_owned(), Value::Null)]));
    assert!(claims.flattened().is_empty());
}
