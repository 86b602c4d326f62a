//! One row for each attack of RFC 8725 and for each rule of RFC 7519 that a verifier can forget.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearer_verifier::testing::{Signer, b64};
use bearer_verifier::{
    KeySet, SignedToken, TokenRefusal, TrustedIssuer, VerifiedClaims, is_https_or_loopback, verify,
};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example/";
const NOW: u64 = 1_795_694_400;

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "app", "sub": "carol", "iat": NOW - 5, "exp": NOW + 3600})
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn trusted() -> Vec<TrustedIssuer> {
    vec![TrustedIssuer::new(ISSUER, vec!["app".to_owned()], vec![]).unwrap()]
}

fn verify_token(token: &str, keys: &KeySet) -> Result<VerifiedClaims, TokenRefusal> {
    let trusted = trusted();
    let token = SignedToken::parse(token)?;
    let issuer = trusted.iter().find(|issuer| issuer.is_named_by(&token));
    let issuer = issuer.ok_or(TokenRefusal::UnknownIssuer)?;
    verify(token, issuer, keys, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
}

#[test]
fn a_token_of_every_accepted_algorithm_is_verified() {
    let issuer = Signer::default();
    for (alg, kid) in [
        ("RS256", "rsa"),
        ("RS384", "rsa"),
        ("RS512", "rsa"),
        ("PS256", "rsa"),
        ("PS384", "rsa"),
        ("PS512", "rsa"),
        ("ES256", "p256"),
        ("ES384", "p384"),
        ("ES512", "p521"),
        ("EdDSA", "ed"),
    ] {
        for header in [json!({"alg": alg, "kid": kid}), json!({"alg": alg, "typ": "at+JWT"})] {
            let token = issuer.sign(&header, &claims());
            let verified = verify_token(&token, &issuer.keys()).expect(alg);
            assert_eq!(verified.as_map()["sub"], "carol", "{alg}");
        }
    }
}

/// Checks that each token is refused for its reason. `rows`: attack, token, reason.
fn assert_refused(issuer: &Signer, rows: &[(&str, String, TokenRefusal)]) {
    let keys = issuer.keys();
    for (attack, token, reason) in rows {
        assert_eq!(verify_token(token, &keys).err(), Some(*reason), "{attack}");
    }
}

#[test]
fn a_forged_or_changed_signature_is_refused() {
    use TokenRefusal as R;

    let (issuer, attacker) = (Signer::default(), Signer::default());
    let signed = |header: Value| issuer.sign(&header, &claims());
    let rs256 = json!({"alg": "RS256", "kid": "rsa"});
    let good = signed(rs256.clone());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let stripped = format!("{head}.");
    let truncated = format!("{head}.{}", b64(&URL_SAFE_NO_PAD.decode(signature).unwrap()[1..]));
    let changed = {
        let payload = b64(with(claims(), "sub", json!("root")).to_string().as_bytes());
        format!("{}.{payload}.{signature}", head.split_once('.').unwrap().0)
    };
    let attacker_jwk = attacker.jwks()["keys"][0].clone();
    let rows = [
        ("2.1 alg none", signed(json!({"alg": "none"})), R::UnsupportedAlgorithm),
        ("2.1 alg None", signed(json!({"alg": "None"})), R::UnsupportedAlgorithm),
        ("2.1 alg in lower case", signed(json!({"alg": "rs256"})), R::UnsupportedAlgorithm),
        ("2.1 no alg", signed(json!({"kid": "rsa"})), R::Malformed),
        ("2.1 public key as HMAC secret", signed(json!({"alg": "HS256"})), R::UnsupportedAlgorithm),
        ("2.1 signature removed", stripped, R::Signature),
        ("2.1 signature cut", truncated, R::Signature),
        ("2.1 claims changed", changed, R::Signature),
        ("2.1 key of another type", signed(json!({"alg": "ES256", "kid": "rsa"})), R::UnknownKey),
        ("2.5 another key", attacker.sign(&rs256, &claims()), R::Signature),
        (
            "2.5 any key without kid",
            attacker.sign(&json!({"alg": "RS256"}), &claims()),
            R::Signature,
        ),
        (
            "3.10 key in the header",
            attacker.sign(&json!({"alg": "RS256", "jwk": attacker_jwk}), &claims()),
            R::Signature,
        ),
        (
            "3.10 key behind a URL",
            attacker.sign(
                &json!({"alg": "RS256", "kid": "x", "jku": "https://attacker.example/"}),
                &claims(),
            ),
            R::UnknownKey,
        ),
        ("2.4 unknown kid", signed(json!({"alg": "RS256", "kid": "../rsa"})), R::UnknownKey),
    ];
    assert_refused(&issuer, &rows);
}

#[test]
fn a_token_with_an_unknown_extension_or_another_purpose_is_refused() {
    use TokenRefusal as R;

    let issuer = Signer::default();
    let signed = |header: Value| issuer.sign(&header, &claims());
    let rows = [
        (
            "3.9 unknown extension",
            signed(json!({"alg": "RS256", "crit": ["exp"]})),
            R::CriticalExtension,
        ),
        ("3.11 logout token", signed(json!({"alg": "RS256", "typ": "logout+jwt"})), R::TokenType),
        ("3.11 event token", signed(json!({"alg": "RS256", "typ": "secevent+jwt"})), R::TokenType),
        ("3.11 typ of another type", signed(json!({"alg": "RS256", "typ": 1})), R::Malformed),
    ];
    assert_refused(&issuer, &rows);
}

#[test]
fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    use TokenRefusal as R;

    let issuer = Signer::default();
    let claiming = |claims: Value| issuer.sign(&json!({"alg": "RS256", "kid": "rsa"}), &claims);
    let rows = [
        (
            "3.8 another issuer",
            claiming(with(claims(), "iss", json!("https://evil.example/"))),
            R::UnknownIssuer,
        ),
        (
            "3.8 issuer without its slash",
            claiming(with(claims(), "iss", json!("https://issuer.example"))),
            R::UnknownIssuer,
        ),
        (
            "3.8 issuer in capitals",
            claiming(with(claims(), "iss", json!("https://ISSUER.example/"))),
            R::UnknownIssuer,
        ),
        (
            "3.8 issuer as a list",
            claiming(with(claims(), "iss", json!([ISSUER]))),
            R::UnknownIssuer,
        ),
        ("3.8 no issuer", claiming(without(claims(), "iss")), R::UnknownIssuer),
        ("3.9 another audience", claiming(with(claims(), "aud", json!("other"))), R::Audience),
        ("3.9 a list without us", claiming(with(claims(), "aud", json!(["a", "b"]))), R::Audience),
        ("3.9 audience is a number", claiming(with(claims(), "aud", json!(7))), R::Audience),
        ("3.9 audience is null", claiming(with(claims(), "aud", Value::Null)), R::Audience),
        ("3.9 no audience", claiming(without(claims(), "aud")), R::Audience),
        (
            "3.9 another audience, our client id",
            claiming(with(with(claims(), "aud", json!("other")), "client_id", json!("app"))),
            R::Audience,
        ),
    ];
    assert_refused(&issuer, &rows);
}

