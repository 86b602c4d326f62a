//! Template, contract and functions say the same.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::collections::{BTreeMap, BTreeSet};

use infra::{Operation, openapi, operations};
use lambda_edge::Problem;
use local_stack::template::{Access, Inputs, Template};
use serde_json::Value;

fn template() -> Template {
    let parameters = ["Issuer", "Audience"].map(|name| (name.to_owned(), "https://x".to_owned()));
    let arn = "arn:aws:secretsmanager:x:0:secret:acs".to_owned();
    let mut parameters = BTreeMap::from(parameters);
    parameters.insert("AcsSecretArn".to_owned(), arn.clone());
    let secrets = BTreeMap::from([(arn, "secret".to_owned())]);
    let inputs = Inputs { parameters, secrets };
    Template::read(include_str!("../../../infra/template.yaml"), &inputs).unwrap()
}

#[test]
fn t02_the_template_has_the_routes_of_the_contract_and_their_scopes() {
    let mut served = BTreeSet::new();
    for route in template().functions.iter().flat_map(|function| &function.routes) {
        let Access::Jwt { scopes } = &route.access else {
            panic!("{} {} is open", route.method, route.path);
        };
        let [scope] = scopes.as_slice() else { panic!("{}: {scopes:?}", route.path) };
        let scope = scope.clone();
        served.insert(Operation { route: format!("{} {}", route.method, route.path), scope });
    }
    assert_eq!(served, operations());
}

#[test]
fn r57_the_contract_lists_every_problem_and_no_other() {
    let listed = &openapi()["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
    let listed: BTreeSet<&str> =
        listed.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let kinds: BTreeSet<String> = Problem::ALL.iter().map(|problem| problem.type_uri()).collect();
    assert_eq!(listed, kinds.iter().map(String::as_str).collect());
}

#[test]
fn r57_every_operation_answers_the_refusals_of_the_gateway_and_of_its_dependencies() {
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
fn t04_the_table_forgets_tombstones_by_the_attribute_that_the_store_writes() {
    let [table] = &template().tables[..] else { panic!("one table") };
    assert_eq!(table.ttl_attribute.as_deref(), Some(identity_store::TTL_ATTRIBUTE));
}

#[test]
fn t05_the_timeouts_nest() {
    for function in template().functions {
        // ACS takes 6 s and the store 3 s at the most; API Gateway waits 30 s.
        let seconds = function.timeout.as_secs();
        assert!((10..30).contains(&seconds), "{} has {seconds} s", function.logical_id);
        // What a dead invocation began may be finished by others 15 s later.
        assert!(seconds < 15, "{} has {seconds} s", function.logical_id);
    }
}
