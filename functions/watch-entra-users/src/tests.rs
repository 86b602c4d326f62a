use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use entra_users::{ClientSecretSource, GraphClient, UserSubscription};
use event_queue::MemoryEventQueue;
use graph_transmitters::{ConfiguredGraph, GraphTransmitters};
use harness::TestServer;
use identity_core::Error as CoreError;
use identity_core::ports::{DirectoryCursors as _, DirectoryWatch, DirectoryWatches, SystemClock};
use identity_core::secret::Secret;
use identity_core::testing::MemoryDirectoryCursors;
use serde_json::{Value, json};

use super::*;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const USER: &str = "99999999-8888-7777-6666-555555555555";
const URL: &str = "https://api.example.com/v1/signals/entra";

/// A Graph with subscriptions and prepared pages of the delta query.
#[derive(Default)]
struct FakeGraph {
    subscriptions: Mutex<Vec<String>>,
    /// The status and the body of each page.
    pages: Mutex<VecDeque<(u16, Value)>>,
    requests: Mutex<Vec<String>>,
}

async fn answer(State(graph): State<Arc<FakeGraph>>, request: Request) -> (StatusCode, String) {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (method, path) = (parts.method.as_str(), parts.uri.path().to_owned());
    if path.ends_with("/token") {
        return ok(&json!({ "access_token": "t", "expires_in": 3600 }));
    }
    let query = parts.uri.query().unwrap_or_default();
    graph.requests.lock().unwrap().push(format!("{method} {path}?{query}"));
    let mut subscriptions = graph.subscriptions.lock().unwrap();
    let shown = |id: &str| {
        json!({
            "id": id, "resource": "users", "notificationUrl": URL,
            "expirationDateTime": "2030-01-01T00:00:00Z",
        })
    };
    let id = path.rsplit('/').next().unwrap_or_default().to_owned();
    let found = subscriptions.iter().position(|one| *one == id);
    match (method, path.as_str(), found) {
        ("GET", "/v1.0/users/delta", _) => {
            let page = graph.pages.lock().unwrap().pop_front();
            let (status, body) = page.unwrap_or((500, json!({})));
            (StatusCode::from_u16(status).unwrap(), body.to_string())
        }
        ("GET", ..) => {
            let all: Vec<_> = subscriptions.iter().map(|id| shown(id)).collect();
            ok(&json!({ "value": all }))
        }
        ("POST", ..) => {
            assert_eq!(body["clientState"], "synthetic-client-state");
            let id = "bbbbbbbb-0000-0000-0000-00000000000f".to_owned();
            subscriptions.push(id.clone());
            ok(&shown(&id))
        }
        ("PATCH", _, Some(_)) => ok(&shown(&id)),
        ("DELETE", _, Some(found)) => {
            subscriptions.remove(found);
            (StatusCode::NO_CONTENT, String::new())
        }
        _ => {
            (StatusCode::NOT_FOUND, json!({ "error": { "code": "ResourceNotFound" } }).to_string())
        }
    }
}

fn ok(body: &Value) -> (StatusCode, String) {
    (StatusCode::OK, body.to_string())
}

struct GivenSecret;

impl ClientSecretSource for GivenSecret {
    async fn client_secret(&self) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Secret::new("synthetic-client-secret"))
    }
}

#[derive(Default)]
struct MemoryWatches(RefCell<(Vec<DirectoryWatch>, usize)>);

impl DirectoryWatches for MemoryWatches {
    async fn find_watches(&self) -> Result<Vec<DirectoryWatch>, CoreError> {
        Ok(self.0.borrow().0.clone())
    }

    async fn save_watches(&self, watches: &[DirectoryWatch]) -> Result<(), CoreError> {
        let saves = self.0.borrow().1;
        *self.0.borrow_mut() = (watches.to_vec(), saves + 1);
        Ok(())
    }
}

