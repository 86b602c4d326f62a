//! Tests of what a container needs: variables, host names, health, signals and logs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Draft, EmulatorFixture, V2023, signed};

/// A running program with a log, which is killed when dropped.
struct Container {
    child: Child,
    /// The lines of the announcement: names and values.
    announced: Vec<(String, String)>,
}

impl Container {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = program(variables).spawn().unwrap();
        let mut announced = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let (name, value) = line.split_once("  ").unwrap();
            announced.push((name.to_owned(), value.trim().to_owned()));
            if name == "kept in" {
                break;
            }
        }
        Self { child, announced }
    }

    fn announced(&self, name: &str) -> &str {
        &self.announced.iter().find(|(announced, _)| announced == name).unwrap().1
    }

    fn port(&self, name: &str) -> u16 {
        self.announced(name).rsplit_once(':').unwrap().1.parse().unwrap()
    }

    fn key(&self) -> &str {
        self.announced("connection string").split_once("accesskey=").unwrap().1
    }

    /// Sends SIGTERM. Returns how long the program took to end, its exit code, and its log.
    fn terminate(mut self) -> (Duration, Option<i32>, String) {
        let sent = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let took = sent.elapsed();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (took, status.code(), log)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-emulator"));
    command.envs(variables.iter().copied()).env_remove("RUST_LOG");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn other_containers_reach_it_under_each_of_its_names_over_http_and_https() {
    let dir = tempfile::tempdir().unwrap();
    let container = Container::start(&[
        ("ACS_EMULATOR_HOST_NAME", "acs-emulator,acs.example"),
        ("ACS_EMULATOR_HTTPS_PORT", "0"),
        ("ACS_EMULATOR_DATA", dir.path().to_str().unwrap()),
    ]);
    let ca_cert = std::fs::read(container.announced("https certificate")).unwrap();
    let mut client = Client::builder()
        .tls_certs_only([Certificate::from_pem(&ca_cert).unwrap()])
        .timeout(Duration::from_secs(30));
    for name in ["acs-emulator", "acs.example"] {
        client = client.resolve(name, ([127, 0, 0, 1], 0).into());
    }
    let client = client.build().unwrap();
    for (line, scheme) in [("endpoint", "http"), ("https endpoint", "https")] {
        let port = container.port(line);
        assert_eq!(container.announced(line), format!("{scheme}://acs-emulator:{port}"));
        for name in ["acs-emulator", "acs.example", "localhost"] {
            let endpoint = format!("{scheme}://{name}:{port}");
            let draft = Draft::new(container.key(), "POST", &format!("/identities{V2023}"), "");
            assert_eq!(signed(&client, &endpoint, draft).await.unwrap().status, 201, "{endpoint}");
            let control = client.get(format!("{endpoint}/_emulator/identities"));
            assert_eq!(control.send().await.unwrap().status(), 200, "{endpoint}");
        }
    }
}

#[tokio::test]
async fn health_is_answered_under_any_name_and_is_no_request_of_the_service() {
    let fixture = EmulatorFixture::new().await;
    let url = format!("{}/_emulator/health", fixture.server.endpoint());
    for name in ["10.0.0.1", "evil.example"] {
        let reply = fixture.client.get(&url).header("host", name).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{name}");
        let body: serde_json::Value = reply.json().await.unwrap();
        assert_eq!(body, json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
    }
    assert_eq!(fixture.client.head(&url).send().await.unwrap().status(), 200);
    assert_eq!(fixture.client.post(&url).send().await.unwrap().status(), 404);
    let requests = fixture.look("requests").await;
    assert_eq!(requests["requests"], json!([]));
}

#[test]
fn the_program_checks_the_health_of_another() {
    let container = Container::start(&[]);
    let port = container.port("endpoint").to_string();
    let check = |port: &str| {
        let mut check = program(&[("ACS_EMULATOR_PORT", port)]);
        check.arg("--check-health").output().unwrap()
    };
    assert!(check(&port).status.success());
    drop(container);
    let refused = check(&port);
    assert_eq!(refused.status.code(), Some(1));
    let complaint = String::from_utf8(refused.stderr).unwrap();
    assert!(complaint.contains("no emulator serves 127.0.0.1"), "{complaint}");
}

#[tokio::test]
async fn another_server_is_not_healthy() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // A server that has not read the whole request would reset the connection.
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        stream.write_all(b"HTTP/1.0 404 Not Found\r\n\r\n").await.unwrap();
    });
    let mut check = program(&[("ACS_EMULATOR_PORT", &port)]);
    let refused = tokio::task::spawn_blocking(move || check.arg("--check-health").output());
    let complaint = String::from_utf8(refused.await.unwrap().unwrap().stderr).unwrap();
    server.await.unwrap();
    assert!(complaint.contains("is not an emulator"), "{complaint}");
}

