use std::{
    fs,
    time::{Duration, Instant},
};

use harness::{HttpReply, TEMPLATE, TestStack, local_stack, send};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{AcsCalls, LimitReading, TokenReply, TokenService};

/// The real functions behind the gateway of a local stack. The stack's clock is moved to the time of
/// each request.
pub struct MeasuredService {
    stack: TestStack,
    started: Instant,
    /// How far the clock was moved.
    moved: Duration,
}

impl MeasuredService {
    /// Starts a stack with this many ACS resources, whose documented limits are divided by
    /// `divisor`.
    pub fn start(resources: usize, divisor: u16, reading: LimitReading) -> Result<Self, String> {
        let dir = TempDir::new().map_err(|error| error.to_string())?;
        let (resources, divisor) = (resources.to_string(), divisor.to_string());
        let mut command = local_stack();
        command
            .args(["--ephemeral", "--template", TEMPLATE, "--resources", &resources])
            .args(["--divide-limits", &divisor])
            .args(reading.flags());
        let stack = TestStack::start(dir, &mut command);
        Ok(Self { stack, started: Instant::now(), moved: Duration::ZERO })
    }

    /// Moves the stack's clock forward to `time`, in whole seconds.
    fn move_clock(&mut self, time: Duration) -> Result<(), String> {
        let seconds = time.saturating_sub(self.moved + self.started.elapsed()).as_secs();
        if seconds > 0 {
            self.call("console", "POST /_local/clock", &json!({ "advanceSeconds": seconds }))?;
            self.moved += Duration::from_secs(seconds);
        }
        Ok(())
    }

    /// Calls a server of the stack.
    fn call(&self, server: &str, route: &str, body: &Value) -> Result<Value, String> {
        let json = ("content-type", "application/json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.send(server, route, json, &body)?;
        if reply.is_success() { Ok(reply.body) } else { Err(format!("{route}: {reply:?}")) }
    }

    fn send(
        &self,
        server: &str,
        route: &str,
        header: (&str, &str),
        body: &str,
    ) -> Result<HttpReply, String> {
        let reply = send(self.stack.text(&format!("/{server}")), route, &[header], body);
        reply.map_err(|error| format!("{route}: {error}"))
    }

    /// The value of `authorization` for this user, from the stack's issuer.
    fn authorization(&self, user: usize) -> Result<String, String> {
        let form = format!("sub=user-{user}&scope=guestpass.token");
        let form_type = ("content-type", "application/x-www-form-urlencoded");
        let issued = self.send("issuer", "POST /token", form_type, &form)?;
        let bearer = issued.body.get("access_token").and_then(Value::as_str);
        Ok(format!("Bearer {}", bearer.ok_or("the issuer sent no bearer")?))
    }

    /// The sum of a metric in the log of the function.
    fn metric(&self, name: &str) -> Result<u64, String> {
        let path = self.stack.data().join("logs/issue-access-token.log");
        let log = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let metrics = lines.filter(|line| line.get("_aws").is_some());
        Ok(metrics.filter_map(|line| line.get(name).and_then(Value::as_u64)).sum())
    }
}

impl TokenService for MeasuredService {
    fn request_token(&mut self, user: usize, now: Duration) -> Result<TokenReply, String> {
        self.move_clock(now)?;
        let bearer = self.authorization(user)?;
        let reply = self.send("gateway", "POST /v1/token", ("authorization", &bearer), "")?;
        match (reply.status, reply.header("retry-after").parse()) {
            (200, _) => Ok(TokenReply::Token),
            (503, Ok(seconds)) => {
                Ok(TokenReply::Refused { retry_after: Duration::from_secs(seconds) })
            }
            // A refusal contains no token.
            (400.., _) => Err(format!("unexpected refusal: {reply:?}")),
            (status, _) => Err(format!("unexpected status {status}")),
        }
    }

    fn acs_calls(&mut self) -> Result<AcsCalls, String> {
        let description = self.stack.description();
        let others = description.pointer("/acs/others").and_then(Value::as_object);
        let names = others.into_iter().flat_map(|others| others.keys());
        let servers: Vec<_> = names.map(|name| format!("acs/others/{name}")).collect();
        let mut sent = 0;
        for server in servers.iter().map(String::as_str).chain(["acs/http"]) {
            let ledger = self.call(server, "GET /_emulator/requests", &Value::Null)?;
            let count = |name: &str| ledger.pointer(&format!("/counts/{name}"))?.as_u64();
            let counts = ["createIdentity", "createIdentityWithToken", "issueAccessToken"];
            sent += counts.into_iter().filter_map(count).sum::<u64>();
        }
        Ok(AcsCalls { sent, refused: self.metric("AcsThrottled")? })
    }
}
