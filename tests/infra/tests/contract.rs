//! Template, contract and functions agree.

use std::{collections::BTreeSet, time::Duration};

use acs_client::CallLimits;
use api_types::ProblemType;
use harness::{SECRET_ARN, template};
use identity_core::{ABANDONED_AFTER, identity::Invocation};
use infra::{ContractOperation, openapi, operations};
use local_stack::template::{FunctionSpec, RouteAuth};
use serde_json::Value;

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

#[test]
fn t02_the_template_has_the_routes_of_the_contract_and_their_scopes() {
    let mut served = BTreeSet::new();
    for route in template().functions.iter().flat_map(|function| &function.routes) {
        let RouteAuth::Jwt { scopes } = &route.access else {
            panic!("{} {} is open", route.method, route.path);
        };
        let [scope] = scopes.as_slice() else { panic!("{}: {scopes:?}", route.path) };
        let scope = scope.clone();
        served
            .insert(ContractOperation { route: format!("{} {}", route.method, route.path), scope });
    }
    assert_eq!(served, operations());
}

#[test]
fn r57_the_contract_lists_every_problem_and_no_other() {
    let listed = &openapi()["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
    let listed: BTreeSet<&str> =
        listed.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let kinds: BTreeSet<String> = ProblemType::ALL.iter().map(|problem| problem.uri()).collect();
    assert_eq!(listed, kinds.iter().map(String::as_str).collect());
}

#[test]
fn r57_every_operation_lists_the_errors_of_the_gateway_and_of_its_dependencies() {
    for (path, item) in openapi()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method == "parameters" {
                continue;
            }
            let responses = operation["responses"].as_object().unwrap();
            for status in ["401", "403", "500", "503"] {
                assert!(responses.contains_key(status), "{method} {path} lacks {status}");
            }
        }
    }
}

#[test]
fn t04_the_ttl_attribute_of_the_tables_is_the_one_that_the_store_writes() {
    for name in ["Identities", "AuditLog"] {
        let template = template();
        let table = template.table(name).unwrap();
        assert_eq!(table.ttl_attribute.as_deref(), Some(identity_store::TTL_ATTRIBUTE), "{name}");
    }
}

#[test]
fn t05_each_timeout_is_shorter_than_the_one_around_it() {
    let api_gateway = Duration::from_secs(30);
    for function in template().functions {
        let FunctionSpec { logical_id, timeout, .. } = function;
        // After ACS answers, the deciding write and the answer also need time.
        assert!(
            CallLimits::default().call < timeout,
            "{logical_id} ends before ACS may have answered"
        );
        if logical_id == "DeleteStaleIdentities" {
            // No caller waits for the cleanup, and it finishes the work on one identity with a
            // single request to ACS.
            continue;
        }
        assert!(timeout < api_gateway, "{logical_id} outlives its caller");
        // A lease has ended, and its owner is dead, before other processes finish its work.
        let lease = timeout + Invocation::LEASE_MARGIN;
        assert!(lease <= ABANDONED_AFTER, "{logical_id} may be alive when others take over");
    }
}

#[test]
fn t06_the_environment_has_the_name_of_the_secret_and_not_the_secret() {
    // CloudFormation would put it into the environment, where every principal that may describe the
    // function can read it.
    assert!(!TEMPLATE.contains("{{resolve:"));
    for FunctionSpec { logical_id, environment, .. } in template().functions {
        assert!(environment.values().all(|value| !value.contains("canary")), "{logical_id}");
        if environment.contains_key("ACS_API_VERSION") {
            assert_eq!(environment["ACS_SECRET_ARN"], SECRET_ARN, "{logical_id}");
        }
    }
    // The only permission for secrets is to read that one and the key of the caller hashes.
    let granted = TEMPLATE.matches("Action: secretsmanager:").count();
    let exact = ["AcsSecretArn", "CallerHashKey"].map(|name| {
        let exact = format!("Action: secretsmanager:GetSecretValue, Resource: !Ref {name} }}");
        TEMPLATE.matches(&exact).count()
    });
    assert_eq!((exact, granted), ([1, 1], 2));
}
