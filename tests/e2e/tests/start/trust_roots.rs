//! The certificates of the layer in `TrustRootsLayerArn`: every function reads their file, and trusts them
//! beside the compiled-in ones.

use std::fs;

use e2e::ServiceStack;
use harness::{ROOT, TEMPLATE};
use serde_json::Value;

const LAYER: &str = "TrustRootsLayerArn=arn:aws:lambda:us-east-1:000000000000:layer:roots:1";

/// Where Lambda would unpack the layer.
const FILE: &str = "/opt/trust-roots.pem";

#[tokio::test]
async fn every_function_reads_the_file_of_added_root_certificates() {
    // This machine does not have the file.
    let options = ["--parameter", LAYER, "--parameter", "Authorizer=lambda"];
    let stack = ServiceStack::with(&options).await;
    let functions: Vec<_> = fs::read_dir(format!("{ROOT}/functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(functions.len() > 10, "{functions:?}");
    for function in functions {
        stack.invoke_anyway(&function).await;
        let log = stack.log(&function);
        assert!(log.contains(FILE), "{function} does not read the file: {log}");
    }
}

#[tokio::test]
async fn an_acs_with_a_certificate_of_ones_own_authority_is_reached_only_if_it_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let (template, roots) =
        (directory.path().join("template.yaml"), directory.path().join("roots"));
    let text = fs::read_to_string(TEMPLATE).unwrap();
    assert!(text.contains(FILE));
    fs::write(&template, text.replace(FILE, roots.to_str().unwrap())).unwrap();
    for (options, expected) in [(vec!["--parameter", LAYER], 200), (vec![], 503)] {
        let template = ["--template", template.to_str().unwrap()];
        let stack = ServiceStack::with(&[&template[..], &options].concat()).await;
        fs::copy(stack.url("/acs/caCert"), &roots).unwrap();
        let encrypted = stack.url("/acs/https").trim_end_matches('/').to_owned();
        let key = stack.url("/acs/accessKey").to_owned();
        stack.put_secret(&format!("endpoint={encrypted}/;accesskey={key}")).await;
        let reply = stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
        assert_eq!(reply.status, expected, "{reply:?}");
    }
}