#[tokio::test]
async fn a_run_records_when_each_configured_tenant_was_last_followed() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let watch = |tenant: &str, followed: Option<u64>, ends: Option<u64>| DirectoryWatch {
        transmitter: "entra".to_owned(),
        tenant: tenant.to_owned(),
        followed_at: followed.map(at),
        subscription_ends_at: ends.map(at),
    };
    let earlier = vec![
        watch(TENANT, Some(1), Some(2)),
        watch(USER, Some(3), Some(4)),
        watch("gone", Some(5), Some(6)),
    ];
    let store = MemoryWatches(RefCell::new((earlier, 0)));
    let mut output = WatchOutput::default();
    let subscription = UserSubscription { id: USER.parse().unwrap(), ends_at: at(20) };
    output.watched("entra", &TENANT.parse().unwrap(), &subscription, 0);
    let configured = || [TENANT, USER, "new"].map(|tenant| ("entra".to_owned(), tenant.to_owned()));
    let expected = [
        watch(TENANT, Some(10), Some(20)),
        watch(USER, Some(3), Some(4)),
        watch("new", None, None),
    ];
    // What is saved already is not saved again.
    for _ in 0..2 {
        record_watches(&store, configured().into_iter(), &output, at(10)).await.unwrap();
        assert_eq!(*store.0.borrow(), (expected.to_vec(), 1));
    }
}

struct WatchFixture {
    graph: Arc<FakeGraph>,
    server: TestServer,
    client: GraphClient<GivenSecret, SystemClock>,
    transmitter: ConfiguredGraph,
    cursors: MemoryDirectoryCursors,
    queue: MemoryEventQueue,
    clock: SystemClock,
}

