use std::time::Duration;

use super::*;

const ARN: &str = "arn:aws:secretsmanager:local:000000000000:secret:acs";

fn inputs() -> Inputs {
    Inputs {
        parameters: BTreeMap::from(
            [
                ("Issuer", "http://127.0.0.1:1"),
                ("Audience", "guestpass-local, another"),
                ("AcsSecretArn", ARN),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        ),
        secrets: BTreeMap::from([(ARN.to_owned(), "endpoint=e;accesskey=k".to_owned())]),
        ..Inputs::default()
    }
}

fn real() -> Template {
    let yaml = include_str!("../../../../infra/template.yaml");
    Template::read(yaml, &inputs()).unwrap()
}

#[test]
fn the_service_template_is_read() {
    let template = real();
    let issue = template.functions.iter().find(|f| f.binary == "issue-access-token").unwrap();
    assert_eq!(issue.environment["ACS_SECRET_ARN"], ARN);
    assert_eq!(issue.environment["TABLE_NAME"], "guestpass-local-Identities");
    assert_eq!(issue.environment["TOKEN_SCOPE"], "guestpass.token");
    assert!(issue.timeout > Duration::ZERO && issue.memory >= 128);
    let post = issue.routes.iter().find(|r| r.method == "POST" && r.path == "/v1/token").unwrap();
    assert_eq!(post.access, RouteAuth::Jwt { scopes: vec!["guestpass.token".to_owned()] });
    let Some(AuthorizerSpec::Jwt(authorizer)) = template.authorizer else { panic!("no JWT") };
    assert_eq!(authorizer.issuer, "http://127.0.0.1:1");
    assert_eq!(authorizer.audience, ["guestpass-local", "another"]);
}

#[test]
fn the_service_can_have_a_lambda_authorizer_on_every_route() {
    let mut inputs = inputs();
    inputs.parameters.insert("Authorizer".to_owned(), "lambda".to_owned());
    let yaml = include_str!("../../../../infra/template.yaml");
    let template = Template::read(yaml, &inputs).unwrap();
    let expected = LambdaAuthorizerSpec {
        function: "AuthorizeCaller".to_owned(),
        cache_for: Duration::from_mins(1),
    };
    assert_eq!(template.authorizer, Some(AuthorizerSpec::Lambda(expected)));
    let caller = template.functions.iter().find(|f| f.logical_id == "AuthorizeCaller").unwrap();
    assert_eq!(caller.environment["AUDIENCE"], "guestpass-local,another");
    for route in template.functions.iter().flat_map(|function| &function.routes) {
        assert_eq!(route.access, RouteAuth::Lambda, "{route:?}");
    }
}

#[test]
fn every_route_of_the_service_needs_a_scope() {
    for function in real().functions {
        for route in function.routes {
            let RouteAuth::Jwt { scopes } = &route.access else { panic!("{route:?}") };
            assert!(!scopes.is_empty(), "{route:?}");
        }
    }
}

#[test]
fn events_of_the_service_have_their_own_bus_and_cognito_events_the_default_bus() {
    let template = real();
    let buses: BTreeMap<_, _> =
        template.rules.iter().map(|rule| (rule.name.as_str(), rule.bus.as_str())).collect();
    let expected = [("CognitoEvents", "default"), ("GuestpassEvents", "guestpass-local-events")];
    assert_eq!(buses, BTreeMap::from(expected));
    assert_eq!(template.outputs["EventBusName"], "guestpass-local-events");
    assert_eq!(template.outputs["TableName"], "guestpass-local-Identities");
}

#[test]
fn the_tables_of_the_service_have_their_indexes_and_their_expiry() {
    let template = real();
    assert_eq!(template.tables.len(), 2);
    for (name, key, index) in
        [("Identities", "externalId", "by-acs-id"), ("AuditLog", "user", "by-actor")]
    {
        let table = template.table(name).unwrap();
        assert_eq!(table.ttl_attribute.as_deref(), Some("expiresAt"));
        let indexes = table.definition["GlobalSecondaryIndexes"].as_array().unwrap();
        assert!(indexes.iter().any(|one| one["IndexName"] == index));
        assert_eq!(table.definition["KeySchema"][0]["AttributeName"], key);
    }
    assert!(template.table("Others").is_none());
    assert_eq!(template.outputs["AuditTableName"], "guestpass-local-AuditLog");
}

#[test]
fn the_functions_get_the_audit_log_and_the_hash_key_of_the_template() {
    let template = real();
    let arn = "arn:aws:secretsmanager:local:000000000000:secret:CallerHashKey".to_owned();
    let secret = SecretSpec { name: "CallerHashKey".to_owned(), arn: arn.clone(), length: 64 };
    assert_eq!(template.secrets, [secret]);
    for function in &template.functions {
        let variable = |name: &str| function.environment[name].as_str();
        assert_eq!(variable("CALLER_HASH_SECRET_ARN"), arn);
        assert_eq!(variable("AUDIT_TABLE_NAME"), "guestpass-local-AuditLog");
        assert_eq!(variable("AUDIT_RETENTION_DAYS"), "400");
        assert_eq!(variable("ADMIN_CONDITION"), "");
        assert_eq!(variable("ISSUER"), "http://127.0.0.1:1");
        let has_pace =
            ["issue-access-token", "revoke-access-tokens"].contains(&function.binary.as_str());
        let pace = function.environment.get("PACE_PER_MINUTE").map(String::as_str);
        assert_eq!(pace, has_pace.then_some("10"), "{}", function.binary);
    }
}

#[test]
fn tables_are_in_the_order_of_the_template() {
    let yaml = "
Resources:
  Second: { Type: AWS::DynamoDB::Table, Properties: {} }
  First: { Type: AWS::DynamoDB::Table, Properties: {} }
";
    let template = Template::read(yaml, &Inputs::default()).unwrap();
    let names: Vec<_> = template.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["guestpass-local-Second", "guestpass-local-First"]);
}

