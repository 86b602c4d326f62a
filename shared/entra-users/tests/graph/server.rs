//! A server that gives prepared answers and notes the requests.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use entra_users::{ClientSecretSource, DirectoryId, DirectoryUser, GraphApp, GraphClient};
use harness::TestServer;
use identity_core::ports::Clock;
use identity_core::secret::Secret;
use identity_core::testing::ManualClock;

pub(crate) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const USER: &str = "99999999-8888-7777-6666-555555555555";
pub(crate) const SECRET: &str = "synthetic-client-secret";

/// A prepared answer: the status, `Retry-After`, and the body.
#[derive(Clone)]
pub(crate) struct Prepared(pub(crate) u16, pub(crate) Option<u64>, pub(crate) String);

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) line: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

/// What the server knows.
#[derive(Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Prepared>>,
    pub(crate) arrived: Mutex<Vec<Arrived>>,
    tokens: Mutex<u32>,
}

/// The clock of the client, which a test can move.
#[derive(Clone, Default)]
pub(crate) struct SharedClock(pub(crate) Arc<ManualClock>);

impl Clock for SharedClock {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    async fn sleep(&self, pause: Duration) {
        self.0.sleep(pause).await;
    }
}

/// A client secret that can be missing.
pub(crate) struct GivenSecret(pub(crate) Option<&'static str>);

impl ClientSecretSource for GivenSecret {
    async fn client_secret(&self) -> Result<Secret, Box<dyn Error + Send + Sync>> {
        self.0.map(Secret::new).ok_or_else(|| "no such secret".into())
    }
}

/// A client, and the server that it asks.
pub(crate) struct GraphFixture {
    pub(crate) client: GraphClient<GivenSecret, SharedClock>,
    pub(crate) clock: SharedClock,
    pub(crate) script: Arc<Script>,
    pub(crate) server: TestServer,
}

impl GraphFixture {
    /// The answers are given in this order, to requests other than those for a token.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Prepared>) -> Self {
        Self::with_secret(answers, GivenSecret(Some(SECRET))).await
    }

    pub(crate) async fn with_secret(
        answers: impl IntoIterator<Item = Prepared>,
        secret: GivenSecret,
    ) -> Self {
        let script = Arc::new(Script::default());
        script.answers.lock().unwrap().extend(answers);
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let server = TestServer::start(routes).await.unwrap();
        let app = GraphApp {
            client_id: "aaaaaaaa-0000-0000-0000-000000000001".parse().unwrap(),
            graph_url: server.url(),
            login_url: server.url(),
        };
        let clock = SharedClock::default();
        let client = GraphClient::new(app, secret, clock.clone()).unwrap();
        Self { client, clock, script, server }
    }

    /// Adds answers.
    pub(crate) fn prepare(&self, answers: impl IntoIterator<Item = Prepared>) {
        self.script.answers.lock().unwrap().extend(answers);
    }

    /// Ten seconds from now.
    pub(crate) fn until(&self) -> SystemTime {
        self.clock.now() + Duration::from_secs(10)
    }

    /// The request lines, each once for every request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.script.arrived.lock().unwrap().iter().map(|request| request.line.clone()).collect()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Arrived {
        self.script.arrived.lock().unwrap().last().unwrap().clone()
    }
}

pub(crate) fn ok(body: &str) -> Prepared {
    Prepared(200, None, body.to_owned())
}

pub(crate) fn refusal(status: u16, code: &str) -> Prepared {
    let body = format!(r#"{{"error": {{"code": "{code}", "message": "about {USER}"}}}}"#);
    Prepared(status, None, body)
}

pub(crate) fn tenant() -> DirectoryId {
    TENANT.parse().unwrap()
}

pub(crate) fn user() -> DirectoryUser {
    DirectoryUser { tenant: tenant(), id: USER.parse().unwrap() }
}

/// Tokens are `token-1`, `token-2` and so on, unless the next prepared answer has a status from 600:
/// then the token endpoint answers with that status minus 200.
async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let header = parts.headers.get("authorization");
    script.arrived.lock().unwrap().push(Arrived {
        line: format!("{} {}", parts.method, parts.uri),
        authorization: header.map_or("", |value| value.to_str().unwrap()).to_owned(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let mut answers = script.answers.lock().unwrap();
    let is_token_request = parts.uri.path().ends_with("/token");
    let Prepared(status, retry_after, body) = match answers.front() {
        _ if is_token_request && answers.front().is_none_or(|next| next.0 < 600) => {
            let mut count = script.tokens.lock().unwrap();
            *count += 1;
            ok(&format!(r#"{{"access_token": "token-{count}", "expires_in": 3600}}"#))
        }
        None => Prepared(500, None, "no answer is left".to_owned()),
        Some(_) => answers.pop_front().unwrap(),
    };
    let status = if status >= 600 { status - 200 } else { status };
    let mut response = Response::builder().status(status);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(body.into()).unwrap()
}
