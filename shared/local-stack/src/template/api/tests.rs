use super::*;
use crate::template::{Inputs, Template};

const YAML: &str = r#"
Parameters:
  Origins: { Type: CommaDelimitedList, Default: "" }
  Rate: { Type: Number, Default: 30 }
Conditions:
  HasOrigins: !Not [!Equals [!Join ["", !Ref Origins], ""]]
Mappings:
  Halves: { "30": { Half: 15 }, "5": { Half: 2.5 } }
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      CorsConfiguration: !If
        - HasOrigins
        - AllowOrigins: !Ref Origins
          AllowMethods: [GET, POST]
          AllowHeaders: [authorization]
          ExposeHeaders: [retry-after]
          MaxAge: 600
        - !Ref AWS::NoValue
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      DefaultRouteSettings: { ThrottlingRateLimit: !Ref Rate, ThrottlingBurstLimit: 100 }
      RouteSettings:
        GET /half: { ThrottlingRateLimit: !FindInMap [Halves, !Ref Rate, Half] }
        GET /both: { ThrottlingRateLimit: 0, ThrottlingBurstLimit: 0 }
"#;

fn read(yaml: &str, parameters: &[(&str, &str)]) -> Result<HttpApiSpec, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let parameters = parameters.iter().map(owned).collect();
    let inputs = Inputs { parameters, ..Inputs::default() };
    Template::read(yaml, &inputs).map(|template| template.api).map_err(|error| error.to_string())
}

#[test]
fn web_apps_may_call_the_api_only_if_the_template_names_them() {
    assert_eq!(read(YAML, &[]).unwrap().cors, None);
    let cors = read(YAML, &[("Origins", "https://a.example,http://localhost:5173")]).unwrap().cors;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let expected = CorsSpec {
        origins: texts(&["https://a.example", "http://localhost:5173"]),
        methods: texts(&["GET", "POST"]),
        headers: texts(&["authorization"]),
        exposed_headers: texts(&["retry-after"]),
        max_age: Some(600),
        credentials: false,
    };
    assert_eq!(cors, Some(expected));
}

#[test]
fn an_origin_that_fails_the_deployment_is_refused_with_the_words_of_api_gateway() {
    for origin in ["capacitor://localhost", "ionic://localhost", "chrome-extension://abc", "a"] {
        let error = read(YAML, &[("Origins", &format!("https://a.example,{origin}"))]);
        let expected = format!("CorsConfiguration: Invalid format for origin {origin}:");
        let error = error.unwrap_err();
        assert!(error.starts_with(&expected), "{error}");
    }
    assert!(read(YAML, &[("Origins", "*")]).is_ok());
}

#[test]
fn every_origin_with_credentials_is_refused() {
    let yaml = YAML.replace("MaxAge: 600", "AllowCredentials: true");
    assert!(read(&yaml, &[("Origins", "*")]).unwrap_err().contains("AllowCredentials"));
    let cors = read(&yaml, &[("Origins", "https://a.example")]).unwrap().cors.unwrap();
    assert_eq!((cors.credentials, cors.max_age), (true, None));
}

#[test]
fn a_route_has_its_own_throttling_or_that_of_the_api() {
    let api = read(YAML, &[("Rate", "5")]).unwrap();
    assert_eq!(api.default_throttle, ThrottleSpec { rate: 5.0, burst: 100.0 });
    let routes = &api.route_throttles;
    assert_eq!(routes["GET /half"], ThrottleSpec { rate: 2.5, burst: 100.0 });
    assert_eq!(routes["GET /both"], ThrottleSpec { rate: 0.0, burst: 0.0 });
}

#[test]
fn an_api_without_throttling_has_the_quota_of_the_account() {
    let without = "Resources: { Api: { Type: AWS::ApiGatewayV2::Api, Properties: {} } }";
    for yaml in [without, "Resources: {}"] {
        let api = read(yaml, &[]).unwrap();
        assert_eq!(api.default_throttle, ThrottleSpec { rate: 10_000.0, burst: 5_000.0 });
    }
}

#[test]
fn the_service_divides_its_token_requests_between_two_methods() {
    let yaml = include_str!("../../../../../infra/template.yaml");
    let secret = "arn:aws:secretsmanager:local:000000000000:secret:acs";
    let known = [("Issuer", "https://i"), ("Audience", "a"), ("AcsSecretArn", secret)];
    let token = |methods: &str| {
        let parameters = [&known[..], &[("TokenMethods", methods)]].concat();
        let routes = read(yaml, &parameters).unwrap().route_throttles;
        [routes["POST /v1/token"], routes["GET /v1/token"]]
    };
    let [all, half, none] =
        [(30.0, 20.0), (15.0, 10.0), (0.0, 0.0)].map(|(rate, burst)| ThrottleSpec { rate, burst });
    assert_eq!(token("both"), [half, half]);
    assert_eq!(token("POST"), [all, none]);
    assert_eq!(token("GET"), [none, all]);
}
