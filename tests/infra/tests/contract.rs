//! Template, contract and functions agree.

use std::{collections::BTreeSet, time::Duration};

use acs_client::CallLimits;
use api_types::ProblemType;
use harness::template;
use identity_core::{ABANDONED_AFTER, identity::Invocation};
use infra::openapi;
use local_stack::template::FunctionSpec;
use serde_json::Value;

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
            // Event Grid's handshake has nothing that could be authenticated, and guests have only
            // the handle of an invitation.
            let has_caller = method != "options" && path != "/v1/guest/token";
            let expected = ["401", "403", "429", "500", "503"].into_iter();
            for status in expected.filter(|status| has_caller || *status != "401") {
                assert!(responses.contains_key(status), "{method} {path} lacks {status}");
            }
        }
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