#[tokio::test]
async fn sigterm_ends_it_within_a_second_although_a_response_and_a_connection_are_pending() {
    let container = Container::start(&[]);
    let endpoint = container.announced("endpoint").to_owned();
    let mut idle = TcpStream::connect(("127.0.0.1", container.port("endpoint"))).unwrap();
    idle.write_all(b"POST /identities HTTP/1.1\r\nContent-Length: 9\r\n").unwrap();
    let client = Client::builder().build().unwrap();
    let fault = json!({"faults": [{"operation": "*", "action": {"delayMs": 60_000}}]});
    let url = format!("{endpoint}/_emulator/faults");
    assert_eq!(client.post(url).body(fault.to_string()).send().await.unwrap().status(), 200);
    let draft = Draft::new(container.key(), "POST", &format!("/identities{V2023}"), "");
    let slow = tokio::spawn({
        let (client, endpoint) = (client.clone(), endpoint.clone());
        async move { signed(&client, &endpoint, draft).await.is_ok() }
    });
    let identities = || async {
        let url = format!("{endpoint}/_emulator/identities");
        let listed: serde_json::Value = client.get(url).send().await.unwrap().json().await.unwrap();
        listed["identities"].as_array().unwrap().len()
    };
    while identities().await == 0 {
        tokio::task::yield_now().await;
    }
    let ended = tokio::task::spawn_blocking(move || container.terminate());
    let (took, code, log) = ended.await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(log.contains("stopped before the last responses were sent"), "{log}");
    assert!(!slow.await.unwrap());
}

#[test]
fn it_ends_with_its_stdin_if_that_is_requested() {
    let mut child = program(&[("ACS_EMULATOR_EXIT_WITH_STDIN", "1")]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    let mut announced = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(announced.any(|line| line.unwrap().starts_with("kept in")));
    child.stdin.as_mut().unwrap().write_all(b"ignored\n").unwrap();
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn the_log_has_a_line_without_escapes_and_secrets_for_each_request() {
    let container = Container::start(&[("ACS_EMULATOR_PROT", "8080")]);
    let client = Client::builder().build().unwrap();
    let (endpoint, key) = (container.announced("endpoint").to_owned(), container.key().to_owned());
    let body = r#"{"createTokenWithScopes":["chat"]}"#;
    let draft = Draft::new(&key, "POST", &format!("/identities{V2023}"), body);
    assert_eq!(signed(&client, &endpoint, draft.clone()).await.unwrap().status, 201);
    let spoiled = vec![("x-ms-content-sha256", "AAAA".to_owned())];
    let refused = Draft { spoiled, ..draft };
    assert_eq!(signed(&client, &endpoint, refused).await.unwrap().status, 401);
    client.get(format!("{endpoint}/_emulator/health")).send().await.unwrap();
    drop(client);
    let (_, _, log) = container.terminate();
    let answered = |status: u16| {
        let line = format!(
            "request answered http.method=POST http.path=\"/identities\" http.status={status}"
        );
        log.lines().filter(|logged| logged.contains(&line)).count()
    };
    assert_eq!((answered(201), answered(401)), (1, 1), "{log}");
    assert!(log.contains("WARN signature refused: "), "{log}");
    assert!(log.contains("WARN environment variable ignored"), "{log}");
    assert!(log.contains("ACS_EMULATOR_PROT"), "{log}");
    assert!(!log.contains("health") && !log.contains('\u{1b}'), "{log}");
    assert!(!log.contains(&key) && !log.contains("eyJ"), "{log}");
}
