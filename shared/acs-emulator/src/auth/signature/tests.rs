//! Tests of the verifier with requests that the official SDKs signed.

use hyper::HeaderMap;
use serde::Deserialize;
use time::macros::datetime;

use super::*;

/// Requests that the official Python and JS packages signed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fixture {
    access_key: String,
    date: String,
    vectors: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    method: String,
    target: String,
    host: String,
    signed_host: String,
    body: String,
    content_sha256: String,
    signature: String,
}

const NOW: OffsetDateTime = datetime!(2024-03-05 07:08:09 UTC);
const RULES: SignatureRules =
    SignatureRules { skew: Duration::minutes(5), allow_host_with_slash: false };

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/vectors.json")).unwrap()
}

fn vector(name: &str) -> Vector {
    fixture().vectors.into_iter().find(|vector| vector.name == name).unwrap()
}

fn request(vector: &Vector, headers: HeaderMap) -> HttpRequest {
    HttpRequest {
        method: vector.method.parse().unwrap(),
        uri: vector.target.parse().unwrap(),
        headers,
        body: vector.body.clone().into_bytes(),
    }
}

fn headers(vector: &Vector) -> HeaderMap {
    let names = "x-ms-date;host;x-ms-content-sha256";
    let authorization = format!("HMAC-SHA256 SignedHeaders={names}&Signature={}", vector.signature);
    let mut headers = HeaderMap::new();
    headers.insert("host", vector.host.parse().unwrap());
    headers.insert("x-ms-date", fixture().date.parse().unwrap());
    headers.insert("x-ms-content-sha256", vector.content_sha256.parse().unwrap());
    headers.insert("authorization", authorization.parse().unwrap());
    headers
}

fn check(
    vector: &Vector,
    headers: &HeaderMap,
    now: OffsetDateTime,
    rules: SignatureRules,
) -> Result<(), SignatureRefusal> {
    let request = request(vector, headers.clone());
    let other = ResourceKey::generate().unwrap();
    let key = ResourceKey::from_base64(&fixture().access_key).unwrap();
    verify(&request, &[other, key], now, rules).map(|_key| ())
}

#[test]
fn requests_signed_by_official_sdks_are_accepted() {
    let vectors = fixture().vectors;
    assert!(vectors.len() >= 15);
    for vector in vectors.iter().filter(|vector| !vector.signed_host.ends_with('/')) {
        assert_eq!(check(vector, &headers(vector), NOW, RULES), Ok(()), "{}", vector.name);
    }
}

#[test]
fn the_old_js_client_that_sends_its_port_twice_is_accepted() {
    let mut vector = vector("J7-old");
    vector.host.clone_from(&vector.signed_host);
    assert_eq!(check(&vector, &headers(&vector), NOW, RULES), Ok(()));
}

#[test]
fn a_host_with_a_trailing_slash_is_accepted_only_by_option() {
    let vector = vector("P10");
    let lenient = SignatureRules { allow_host_with_slash: true, ..RULES };
    assert_eq!(check(&vector, &headers(&vector), NOW, RULES), Err(SignatureRefusal::HostWithSlash));
    assert_eq!(check(&vector, &headers(&vector), NOW, lenient), Ok(()));
}

#[test]
fn a_host_signed_without_its_port_is_accepted() {
    let mut vector = vector("P1");
    vector.host.push_str(":8443");
    assert_eq!(check(&vector, &headers(&vector), NOW, RULES), Ok(()));
}

#[test]
fn a_request_that_differs_from_the_signed_one_is_a_mismatch() {
    let good = vector("P3");
    let changes: [fn(&mut Vector); 4] = [
        |vector| vector.method = "DELETE".into(),
        |vector| vector.target = vector.target.replace("%3A", ":"),
        |vector| vector.host = "fabrikam.communication.azure.com".into(),
        |vector| vector.signature = "RBwruSl1r7JZI3Ebf0hkKBSr0FlQ3cfxVGtvwNHo+z1=".into(),
    ];
    for change in changes {
        let mut bad = good.clone();
        change(&mut bad);
        let refusal = check(&bad, &headers(&bad), NOW, RULES).unwrap_err();
        assert!(
            matches!(refusal, SignatureRefusal::Mismatch | SignatureRefusal::Malformed),
            "{refusal}"
        );
    }
}

