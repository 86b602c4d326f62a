use std::time::{Duration, Instant};

use e2e::{HttpReply, ServiceStack};
use serde_json::{Value, json};

/// The link of the meeting.
pub(crate) const LINK: &str = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_canary";

/// The name of the guest.
pub(crate) const NAME: &str = "Ada Canary";

/// A stack on which guests are switched on, and a back end that invites.
pub(crate) struct GuestStack {
    pub(crate) stack: ServiceStack,
    pub(crate) back_end: String,
}

/// A new invitation.
pub(crate) struct Invited {
    pub(crate) handle: String,
    pub(crate) id: String,
    pub(crate) pin: Option<String>,
}

impl GuestStack {
    pub(crate) async fn start() -> Self {
        Self::of(ServiceStack::start().await).await
    }

    /// Guests who are not limited in how often they ask: a test asks very often.
    pub(crate) async fn without_pace() -> Self {
        Self::of(ServiceStack::with(&["--parameter", "PacePerMinute=0"]).await).await
    }

    pub(crate) async fn of(stack: ServiceStack) -> Self {
        let back_end = stack.bearer("back-end", "guestpass.invite").await;
        Self { stack, back_end }
    }

    /// Creates an invitation that ends in an hour, with these members besides.
    pub(crate) async fn invite(&self, members: Value) -> Invited {
        let created = self.create(members).await;
        assert_eq!(created.status, 201, "{created:?}");
        self.stack.keep_secret(&created.body["handle"]);
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        Invited {
            handle: text(&created.body["handle"]).unwrap(),
            id: text(&created.body["invitation"]["id"]).unwrap(),
            pin: text(&created.body["pin"]),
        }
    }

    pub(crate) async fn create(&self, members: Value) -> HttpReply {
        let closes_at = self.stack.seconds_from_now(3600).await;
        let mut sent = json!({
            "meeting": { "joinUrl": LINK }, "displayName": NAME, "closesAt": closes_at,
        });
        sent.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.stack.call("POST /v1/invitations", &self.back_end, sent).await
    }

    /// A request of a guest, which has no bearer.
    pub(crate) async fn exchange(&self, handle: &str, device: &str) -> HttpReply {
        self.send(&json!({ "handle": handle, "device": device })).await
    }

    pub(crate) async fn exchange_with_pin(
        &self,
        handle: &str,
        device: &str,
        pin: &str,
    ) -> HttpReply {
        self.send(&json!({ "handle": handle, "device": device, "pin": pin })).await
    }

    pub(crate) async fn send(&self, body: &Value) -> HttpReply {
        let headers = vec![("content-type", "application/json".to_owned())];
        self.stack.send("POST /v1/guest/token", headers, Some(body.to_string())).await
    }

    /// Repeats a request of a guest while the answer is to come again: many processes start at
    /// once, and on a slow machine the table may answer late. A test need not wait as long as
    /// `Retry-After` says.
    pub(crate) async fn insist(&self, body: &Value) -> HttpReply {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            let reply = self.send(body).await;
            if ![(409, "busy"), (503, "unavailable")].contains(&(reply.status, reply.problem())) {
                return reply;
            }
            assert!(Instant::now() < deadline, "no retry gets an answer: {reply:?}");
        }
    }

    /// A request of the back end.
    pub(crate) async fn call(&self, route: &str, body: Value) -> HttpReply {
        self.stack.call(route, &self.back_end, body).await
    }

    /// What the back end sees of an invitation.
    pub(crate) async fn shown(&self, id: &str) -> Value {
        let shown = self.call(&format!("GET /v1/invitations/{id}"), Value::Null).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        shown.body
    }

    /// The identities in ACS.
    pub(crate) async fn identities(&self) -> usize {
        let known = self.stack.emulator("GET identities", Value::Null).await;
        known["identities"].as_array().unwrap().len()
    }
}

/// The device with this number: 22 characters of base64url.
pub(crate) fn device(number: usize) -> String {
    format!("device{number:016}")
}
