//! The data that the console shows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::records::{RecordTable, UserRecord};
use crate::acs;
use crate::clock::StackClock;
use crate::control::ControlError;
use crate::gateway::Gateway;
use crate::issuer::ProviderProfile;
use crate::runtime::FunctionPool;

/// The parts of the stack that the console reads.
pub(crate) struct Console {
    /// `stack.json` without the credentials of ACS.
    pub(crate) addresses: Value,
    /// The real issuer whose tokens the gateway accepts in place of those of the development issuer.
    pub(crate) api_issuer: Option<String>,
    /// Shell commands that make a first request.
    pub(crate) first_request: String,
    /// A shell command that gets an administrator's token.
    pub(crate) administrator_token: String,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) functions: Vec<Arc<FunctionPool>>,
    /// The emulators of all ACS resources.
    pub(crate) acs: Vec<SocketAddr>,
    pub(crate) records: RecordTable,
    pub(crate) clock: Arc<StackClock>,
    /// After how many days an unused identity is deleted.
    pub(crate) retention_days: Option<u32>,
}

impl Console {
    /// All records, and the number of valid tokens of each identity.
    pub(super) async fn identities(
        self: &Arc<Self>,
    ) -> Result<(Vec<UserRecord>, HashMap<String, u64>), ControlError> {
        let console = Arc::clone(self);
        let failed = |what: &str| {
            ControlError(StatusCode::BAD_GATEWAY, format!("cannot read {what}: see the terminal"))
        };
        let read = tokio::task::spawn_blocking(move || console.records.read());
        let records =
            read.await.map_err(|_| failed("the table"))?.map_err(|_| failed("the table"))?;
        let mut live = HashMap::new();
        for address in &self.acs {
            let listed = acs::identities(*address).await.map_err(|_| failed("the ACS emulator"))?;
            let listed = listed.get("identities").and_then(Value::as_array).cloned();
            for identity in listed.unwrap_or_default() {
                let tokens = identity.get("liveTokens").and_then(Value::as_u64).unwrap_or(0);
                if let Some(id) = identity.get("id").and_then(Value::as_str) {
                    live.insert(id.to_owned(), tokens);
                }
            }
        }
        Ok((records, live))
    }

    /// What the pages need to know of the stack: the addresses, the commands that they show, and the
    /// profiles of the issuer.
    pub(super) fn stack(&self) -> Value {
        let mut stack = self.addresses.clone();
        if let Some(stack) = stack.as_object_mut() {
            stack.insert("apiIssuer".to_owned(), json!(self.api_issuer));
            stack.insert("profiles".to_owned(), json!(ProviderProfile::names()));
            stack.insert("firstRequest".to_owned(), self.first_request.as_str().into());
            let token = self.administrator_token.as_str().into();
            stack.insert("administratorToken".to_owned(), token);
        }
        stack
    }

    /// The pids of the processes, by function.
    pub(super) fn pids(&self) -> Value {
        self.functions.iter().map(|one| (one.name().to_owned(), json!(one.pids()))).collect()
    }
}