#[test]
fn another_key_is_a_mismatch() {
    let vector = vector("P1");
    let request = request(&vector, headers(&vector));
    let keys = [ResourceKey::generate().unwrap()];
    assert_eq!(verify(&request, &keys, NOW, RULES), Err(SignatureRefusal::Mismatch));
}

#[test]
fn a_changed_body_is_refused_before_the_signature_is_checked() {
    let mut vector = vector("P2");
    vector.body.push(' ');
    vector.signature = "AAAA".into();
    assert_eq!(check(&vector, &headers(&vector), NOW, RULES), Err(SignatureRefusal::BodyHash));
}

#[test]
fn five_minutes_either_way_pass_and_a_second_more_does_not() {
    let vector = vector("P1");
    let headers = headers(&vector);
    for offset in [-300, 0, 300] {
        let now = NOW + Duration::seconds(offset);
        assert_eq!(check(&vector, &headers, now, RULES), Ok(()), "{offset}");
    }
    for offset in [-301, 301] {
        let now = NOW + Duration::seconds(offset);
        let refusal = SignatureRefusal::DateOutsideWindow { skew_seconds: 300 };
        assert_eq!(check(&vector, &headers, now, RULES), Err(refusal), "{offset}");
    }
}

#[test]
fn the_signed_headers_decide_which_date_counts() {
    // A client from before June 2021 signs `date`; the values are the same, and so is the
    // signature.
    let vector = vector("P1");
    let mut headers = headers(&vector);
    let date = headers.remove("x-ms-date").unwrap();
    headers.insert("date", date);
    let names = "date;host;x-ms-content-sha256";
    let value = format!("HMAC-SHA256 SignedHeaders={names}&Signature={}", vector.signature);
    headers.insert("authorization", value.parse().unwrap());
    assert_eq!(check(&vector, &headers, NOW, RULES), Ok(()));
}

#[test]
fn each_invalid_header_has_its_own_refusal() {
    let vector = vector("P1");
    let with = |name: &'static str, value: Option<&str>| {
        let mut headers = headers(&vector);
        match value {
            Some(value) => drop(headers.insert(name, value.parse().unwrap())),
            None => drop(headers.remove(name)),
        }
        check(&vector, &headers, NOW, RULES).unwrap_err()
    };
    assert_eq!(with("authorization", None), SignatureRefusal::NoAuthorization);
    assert_eq!(with("authorization", Some("Bearer x")), SignatureRefusal::Malformed);
    let unpadded = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=A";
    assert_eq!(with("authorization", Some(unpadded)), SignatureRefusal::Malformed);
    let bare = "HMAC-SHA256 SignedHeaders=host&Signature=AAAA";
    assert_eq!(with("authorization", Some(bare)), SignatureRefusal::TooFewSignedHeaders);
    assert_eq!(with("x-ms-content-sha256", None), SignatureRefusal::SignedHeaderMissing);
    assert_eq!(with("x-ms-date", Some("2024-03-05T07:08:09Z")), SignatureRefusal::DateUnreadable);
    assert_eq!(with("x-ms-date", None), SignatureRefusal::SignedHeaderMissing);
}

#[test]
fn a_regenerated_key_differs_from_a_wrong_key_in_the_log_only() {
    let vector = vector("P1");
    let request = request(&vector, headers(&vector));
    let key = ResourceKey::from_base64(&fixture().access_key).unwrap();
    let [one, two, old] = [(); 3].map(|()| ResourceKey::generate().unwrap());
    let verified = |keys: [ResourceKey; 2], retired: Vec<ResourceKey>| {
        verify_with_ring(&request, &KeyRing { keys, retired }, NOW, RULES)
    };
    assert_eq!(verified([one.clone(), key.clone()], Vec::new()), Ok(key.mark()));
    let regenerated = verified([one.clone(), two.clone()], vec![old.clone(), key]).unwrap_err();
    let wrong = verified([one, two], vec![old]).unwrap_err();
    assert_eq!(
        (regenerated, wrong),
        (SignatureRefusal::KeyRegenerated, SignatureRefusal::Mismatch)
    );
    assert_ne!(regenerated.to_string(), wrong.to_string());
    assert_eq!(regenerated.api_error(), wrong.api_error());
}
