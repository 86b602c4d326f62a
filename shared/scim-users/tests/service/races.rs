//! Two requests for the same user at once.

use std::{sync::Mutex, time::Duration};

use identity_core::Error;
use scim_users::{
    ScimRequest, ScimResponse, ScimService, ScimStamp, ScimUser, SubjectAttribute, UserMapping,
    ports::{ListWindow, ScimUserStore, UserList, UserWrite, WriteOutcome},
    testing::{MemoryScimUserStore, MemoryUserEvents},
};
use serde_json::json;

use crate::fixture::{BASE, ISSUER, now};

/// A store in which another request changes the user before each of the next writes.
#[derive(Debug, Default)]
struct ContestedStore {
    store: MemoryScimUserStore,
    /// The changes of the other requests, the last one first.
    others: Mutex<Vec<ScimUser>>,
}

impl ContestedStore {
    /// Lets the other request change the user.
    async fn contest(&self, transmitter: &str) {
        let other = self.others.lock().unwrap().pop();
        let Some(other) = other else { return };
        let before = self.store.find(transmitter, &other.id).await.unwrap();
        let version = before.as_ref().map_or(1, |user| user.version + 1);
        let after = ScimUser { version, ..other };
        let change = UserWrite { before: before.as_ref(), after: &after, subject: None };
        assert_eq!(self.store.write(transmitter, &change).await.unwrap(), WriteOutcome::Done);
    }
}

impl ScimUserStore for ContestedStore {
    async fn find(&self, transmitter: &str, id: &str) -> Result<Option<ScimUser>, Error> {
        self.store.find(transmitter, id).await
    }

    async fn find_by_name(&self, transmitter: &str, name: &str) -> Result<Option<ScimUser>, Error> {
        self.store.find_by_name(transmitter, name).await
    }

    async fn find_by_external_id(
        &self,
        transmitter: &str,
        id: &str,
    ) -> Result<Vec<ScimUser>, Error> {
        self.store.find_by_external_id(transmitter, id).await
    }

    async fn list(&self, transmitter: &str, window: &ListWindow) -> Result<UserList, Error> {
        self.store.list(transmitter, window).await
    }

    async fn is_blocked(&self, transmitter: &str, subject: &str) -> Result<bool, Error> {
        self.store.is_blocked(transmitter, subject).await
    }

    async fn write(
        &self,
        transmitter: &str,
        change: &UserWrite<'_>,
    ) -> Result<WriteOutcome, Error> {
        self.contest(transmitter).await;
        self.store.write(transmitter, change).await
    }

    async fn delete(&self, transmitter: &str, user: &ScimUser) -> Result<WriteOutcome, Error> {
        self.contest(transmitter).await;
        self.store.delete(transmitter, user).await
    }
}

#[derive(Debug, Default)]
struct RaceFixture {
    store: ContestedStore,
    events: MemoryUserEvents,
}

impl RaceFixture {
    async fn send(&self, method: &str, path: &str, body: &str) -> ScimResponse {
        let mapping = UserMapping {
            token_issuer: ISSUER.to_owned(),
            subject: SubjectAttribute::ExternalId,
            tenant: None,
        };
        let service = ScimService {
            store: &self.store,
            events: &self.events,
            transmitter: "entra-scim",
            mapping: &mapping,
        };
        let request = ScimRequest {
            method,
            path,
            query: &[],
            content_type: None,
            content_encoding: None,
            body: body.as_bytes(),
            base_url: BASE,
        };
        service.handle(&request, &ScimStamp { now: now(), id: "id-0".to_owned() }).await
    }

    /// Creates Carol, and returns her as another request would change her.
    async fn carol(&self) -> ScimUser {
        let created =
            self.send("POST", "Users", r#"{"userName":"carol","externalId":"c-1"}"#).await;
        assert_eq!(created.status, 201);
        let stored = self.store.find("entra-scim", "id-0").await.unwrap().unwrap();
        ScimUser { modified_at: now() + Duration::from_secs(5), ..stored }
    }

    fn contested_by(&self, others: impl IntoIterator<Item = ScimUser>) {
        self.store.others.lock().unwrap().extend(others);
    }
}

const DEACTIVATE: &str = r#"{"Operations":[{"op":"replace","path":"active","value":false}]}"#;

#[tokio::test]
async fn the_change_that_is_stored_last_also_has_the_last_event() {
    let fixture = RaceFixture::default();
    let other = fixture.carol().await;
    fixture.contested_by([ScimUser { display_name: Some("C".to_owned()), ..other.clone() }]);
    let response = fixture.send("PATCH", "Users/id-0", DEACTIVATE).await;
    assert_eq!(response.status, 200);
    let body = response.body.unwrap();
    assert_eq!((&body["active"], &body["displayName"]), (&json!(false), &json!("C")));
    let sent = fixture.events.sent();
    let times: Vec<_> = sent.iter().map(|event| event.occurred_at).collect();
    let after_the_other = other.modified_at + Duration::from_millis(1);
    assert_eq!(times, [now() + Duration::from_millis(1), after_the_other]);
    assert_ne!(sent[0].id, sent[1].id, "each attempt is an event of its own");
}

#[tokio::test]
async fn a_deletion_is_later_than_a_change_at_the_same_time() {
    let fixture = RaceFixture::default();
    let other = fixture.carol().await;
    fixture.contested_by([other.clone()]);
    assert_eq!(fixture.send("DELETE", "Users/id-0", "").await.status, 204);
    let last = fixture.events.sent().pop().unwrap();
    assert_eq!(last.occurred_at, other.modified_at + Duration::from_millis(1));
}

#[tokio::test]
async fn a_user_whom_other_requests_change_all_the_time_is_tried_again_later() {
    for (method, body) in [("PATCH", DEACTIVATE), ("DELETE", "")] {
        let fixture = RaceFixture::default();
        let other = fixture.carol().await;
        fixture.contested_by(vec![other.clone(); 3]);
        let expected = if method == "DELETE" { 204 } else { 200 };
        assert_eq!(fixture.send(method, "Users/id-0", body).await.status, expected);

        let fixture = RaceFixture::default();
        fixture.carol().await;
        fixture.contested_by(vec![other; 4]);
        assert_eq!(fixture.send(method, "Users/id-0", body).await.status, 503);
        assert_eq!(fixture.events.sent().len(), 4);
    }
}

#[tokio::test]
async fn of_two_users_with_one_name_at_once_one_is_created() {
    let fixture = RaceFixture::default();
    let carol = fixture.carol().await;
    assert_eq!(fixture.send("DELETE", "Users/id-0", "").await.status, 204);
    fixture.contested_by([ScimUser { id: "other".to_owned(), ..carol }]);
    let second = fixture.send("POST", "Users", r#"{"userName":"Carol"}"#).await;
    assert_eq!(second.status, 409);
}

#[tokio::test]
async fn a_name_that_is_taken_in_the_meantime_is_refused() {
    let fixture = RaceFixture::default();
    let carol = fixture.carol().await;
    let other = ScimUser { id: "other".to_owned(), user_name: "dave".to_owned(), ..carol };
    fixture.contested_by([other]);
    assert_eq!(fixture.send("PUT", "Users/id-0", r#"{"userName":"Dave"}"#).await.status, 409);
}
