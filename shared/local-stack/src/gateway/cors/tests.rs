use std::collections::BTreeMap;

use super::*;

const APP: &str = "http://localhost:5173";

fn rules(origins: &[&str]) -> CorsRules {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    CorsRules(CorsSpec {
        origins: texts(origins),
        methods: texts(&["GET", "POST"]),
        headers: texts(&["authorization", "content-type"]),
        exposed_headers: texts(&["x-request-id", "retry-after"]),
        max_age: Some(600),
        credentials: false,
    })
}

fn preflight(rules: &CorsRules, method: &str, headers: &[(&str, &str)]) -> Option<Response> {
    let mut request = Request::builder().method(method).uri("/v1/token");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    rules.preflight(&request.body(Body::empty()).unwrap())
}

fn texts(headers: &HeaderMap) -> BTreeMap<&str, &str> {
    headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

/// The headers of a function's response that has CORS headers of its own.
fn applied(rules: &CorsRules, origin: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-a", HeaderValue::from_static("1"));
    for name in RESPONSE_HEADERS {
        headers.insert(name, HeaderValue::from_static("own"));
    }
    rules.apply(origin.map(|origin| origin.parse().unwrap()).as_ref(), &mut headers);
    headers
}

#[test]
fn a_preflight_of_an_allowed_origin_is_a_204_with_the_configuration() {
    let asks = [("origin", APP), ("access-control-request-method", "POST")];
    let response = preflight(&rules(&["https://a.example", APP]), "OPTIONS", &asks).unwrap();
    assert_eq!(response.status(), 204);
    let expected = BTreeMap::from([
        ("access-control-allow-origin", APP),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "authorization,content-type"),
        ("access-control-max-age", "600"),
    ]);
    assert_eq!(texts(response.headers()), expected);
}

#[test]
fn a_preflight_of_another_origin_has_no_cors_headers() {
    let rules = rules(&["https://a.example", APP]);
    for origin in ["https://a.example.org", "https://A.example", "http://localhost:5174", "null"] {
        let asks = [("origin", origin), ("access-control-request-method", "POST")];
        let response = preflight(&rules, "OPTIONS", &asks).unwrap();
        assert_eq!((response.status().as_u16(), response.headers().len()), (204, 0), "{origin}");
    }
}

#[test]
fn only_an_options_request_with_both_headers_is_a_preflight() {
    let rules = rules(&[APP]);
    let (origin, method) = (("origin", APP), ("access-control-request-method", "POST"));
    assert!(preflight(&rules, "POST", &[origin, method]).is_none());
    assert!(preflight(&rules, "OPTIONS", &[origin]).is_none());
    assert!(preflight(&rules, "OPTIONS", &[method]).is_none());
}

#[test]
fn the_configuration_replaces_the_cors_headers_of_a_function() {
    let rules = rules(&[APP]);
    let expected = BTreeMap::from([
        ("access-control-allow-origin", APP),
        ("access-control-expose-headers", "x-request-id,retry-after"),
        ("x-a", "1"),
    ]);
    assert_eq!(texts(&applied(&rules, Some(APP))), expected);
    for origin in [None, Some("https://b.example")] {
        assert_eq!(texts(&applied(&rules, origin)), BTreeMap::from([("x-a", "1")]), "{origin:?}");
    }
}

#[test]
fn every_origin_is_answered_with_an_asterisk() {
    let headers = applied(&rules(&["*"]), Some(APP));
    assert_eq!(headers["access-control-allow-origin"], "*");
}

#[test]
fn credentials_are_allowed_only_if_the_template_says_so() {
    let mut rules = rules(&[APP]);
    rules.0.credentials = true;
    assert_eq!(applied(&rules, Some(APP))["access-control-allow-credentials"], "true");
    let asks = [("origin", APP), ("access-control-request-method", "POST")];
    let response = preflight(&rules, "OPTIONS", &asks).unwrap();
    assert_eq!(response.headers()["access-control-allow-credentials"], "true");
}

#[test]
fn a_setting_that_the_template_leaves_out_adds_no_header() {
    let origins = vec![APP.to_owned()];
    let rules = CorsRules(CorsSpec { origins, ..CorsSpec::default() });
    let only_origin = BTreeMap::from([("access-control-allow-origin", APP)]);
    let asks = [("origin", APP), ("access-control-request-method", "POST")];
    let response = preflight(&rules, "OPTIONS", &asks).unwrap();
    assert_eq!(texts(response.headers()), only_origin);
    let mut headers = HeaderMap::new();
    rules.apply(Some(&HeaderValue::from_static(APP)), &mut headers);
    assert_eq!(texts(&headers), only_origin);
}