impl WatchFixture {
    async fn start() -> Self {
        let graph = Arc::new(FakeGraph::default());
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&graph));
        let server = TestServer::start(routes).await.unwrap();
        let transmitters = json!([{
            "name": "entra", "kind": "graph", "mode": "shadow", "tenants": [TENANT],
            "clientId": "aaaaaaaa-0000-0000-0000-000000000001", "notificationUrl": URL,
            "graphUrl": server.url(), "loginUrl": server.url(), "tokenIssuer": "https://idp.example",
        }]);
        let configured = GraphTransmitters::from_env(&|name: &str| match name {
            "TRANSMITTERS" => Some(transmitters.to_string()),
            "TRANSMITTER_SECRET_ARN" => {
                Some("arn:aws:secretsmanager:eu-west-1:123456789012:secret:t".to_owned())
            }
            "ISSUER" => Some("https://idp.example".to_owned()),
            "SUBJECT_CLAIMS" => Some("tid,oid".to_owned()),
            _ => None,
        });
        let transmitter = configured.unwrap().settings["entra"].clone();
        let clock = SystemClock::default();
        let client =
            GraphClient::new(transmitter.settings.app.clone(), GivenSecret, clock).unwrap();
        let (cursors, queue) = (MemoryDirectoryCursors::default(), MemoryEventQueue::default());
        Self { graph, server, client, transmitter, cursors, queue, clock }
    }

    /// Runs once, and returns the response, if each tenant is watched.
    async fn run_with(&self, recreate: bool, seconds: u64) -> Option<Value> {
        let client_state = Secret::new("synthetic-client-state");
        let watch = Watch {
            name: "entra",
            transmitter: &self.transmitter,
            client: &self.client,
            client_state: &client_state,
            store: &self.cursors,
            queue: &self.queue,
            clock: &self.clock,
            run: "run-1",
            recreate,
            until: self.clock.now() + Duration::from_secs(seconds),
        };
        let mut output = WatchOutput::default();
        watch.all_tenants(&mut output).await;
        output.finish().ok().map(|output| serde_json::to_value(output).unwrap())
    }

    async fn run(&self) -> Option<Value> {
        self.run_with(false, 60).await
    }

    fn prepare(&self, status: u16, users: &[&str], link: &str, has_more: bool) {
        let users: Vec<_> = users.iter().map(|id| json!({ "id": id })).collect();
        let name = if has_more { "@odata.nextLink" } else { "@odata.deltaLink" };
        let link = format!("{}/v1.0/users/delta?$deltatoken={link}", self.server.url());
        self.graph.pages.lock().unwrap().push_back((status, json!({ "value": users, name: link })));
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.graph.requests.lock().unwrap())
    }

    async fn cursor(&self) -> String {
        let cursor = self.cursors.find_cursor(&format!("entra {TENANT}")).await.unwrap().unwrap();
        cursor.rsplit('=').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn the_first_run_subscribes_and_begins_now() {
    let fixture = WatchFixture::start().await;
    fixture.prepare(200, &[], "1", false);
    let output = fixture.run().await.unwrap();
    let expected = json!({
        "transmitter": "entra", "tenant": TENANT,
        "subscriptionEndsAt": "2030-01-01T00:00:00.000Z", "changedUsers": 0,
    });
    assert_eq!(output["tenants"], json!([expected]));
    let requests = fixture.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert!(requests[2].ends_with("&$deltatoken=latest"), "{requests:?}");
    assert_eq!((fixture.cursor().await.as_str(), fixture.queue.look_ups()), ("1", vec![]));
}

#[tokio::test]
async fn each_run_renews_the_subscription_that_it_finds_and_deletes_others() {
    let fixture = WatchFixture::start().await;
    let [kept, other] =
        ["bbbbbbbb-0000-0000-0000-000000000001", "bbbbbbbb-0000-0000-0000-000000000002"];
    *fixture.graph.subscriptions.lock().unwrap() = vec![kept.to_owned(), other.to_owned()];
    for _ in 0..2 {
        fixture.prepare(200, &[], "1", false);
        fixture.run().await.unwrap();
        assert_eq!(*fixture.graph.subscriptions.lock().unwrap(), [kept]);
        assert!(fixture.requests().contains(&format!("PATCH /v1.0/subscriptions/{kept}?")));
    }
}

#[tokio::test]
async fn an_operator_can_replace_the_subscription() {
    let fixture = WatchFixture::start().await;
    let old = "bbbbbbbb-0000-0000-0000-000000000001".to_owned();
    *fixture.graph.subscriptions.lock().unwrap() = vec![old];
    fixture.prepare(200, &[], "1", false);
    fixture.run_with(true, 60).await.unwrap();
    let now = fixture.graph.subscriptions.lock().unwrap().clone();
    assert_eq!(now, ["bbbbbbbb-0000-0000-0000-00000000000f"]);
}

#[tokio::test]
async fn each_changed_user_is_looked_up_and_the_next_run_continues_there() {
    let fixture = WatchFixture::start().await;
    fixture.prepare(200, &[], "1", false);
    fixture.run().await.unwrap();
    fixture.prepare(200, &[USER], "2", true);
    fixture.prepare(200, &[TENANT], "3", false);
    let output = fixture.run().await.unwrap();
    assert_eq!(output["tenants"][0]["changedUsers"], 2);
    let look_ups = fixture.queue.look_ups();
    let [first, _] = &look_ups[..] else { panic!("{look_ups:?}") };
    assert_eq!(first.look_up.user.as_str(), format!("https://idp.example|{TENANT}|{USER}"));
    assert_eq!((first.look_up.object_id.as_str(), first.look_up.id.as_str()), (USER, "run-1"));
    assert_eq!(first.mode, identity_core::event::EventMode::Shadow);
    assert_eq!(fixture.cursor().await, "3");
    assert!(fixture.requests().last().unwrap().ends_with("$deltatoken=2"));
}

#[tokio::test]
async fn r31_a_run_that_ends_early_is_continued_and_loses_no_user() {
    let fixture = WatchFixture::start().await;
    fixture.prepare(200, &[USER], "1", true);
    fixture.run_with(false, 0).await.unwrap();
    assert_eq!(fixture.cursor().await, "1");

    // The queue is down: the same page is read again.
    fixture.queue.set_down(true);
    fixture.prepare(200, &[USER], "2", false);
    assert!(fixture.run().await.is_none());
    assert_eq!(fixture.cursor().await, "1");
    fixture.queue.set_down(false);
    fixture.prepare(200, &[USER], "2", false);
    fixture.run().await.unwrap();
    assert_eq!((fixture.cursor().await.as_str(), fixture.queue.look_ups().len()), ("2", 2));
}

#[tokio::test]
async fn if_graph_forgot_where_to_continue_every_user_is_looked_up() {
    let fixture = WatchFixture::start().await;
    fixture.prepare(200, &[], "1", false);
    fixture.run().await.unwrap();
    fixture.prepare(410, &[], "", false);
    fixture.prepare(200, &[USER], "2", false);
    fixture.run().await.unwrap();
    assert!(fixture.requests().last().unwrap().ends_with("signInSessionsValidFromDateTime"));
    assert_eq!((fixture.cursor().await.as_str(), fixture.queue.look_ups().len()), ("2", 1));
}

#[tokio::test]
async fn a_run_fails_if_a_tenant_is_not_watched() {
    let fixture = WatchFixture::start().await;
    assert!(fixture.run().await.is_none(), "Graph answers 500 to the delta query");
    let mut output = WatchOutput::default();
    output.failed("entra", None, &std::io::Error::other("no secret"));
    let error = output.finish().unwrap_err();
    assert!(error.to_string().starts_with("1 Entra tenants could not be watched"));
}

#[test]
fn a_run_stops_before_its_deadline() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    let mut context = Context::default();
    context.deadline = 1_800_000_060_000;
    assert_eq!(time_limit(&context, now), now + Duration::from_secs(50));
}
