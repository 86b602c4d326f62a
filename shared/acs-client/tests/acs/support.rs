//! A server that plays a script, a clock that never waits, and a client between.

use std::{
    collections::VecDeque,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use acs_client::{
    AcsIdentityClient, Config, PrincipalType, TeamsExtensionAssignment as Assignment,
};
use identity_core::{
    Error,
    identity::{AcsId, Lifetime, Scopes, TokenRequest},
    ports::{Clock, IdentityClient},
    secret::Secret,
};

pub(crate) const KEY: &str = "Q0FOQVJZLWtleS1DQU5BUlkta2V5LUNBTkFSWQ==";
pub(crate) const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.CANARY-token.c2ln";
pub(crate) const USER_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.CANARY-user.c2ln";
pub(crate) const TENANT: &str = "aaaaaaaa-2222-3333-4444-555555555555";
pub(crate) const OBJECT: &str = "bbbbbbbb-2222-3333-4444-555555555555";
pub(crate) const ASSIGNMENT: &str = concat!(
    r#"{"objectId":"bbbbbbbb-2222-3333-4444-555555555555","#,
    r#""tenantId":"aaaaaaaa-2222-3333-4444-555555555555","principalType":"user","#,
    r#""clientIds":["cccccccc-2222-3333-4444-555555555555"]}"#
);
pub(crate) const ID: &str = "8:acs:11111111-2222-3333-4444-555555555555_66666666";

/// What the server does about one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers with these bytes, and keeps the connection.
    Say(String),
    /// Answers, and then closes the connection properly.
    SayAndClose(String),
    /// Closes the connection properly, without an answer.
    Close,
    /// Breaks the connection (RST), without an answer.
    Reset,
    /// Says this, and nothing more.
    Hang(String),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::with(status, "", "")
    }

    /// A whole response. `headers` end in `\r\n`, each.
    pub(crate) fn with(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Say(format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}"))
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
        Self::with(status, "ms-cv: abc.0\r\n", &body)
    }

    pub(crate) fn identity() -> Self {
        Self::with(201, "", &format!(r#"{{"identity":{{"id":"{ID}"}}}}"#))
    }

    pub(crate) fn token() -> Self {
        let expiry = "2027-01-15T09:00:00.1234567+00:00";
        Self::with(200, "", &format!(r#"{{"token":"{TOKEN}","expiresOn":"{expiry}"}}"#))
    }

    pub(crate) fn done() -> Self {
        Self::Say("HTTP/1.1 204 No Content\r\nms-cv: abc.0\r\n\r\n".to_owned())
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Plays its replies in order; the last one for ever. It runs in threads of its
/// own, so it goes on while the client's runtime stands still.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    replies: Mutex<VecDeque<Reply>>,
    arrived: Mutex<Vec<Arrived>>,
    connections: Mutex<usize>,
    closed: Mutex<Option<mpsc::Sender<()>>>,
    stopped: Mutex<bool>,
    accepting: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Server {
    pub(crate) fn start(replies: impl Into<VecDeque<Reply>>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), replies)
    }

    pub(crate) fn on(listener: TcpListener, replies: impl Into<VecDeque<Reply>>) -> Self {
        let state = Arc::new(State { replies: Mutex::new(replies.into()), ..State::default() });
        let server = Self { address: listener.local_addr().unwrap(), state };
        let state = server.state.clone();
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if *state.stopped.lock().unwrap() {
                    return;
                }
                *state.connections.lock().unwrap() += 1;
                let state = state.clone();
                thread::spawn(move || state.serve(stream));
            }
        });
        *server.state.accepting.lock().unwrap() = Some(accepting);
        server
    }

    /// Refuses connections from now on.
    pub(crate) fn stop(&self) {
        *self.state.stopped.lock().unwrap() = true;
        drop(TcpStream::connect(self.address));
        self.state.accepting.lock().unwrap().take().unwrap().join().unwrap();
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.state.arrived.lock().unwrap().len()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// Hears when a connection has been closed after an answer.
    pub(crate) fn closings(&self) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel();
        *self.state.closed.lock().unwrap() = Some(sender);
        receiver
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        while let Some(length) = whole_request(&stream) {
            let mut bytes = vec![0; length];
            let reply = {
                let mut replies = self.replies.lock().unwrap();
                if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
            };
            let count = stream.peek(&mut bytes).unwrap();
            assert_eq!(count, length);
            self.note(&bytes);
            if matches!(reply, Some(Reply::Reset)) {
                return; // What is unread at the close makes the kernel send a RST.
            }
            stream.read_exact(&mut bytes).unwrap();
            match reply {
                Some(Reply::Say(text)) => drop(stream.write_all(text.as_bytes())),
                Some(Reply::SayAndClose(text)) => {
                    drop(stream.write_all(text.as_bytes()));
                    drop(stream);
                    if let Some(closed) = &*self.closed.lock().unwrap() {
                        closed.send(()).unwrap();
                    }
                    return;
                }
                Some(Reply::Hang(text)) => {
                    drop(stream.write_all(text.as_bytes()));
                    drop(stream.read(&mut [0])); // Until the client gives up.
                    return;
                }
                Some(Reply::Close | Reply::Reset) | None => return,
            }
        }
    }

    fn note(&self, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let arrived = Arrived { head: head.to_owned(), body: body.as_bytes().to_vec() };
        self.arrived.lock().unwrap().push(arrived);
    }
}