#[test]
fn a_token_out_of_its_time_or_in_another_form_is_refused() {
    use TokenRefusal as R;

    let issuer = Signer::default();
    let rs256 = json!({"alg": "RS256", "kid": "rsa"});
    let claiming = |claims: Value| issuer.sign(&rs256, &claims);
    let good = claiming(claims());
    let twice =
        format!(r#"{{"iss":"{ISSUER}","aud":"app","sub":"a","sub":"b","exp":{}}}"#, NOW + 9);
    let nested_twice = twice.replace(r#""sub":"a","sub":"b""#, r#""x":[{"roles":1,"roles":2}]"#);
    let rows = [
        (
            "exp passed with its leeway",
            claiming(with(claims(), "exp", json!(NOW - 60))),
            R::Expired,
        ),
        ("no exp", claiming(without(claims(), "exp")), R::Expired),
        ("exp is text", claiming(with(claims(), "exp", json!("9999999999"))), R::Expired),
        ("nbf beyond the leeway", claiming(with(claims(), "nbf", json!(NOW + 61))), R::NotYetValid),
        ("iat beyond the leeway", claiming(with(claims(), "iat", json!(NOW + 61))), R::NotYetValid),
        ("iat is text", claiming(with(claims(), "iat", json!("1"))), R::NotYetValid),
        ("no iat", claiming(without(claims(), "iat")), R::NoIssueTime),
        ("a claim twice", issuer.sign_text(&rs256.to_string(), &twice), R::Malformed),
        ("a nested claim twice", issuer.sign_text(&rs256.to_string(), &nested_twice), R::Malformed),
        ("claims are a list", issuer.sign_text(&rs256.to_string(), "[]"), R::Malformed),
        ("two parts", "e30.e30".to_owned(), R::Malformed),
        ("five parts of a JWE", "e30.e30.e30.e30.e30".to_owned(), R::Malformed),
        ("padding", format!("{good}=="), R::Malformed),
        ("a line break", format!("{good}\n"), R::Malformed),
        ("no token", String::new(), R::Malformed),
        ("too long", "a".repeat(10_241), R::TooLong),
    ];
    assert_refused(&issuer, &rows);
}

#[test]
fn times_at_the_edge_of_the_leeway_are_accepted() {
    let issuer = Signer::default();
    for claims in [
        with(claims(), "exp", json!(NOW - 59)),
        with(claims(), "nbf", json!(NOW + 60)),
        with(claims(), "iat", json!(NOW + 60)),
        with(claims(), "exp", serde_json::from_str(&format!("{NOW}.5")).unwrap()),
    ] {
        let token = issuer.sign(&json!({"alg": "ES256"}), &claims);
        assert!(verify_token(&token, &issuer.keys()).is_ok(), "{claims}");
    }
}

#[test]
fn without_an_audience_the_application_that_asked_for_the_token_counts() {
    let issuer = Signer::default();
    for name in ["client_id", "azp"] {
        let token = |value: &str| {
            let claims = with(without(claims(), "aud"), name, json!(value));
            issuer.sign(&json!({"alg": "ES256"}), &claims)
        };
        assert!(verify_token(&token("app"), &issuer.keys()).is_ok(), "{name}");
        let refused = verify_token(&token("other"), &issuer.keys()).err();
        assert_eq!(refused, Some(TokenRefusal::Audience), "{name}");
    }
}

#[test]
fn a_key_is_used_only_for_the_algorithm_and_the_purpose_that_it_names() {
    let issuer = Signer::default();
    let token = issuer.sign(&json!({"alg": "RS256", "kid": "rsa"}), &claims());
    let keys = |name: &str, value: &str| {
        let mut jwks = issuer.jwks();
        jwks["keys"][0][name] = json!(value);
        KeySet::from_json(jwks.to_string().as_bytes()).unwrap()
    };
    assert!(verify_token(&token, &keys("alg", "RS256")).is_ok());
    for (name, value) in [("alg", "PS256"), ("use", "enc"), ("kty", "oct")] {
        let refused = verify_token(&token, &keys(name, value)).err();
        assert_eq!(refused, Some(TokenRefusal::UnknownKey), "{name}={value}");
    }
}

#[test]
fn the_keys_of_one_issuer_never_verify_a_token_of_another() {
    let first = Signer::default();
    let other = TrustedIssuer::new("https://other.example/", vec!["app".to_owned()], vec![]);
    let token = first.sign(&json!({"alg": "ES256"}), &claims());
    let token = SignedToken::parse(&token).ok().unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let refused = verify(token, &other.unwrap(), &first.keys(), now).err();
    assert_eq!(refused, Some(TokenRefusal::UnknownIssuer));
}

#[test]
fn a_multi_tenant_issuer_accepts_the_listed_tenants_only() {
    let entra = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let trusted =
        [TrustedIssuer::new(entra, vec!["app".to_owned()], vec!["t1".to_owned()]).unwrap()];
    let signer = Signer::default();
    let check = |iss: &str, tid: &str| {
        let iss = format!("https://login.microsoftonline.com/{iss}/v2.0");
        let claims = with(with(claims(), "iss", json!(iss)), "tid", json!(tid));
        let token = signer.sign(&json!({"alg": "ES256"}), &claims);
        let token = SignedToken::parse(&token)?;
        let issuer = trusted.iter().find(|issuer| issuer.is_named_by(&token));
        let issuer = issuer.ok_or(TokenRefusal::UnknownIssuer)?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        verify(token, issuer, &signer.keys(), now).map(drop)
    };
    assert_eq!(check("t1", "t1"), Ok(()));
    assert_eq!(check("t1", "t2"), Err(TokenRefusal::Tenant));
    assert_eq!(check("t2", "t2"), Err(TokenRefusal::UnknownIssuer));
    assert_eq!(check("{tenantid}", "t1"), Err(TokenRefusal::UnknownIssuer));
}

proptest::proptest! {
    #[test]
    fn no_input_makes_the_verifier_panic(
        token in "[A-Za-z0-9_.=-]{0,80}|\\PC{0,40}",
        header in "\\{\"alg\":\"(RS256|ES256|EdDSA|x)\"(,\"kid\":\"\\PC{0,5}\")?\\}",
        document in "\\{\"keys\":\\[(\\{\"kty\":\"(RSA|EC|OKP)\",\"n\":\"A\",\"e\":\"\",\"crv\":\"P-256\",\"x\":\"\\w?\",\"y\":\"\"\\}),?\\]\\}",
        signature in proptest::collection::vec(proptest::num::u8::ANY, 0..80),
    ) {
        let keys = KeySet::from_json(document.as_bytes()).unwrap_or_default();
        proptest::prop_assert!(verify_token(&token, &keys).is_err());
        let parts = [header.as_bytes(), claims().to_string().as_bytes(), &signature].map(b64);
        proptest::prop_assert!(verify_token(&parts.join("."), &keys).is_err());
    }
}

#[test]
fn an_issuer_is_reached_by_https_or_is_on_this_machine() {
    for (url, is_accepted) in [
        ("https://issuer.example", true),
        ("http://localhost:3002", true),
        ("http://127.0.0.1/x", true),
        ("http://[::1]:1", true),
        ("http://issuer.example", false),
        ("http://localhost.example", false),
        ("http://localhost:3002@issuer.example", false),
        ("http://localhost@issuer.example", false),
        ("http://issuer.example/localhost", false),
        ("http://issuer.example#localhost", false),
        ("ftp://localhost", false),
    ] {
        assert_eq!(is_https_or_loopback(url), is_accepted, "{url}");
        let trusted = TrustedIssuer::new(url, vec!["app".to_owned()], vec![]);
        assert_eq!(trusted.is_ok(), is_accepted, "{url}");
    }
}

#[test]
fn a_token_is_reported_as_expired_only_if_it_is_genuine_and_for_us() {
    let issuer = Signer::default();
    let expired = with(claims(), "exp", json!(NOW - 61));
    let header = json!({"alg": "RS256", "kid": "rsa"});
    let refusal = |token: &str| verify_token(token, &issuer.keys()).err();
    assert_eq!(refusal(&issuer.sign(&header, &expired)), Some(TokenRefusal::Expired));
    let forged = Signer::default().sign(&header, &expired);
    assert_eq!(refusal(&forged), Some(TokenRefusal::Signature));
    let for_others = issuer.sign(&header, &with(expired, "aud", json!("other")));
    assert_eq!(refusal(&for_others), Some(TokenRefusal::Audience));
}
