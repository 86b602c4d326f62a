use super::*;

const ARN: &str = "arn:aws:secretsmanager:local:000000000000:secret:acs";

fn inputs() -> Inputs {
    Inputs {
        parameters: BTreeMap::from(
            [
                ("Issuer", "http://127.0.0.1:1"),
                ("Audience", "guestpass-local"),
                ("AcsSecretArn", ARN),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        ),
        secrets: BTreeMap::from([(ARN.to_owned(), "endpoint=e;accesskey=k".to_owned())]),
    }
}

fn real() -> Template {
    let yaml = include_str!("../../../../infra/template.yaml");
    Template::read(yaml, &inputs()).unwrap()
}

#[test]
fn the_service_is_read_from_its_own_template() {
    let template = real();
    let issue = template.functions.iter().find(|f| f.binary == "issue-access-token").unwrap();
    assert_eq!(issue.environment["ACS_SECRET_ARN"], ARN);
    assert_eq!(issue.environment["TABLE_NAME"], "guestpass-local-Identities");
    assert_eq!(issue.environment["TOKEN_SCOPE"], "guestpass.token");
    assert!(issue.timeout > Duration::ZERO && issue.memory >= 128);
    let post = issue.routes.iter().find(|r| r.method == "POST" && r.path == "/v1/token").unwrap();
    assert_eq!(post.access, Access::Jwt { scopes: vec!["guestpass.token".to_owned()] });
    let authorizer = template.authorizer.unwrap();
    assert_eq!(authorizer.issuer, "http://127.0.0.1:1");
    assert_eq!(authorizer.audience, ["guestpass-local"]);
}

#[test]
fn every_route_of_the_service_needs_a_scope() {
    for function in real().functions {
        for route in function.routes {
            let Access::Jwt { scopes } = &route.access else { panic!("{route:?}") };
            assert!(!scopes.is_empty(), "{route:?}");
        }
    }
}

#[test]
fn the_table_of_the_service_has_its_indexes_and_its_expiry() {
    let [table] = real().tables.try_into().unwrap();
    assert_eq!(table.ttl_attribute.as_deref(), Some("expiresAt"));
    let indexes = table.definition["GlobalSecondaryIndexes"].as_array().unwrap();
    assert!(indexes.iter().any(|index| index["IndexName"] == "by-acs-id"));
    assert_eq!(table.definition["KeySchema"][0]["AttributeName"], "externalId");
}

#[test]
fn a_function_overrides_the_globals_and_the_debug_form_keeps_values_to_itself() {
    let yaml = "
Globals: { Function: { Timeout: 9, Environment: { Variables: { A: global, B: global } } } }
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../target/lambda/f/
      Policies: [!Unknown x]
      Environment: { Variables: { B: canary, C: 3 } }
";
    let template = Template::read(yaml, &Inputs::default()).unwrap();
    let [function] = template.functions.try_into().unwrap();
    assert_eq!(
        (function.binary.as_str(), function.timeout.as_secs(), function.memory),
        ("f", 9, 128)
    );
    let environment: Vec<_> = function.environment.values().map(String::as_str).collect();
    assert_eq!(environment, ["global", "canary", "3"]);
    assert!(!format!("{function:?}").contains("canary"));
}

#[test]
fn what_cannot_run_here_is_refused_with_its_place() {
    let function = |body: &str| {
        format!(
            "Resources: {{ F: {{ Type: AWS::Serverless::Function, Properties: {{ {body} }} }} }}"
        )
    };
    for (yaml, at) in [
        ("Resources: 3".to_owned(), "Resources: is missing"),
        (function("CodeUri: /"), "Resources.F.Properties.CodeUri: does not name"),
        (function("CodeUri: f, Timeout: soon"), "Resources.F.Properties: "),
        (function("CodeUri: f, Timeout: !Ref T"), "Resources.F.Properties.Timeout: !Ref T"),
        (
            function(
                "CodeUri: f, Events: { E: { Type: HttpApi, Properties: { Method: GET, Path: '/{x+}' } } }",
            ),
            "Resources.F.Properties.Events.E: the local stack knows",
        ),
        (
            function(
                "CodeUri: f, Events: { E: { Type: HttpApi, Properties: { Method: GET, Path: /, Auth: { Authorizer: A } } } }",
            ),
            "Resources.F.Properties.Events.E: A is not",
        ),
    ] {
        let error = Template::read(&yaml, &Inputs::default()).unwrap_err().to_string();
        assert!(error.starts_with(at), "{yaml}: {error}");
    }
}

#[test]
fn a_route_can_be_public_only_by_saying_so() {
    let yaml = "
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Oidc
        Authorizers: { Oidc: { JwtConfiguration: { issuer: i, audience: [a] } } }
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: f
      Events:
        A: { Type: HttpApi, Properties: { Method: get, Path: /a } }
        B: { Type: HttpApi, Properties: { Method: get, Path: /b, Auth: { Authorizer: NONE } } }
        C: { Type: SQS, Properties: { Queue: q } }
";
    let template = Template::read(yaml, &Inputs::default()).unwrap();
    let access: Vec<_> = template.functions[0].routes.iter().map(|r| r.access.clone()).collect();
    assert_eq!(access, [Access::Jwt { scopes: vec![] }, Access::Public]);
}