/// The length of the next request, once it is there; nothing at the end.
fn whole_request(stream: &TcpStream) -> Option<usize> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = stream.peek(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(buffer.get(..count)?).to_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1);
            let length = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            if count >= head + 4 + length {
                return Some(head + 4 + length);
            }
        }
        if count == 0 {
            return None;
        }
        thread::yield_now();
    }
}

/// A clock whose pauses take no time, and are noted. Clones are the same clock.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<Mutex<Time>>);

struct Time {
    now: SystemTime,
    pauses: Vec<Duration>,
    on_pause: Option<Box<dyn FnOnce() + Send>>,
    ticking_since: Option<Instant>,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        Self(Arc::new(Mutex::new(Time {
            now,
            pauses: Vec::new(),
            on_pause: None,
            ticking_since: None,
        })))
    }

    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.0.lock().unwrap().pauses.clone()
    }

    /// From now on time passes by itself, too.
    pub(crate) fn tick(&self) {
        self.0.lock().unwrap().ticking_since = Some(Instant::now());
    }

    pub(crate) fn at_first_pause(&self, act: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().on_pause = Some(Box::new(act));
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        let time = self.0.lock().unwrap();
        time.now + time.ticking_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    async fn sleep(&self, pause: Duration) {
        let act = {
            let mut time = self.0.lock().unwrap();
            time.now += pause;
            time.pauses.push(pause);
            time.on_pause.take()
        };
        if let Some(act) = act {
            act();
        }
    }
}

/// A client of a server, with a clock.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) clock: TestClock,
    pub(crate) acs: AcsIdentityClient<TestClock>,
}

impl World {
    pub(crate) fn new(replies: impl Into<VecDeque<Reply>>) -> Self {
        Self::of(Server::start(replies), |_| {})
    }

    pub(crate) fn of(server: Server, change: impl FnOnce(&mut Config)) -> Self {
        let clock = TestClock::new();
        let mut config = config(&format!("http://{}", server.address));
        change(&mut config);
        let acs = AcsIdentityClient::new(config, clock.clone()).unwrap();
        Self { server, clock, acs }
    }

    pub(crate) fn in_time(&self, left: Duration) -> SystemTime {
        self.clock.now() + left
    }

    /// Calls an operation, with plenty of time.
    pub(crate) async fn call(&self, operation: Operation) -> Result<(), Error> {
        self.call_within(operation, Duration::from_secs(20)).await
    }

