//! A function for tests: executes the query parameter `do`, and otherwise echoes the event.

use std::io::Write as _;

use lambda_http::{
    Body, Error, IntoResponse as _, Request, RequestExt as _, Response, run, service_fn,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variables: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
    if variables.iter().any(|name| name == "FAIL_INIT") {
        return Err("init fails because FAIL_INIT is set".into());
    }
    run(service_fn(async |request: Request| {
        let asked = request.query_string_parameters().first("do").unwrap_or_default().to_owned();
        match asked.as_str() {
            "exit" => std::process::exit(1),
            #[expect(clippy::panic, reason = "that is what was asked for")]
            "panic" => panic!("asked to panic"),
            "error" => return Err(Error::from("asked to fail")),
            "hang" => {
                log("hanging");
                std::future::pending::<()>().await;
            }
            what @ ("wait" | "doze") => {
                let long = if what == "wait" { 300 } else { 3000 };
                log("waiting");
                tokio::time::sleep(std::time::Duration::from_millis(long)).await;
                log("waited");
            }
            _ => {}
        }
        let body = serde_json::json!({
            "pid": std::process::id(),
            "variables": std::env::vars().map(|(name, _)| name).collect::<Vec<_>>(),
            "adminCondition": variable("ADMIN_CONDITION"),
            "transmitters": variable("TRANSMITTERS"),
            "transmitterSecretArn": variable("TRANSMITTER_SECRET_ARN"),
            "context": request.request_context(),
            "headers": request.headers().iter()
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect::<std::collections::BTreeMap<_, _>>(),
            "body": match request.body() {
                Body::Text(text) => text.clone(),
                Body::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => String::new(),
            },
            "id": request.path_parameters().first("id"),
        });
        Ok::<_, Error>(Response::builder()
            .header("content-type", "application/json")
            .body(body.to_string())?
            .into_response()
            .await)
    }))
    .await
}

fn variable(name: &str) -> Option<String> {
    std::env::vars().find_map(|(found, value)| (found == name).then_some(value))
}

fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