#[test]
fn an_unsupported_secret_is_refused_with_its_path() {
    let read = |properties: &str| {
        let yaml = format!(
            "Resources: {{ S: {{ Type: AWS::SecretsManager::Secret, Properties: {{ {properties} }} }} }}"
        );
        Template::read(&yaml, &Inputs::default())
    };
    assert_eq!(read("GenerateSecretString: {}").unwrap().secrets[0].length, 32);
    for (properties, at) in [
        ("SecretString: known", "Resources.S.Properties: a secret must have GenerateSecretString"),
        ("Description: none", "Resources.S.Properties: a secret must have GenerateSecretString"),
        (
            "GenerateSecretString: { SecretStringTemplate: '{}', GenerateStringKey: key }",
            "Resources.S.Properties.GenerateSecretString: SecretStringTemplate is not",
        ),
        (
            "GenerateSecretString: { PasswordLength: 0 }",
            "Resources.S.Properties.GenerateSecretString: SecretStringTemplate is not",
        ),
    ] {
        let error = read(properties).unwrap_err().to_string();
        assert!(error.starts_with(at), "{properties}: {error}");
    }
}

#[test]
fn a_function_overrides_the_globals_and_its_debug_output_has_no_values() {
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
    let limits = (function.timeout.as_secs(), function.memory);
    assert_eq!((function.binary.as_str(), limits), ("f", (9, 128)));
    let environment: Vec<_> = function.environment.values().map(String::as_str).collect();
    assert_eq!(environment, ["global", "canary", "3"]);
    assert!(!format!("{function:?}").contains("canary"));
}

#[test]
fn an_unsupported_function_is_refused_with_its_path() {
    let function = |body: &str| {
        format!(
            "Resources: {{ F: {{ Type: AWS::Serverless::Function, Properties: {{ {body} }} }} }}"
        )
    };
    for (yaml, at) in [
        ("Resources: 3".to_owned(), "Resources: is missing"),
        (function("CodeUri: /"), "Resources.F.Properties.CodeUri: must end with"),
        (function("CodeUri: f, Timeout: soon"), "Resources.F.Properties: "),
        (function("CodeUri: f, Timeout: !Ref T"), "Resources.F.Properties.Timeout: !Ref T"),
        (
            function("CodeUri: f, Events: { E: { Type: SNS } }"),
            "Resources.F.Properties.Events.E: unsupported event type `SNS`",
        ),
        (
            function("CodeUri: f, ReservedConcurrentExecutions: 0"),
            "Resources.F.Properties.ReservedConcurrentExecutions: 0 is not",
        ),
    ] {
        let error = Template::read(&yaml, &Inputs::default()).unwrap_err().to_string();
        assert!(error.starts_with(at), "{yaml}: {error}");
    }
}