    pub(crate) async fn call_within(
        &self,
        operation: Operation,
        left: Duration,
    ) -> Result<(), Error> {
        let deadline = self.in_time(left);
        match operation {
            Operation::Create => self.acs.create_identity(deadline).await.map(drop),
            Operation::CreateWithToken => {
                self.acs.create_identity_with_token(&request(), deadline).await.map(drop)
            }
            Operation::Issue => {
                self.acs.issue_access_token(&id(), &request(), deadline).await.map(drop)
            }
            Operation::Revoke => self.acs.revoke_access_tokens(&id(), deadline).await,
            Operation::Delete => self.acs.delete_identity(&id(), deadline).await,
            Operation::ExchangeTeamsUser => {
                let user = Secret::new(USER_TOKEN);
                self.acs.exchange_teams_user_token(&user, "app", "user", deadline).await.map(drop)
            }
            Operation::ExchangeTeamsExtension => {
                let user = Secret::new(USER_TOKEN);
                self.acs.exchange_teams_extension_token(&user, deadline).await.map(drop)
            }
            Operation::FindAssignment => {
                let Assignment { tenant_id, object_id, .. } = assignment();
                let acs = &self.acs;
                acs.find_teams_extension_assignment(&tenant_id, &object_id, deadline)
                    .await
                    .map(drop)
            }
            Operation::PutAssignment => {
                self.acs.put_teams_extension_assignment(&assignment(), deadline).await.map(drop)
            }
            Operation::DeleteAssignment => {
                let Assignment { tenant_id, object_id, .. } = assignment();
                self.acs.delete_teams_extension_assignment(&tenant_id, &object_id, deadline).await
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    CreateWithToken,
    Issue,
    Revoke,
    Delete,
    ExchangeTeamsUser,
    ExchangeTeamsExtension,
    FindAssignment,
    PutAssignment,
    DeleteAssignment,
}

impl Operation {
    pub(crate) const ALL: [Self; 10] = [
        Self::Create,
        Self::CreateWithToken,
        Self::Issue,
        Self::Revoke,
        Self::Delete,
        Self::ExchangeTeamsUser,
        Self::ExchangeTeamsExtension,
        Self::FindAssignment,
        Self::PutAssignment,
        Self::DeleteAssignment,
    ];
    pub(crate) const CREATIONS: [Self; 2] = [Self::Create, Self::CreateWithToken];
    pub(crate) const REPEATABLE: [Self; 8] = [
        Self::Issue,
        Self::Revoke,
        Self::Delete,
        Self::ExchangeTeamsUser,
        Self::ExchangeTeamsExtension,
        Self::FindAssignment,
        Self::PutAssignment,
        Self::DeleteAssignment,
    ];

    /// Whether it is signed with our key; otherwise it carries a user's token.
    pub(crate) fn is_signed(self) -> bool {
        self != Self::ExchangeTeamsExtension
    }

    pub(crate) fn success(self) -> Reply {
        let expiry = "2027-01-15T09:00:00.1234567+00:00";
        match self {
            Self::Create => Reply::identity(),
            Self::CreateWithToken | Self::ExchangeTeamsExtension => Reply::with(
                if self == Self::CreateWithToken { 201 } else { 200 },
                "",
                &format!(
                    r#"{{"identity":{{"id":"{ID}"}},"accessToken":{{"token":"{TOKEN}","expiresOn":"{expiry}"}}}}"#
                ),
            ),
            Self::Issue | Self::ExchangeTeamsUser => Reply::token(),
            Self::FindAssignment | Self::PutAssignment => Reply::with(200, "", ASSIGNMENT),
            Self::Revoke | Self::Delete | Self::DeleteAssignment => Reply::done(),
        }
    }
}

pub(crate) fn config(endpoint: &str) -> Config {
    let connection_string = format!("endpoint={endpoint}/;accesskey={KEY}").parse().unwrap();
    Config { bearer_over_loopback_http: true, ..Config::new(connection_string) }
}

pub(crate) fn id() -> AcsId {
    AcsId::parse(ID).unwrap()
}

pub(crate) fn assignment() -> Assignment {
    Assignment {
        tenant_id: TENANT.parse().unwrap(),
        object_id: OBJECT.parse().unwrap(),
        principal_type: PrincipalType::User,
        client_ids: vec!["cccccccc-2222-3333-4444-555555555555".parse().unwrap()],
    }
}

pub(crate) fn request() -> TokenRequest {
    let scopes = Scopes::parse(["chat", "voip"]).unwrap();
    TokenRequest { scopes, lifetime: Lifetime::HOUR }
}

/// Everything an error says, as a log would have it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// What the error says about whether ACS may have acted.
pub(crate) fn maybe_applied(outcome: Result<(), Error>) -> bool {
    match outcome {
        Err(Error::AcsUnavailable { maybe_applied, .. }) => maybe_applied,
        other => unreachable!("{other:?}"),
    }
}