mod delivery {
    //! Tests of rules, queues and schedules.

    use serde_json::json;

    use super::*;

    const YAML: &str = r#"
Parameters:
  PartnerBus: { Type: String, Default: "" }
  Every: { Type: String, Default: rate(1 hour) }
  Batch: { Type: Number, Default: 10 }
Conditions:
  HasPartner: !Not [!Equals [!Ref PartnerBus, ""]]
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../target/lambda/worker/
      ReservedConcurrentExecutions: 1
      EventInvokeConfig: { MaximumRetryAttempts: 0 }
      Environment: { Variables: { BATCH: !Ref Batch } }
      Events:
        Queue:
          Type: SQS
          Properties:
            Queue: !GetAtt Work.Arn
            BatchSize: !Ref Batch
            MaximumBatchingWindowInSeconds: 2
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: { MaximumConcurrency: 4 }
        Off: { Type: SQS, Properties: { Queue: !GetAtt Dead.Arn, Enabled: false } }
        Nightly:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: !Ref Every
            Input: '{"time": "<aws.scheduler.scheduled-time>"}'
            RetryPolicy: { MaximumRetryAttempts: 0 }
            DeadLetterConfig: { Type: SQS, QueueLogicalId: Dead }
        Rule: { Type: Schedule, Properties: { Schedule: "cron(0 3 * * ? *)", Enabled: false } }
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      MessageRetentionPeriod: 1209600
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5 }
  Dead: { Type: AWS::SQS::Queue }
  Own:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: { source: [guestpass.identity] }
      Targets: [{ Id: queue, Arn: !GetAtt Work.Arn }]
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: !Sub "${AWS::StackName}-bus" } }
  Partner:
    Type: AWS::Events::Rule
    Condition: HasPartner
    Properties:
      EventBusName: !Ref PartnerBus
      EventPattern: { source: [{ prefix: aws.partner/auth0.com/ }] }
      Targets: [{ Id: queue, Arn: !GetAtt Work.Arn }]
  UserEvents:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: { source: [users] }
      Targets: [{ Id: queue, Arn: !GetAtt Work.Arn }]
  Off: { Type: AWS::Events::Rule, Properties: { State: DISABLED, EventPattern: { a: [{ cidr: x }] } } }
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties: { DashboardBody: !Sub ["${A}", { A: !ImportValue x }] }
"#;

    fn read(parameters: &[(&str, &str)]) -> Template {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters = parameters.iter().map(owned).collect();
        Template::read(YAML, &Inputs { parameters, ..Inputs::default() }).unwrap()
    }

    #[test]
    fn a_function_has_queues_schedules_and_a_limit() {
        let [worker] = read(&[("Batch", "7")]).functions.try_into().unwrap();
        assert_eq!(worker.concurrency, Some(1));
        assert_eq!(worker.environment["BATCH"], "7");
        let mapping = QueueMapping {
            queue: "Work".to_owned(),
            batch_size: 7,
            window: Duration::from_secs(2),
            reports_failures: true,
            concurrency: Some(4),
        };
        assert_eq!(worker.queues, [mapping]);
        let [nightly, rule] = worker.schedules.try_into().unwrap();
        assert_eq!((nightly.name.as_str(), nightly.enabled), ("WorkerNightly", true));
        assert_eq!(nightly.expression, "rate(1 hour)");
        assert_eq!(nightly.path, "Resources.Worker.Properties.Events.Nightly");
        assert_eq!((nightly.scheduler, rule.scheduler), (Scheduler::Scheduler, Scheduler::Rule));
        assert!(!rule.enabled && rule.input.is_none());
    }

    #[test]
    fn a_queue_has_its_times_and_its_dead_letter_queue() {
        let [dead, work] = read(&[]).queues.try_into().unwrap();
        assert_eq!((dead.visibility.as_secs(), dead.retention.as_secs()), (30, 345_600));
        assert_eq!((work.visibility.as_secs(), work.retention.as_secs()), (60, 1_209_600));
        let redrive = Redrive { dead_letters: "Dead".to_owned(), max_receives: 5 };
        assert_eq!((dead.redrive, work.redrive), (None, Some(redrive)));
    }

    #[test]
    fn a_rule_exists_only_if_its_condition_holds() {
        let [own, _] = read(&[]).rules.try_into().unwrap();
        assert_eq!((own.name.as_str(), own.bus.as_str()), ("Own", "default"));
        assert_eq!(own.pattern, json!({ "source": ["guestpass.identity"] }));
        assert_eq!(own.pattern_path, "Resources.Own.Properties.EventPattern");
        let arn = "arn:aws:events:local:000000000000:event-bus/aws.partner/auth0.com/t";
        let [_, partner, _] = read(&[("PartnerBus", arn)]).rules.try_into().unwrap();
        assert_eq!(
            (partner.bus.as_str(), &partner.queues),
            ("aws.partner/auth0.com/t", &own.queues)
        );
    }

    #[test]
    fn a_rule_can_name_its_bus_by_name_or_by_arn() {
        for reference in ["!Ref Bus", "!GetAtt Bus.Name", "!GetAtt Bus.Arn"] {
            let yaml = YAML.replace("!Ref Bus", reference);
            let template = Template::read(&yaml, &Inputs::default()).unwrap();
            let [_, rule] = template.rules.try_into().unwrap();
            let on_bus = (rule.name.as_str(), rule.bus.as_str());
            assert_eq!(on_bus, ("UserEvents", "guestpass-local-bus"), "{reference}");
        }
        let nameless = YAML.replace("Name: !Sub \"${AWS::StackName}-bus\"", "");
        let error = Template::read(&nameless, &Inputs::default()).unwrap_err().to_string();
        assert!(error.starts_with("Resources.Bus.Properties: missing field `Name`"), "{error}");
    }

    #[test]
    fn an_unsupported_event_source_is_refused_with_its_path() {
        let refused = |from: &str, to: &str, at: &str| {
            let yaml = YAML.replace(from, to);
            assert_ne!(yaml, YAML, "{from}");
            let error = Template::read(&yaml, &Inputs::default()).unwrap_err().to_string();
            assert!(error.starts_with(at), "{to}: {error}");
        };
        let events = "Resources.Worker.Properties.Events";
        for (from, to, at) in [
            (
                "BatchSize: !Ref Batch",
                "FilterCriteria: {}",
                "Queue: FilterCriteria is not supported",
            ),
            ("BatchSize: !Ref Batch", "BatchSize: many", "Queue: "),
            ("Queue: !GetAtt Work.Arn", "Queue: arn:other", "Queue.Queue: \"arn:other\" is not"),
            ("RetryPolicy", "StartDate: x, RetryPolicy", "Nightly: "),
        ] {
            let to = to.replace(", ", "\n            ");
            refused(from, &to, &format!("{events}.{at}"));
        }
        for (from, to, at) in [
            ("{ Id: queue, Arn", "{ InputPath: $.a, Arn", "Own.Properties.Targets[0].InputPath"),
            (
                "EventPattern: { source: [guestpass.identity] }",
                "ScheduleExpression: rate(1 day)",
                "Own.Properties.ScheduleExpression",
            ),
            ("VisibilityTimeout: 60", "FifoQueue: true", "Work.Properties: FIFO queues are not"),
            (
                "deadLetterTargetArn: !GetAtt Dead.Arn",
                "deadLetterTargetArn: x",
                "Work.Properties: deadLetter",
            ),
            (
                "Condition: HasPartner",
                "Condition: Missing",
                "Partner.Condition: unknown condition `Missing`",
            ),
        ] {
            refused(from, to, &format!("Resources.{at}"));
        }
    }
}
