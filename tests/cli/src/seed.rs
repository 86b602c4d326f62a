//! Creates many identities at once: in ACS, and in the table with an old last use.

use std::time::{Duration, SystemTime};

use crate::CliStack;
use acs_client::{AcsIdentityClient, Config};
use identity_core::ports::{Clock, IdentityClient as _};
use serde_json::{Value, json};

/// The time of this machine.
struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "a test uses the clock of this machine")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Only retries pause, and these tests have none.
    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// Long enough for a slow machine; these tests do not check the product's limits.
const A_MINUTE: Duration = Duration::from_mins(1);

impl CliStack {
    /// Creates identities that were unused for `days` days.
    pub fn seed(&self, names: &[String], days: u64) {
        let ids = self.create_in_acs(names.len());
        self.record(names.iter().zip(&ids), days);
    }

    /// Creates identities in the table only.
    pub fn seed_table(&self, count: usize) {
        let names: Vec<String> = (0..count).map(|index| format!("user-{index}")).collect();
        let ids: Vec<String> = (0..count).map(|index| format!("8:acs:none_{index}")).collect();
        self.record(names.iter().zip(&ids), 1);
    }

    /// Records a run of the cleanup that starts now, and the identities that it names.
    pub fn run_of_the_cleanup(
        &self,
        id: &str,
        previous: Option<&str>,
        mode: &str,
        sample: &[&str],
    ) {
        let now = MachineClock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let cutoff = now.checked_sub(Duration::from_hours(24 * 90)).unwrap();
        let sample: Vec<Value> = sample
            .iter()
            .map(|id| json!({ "identity": id, "lastIssuedAt": 0, "blocked": false }))
            .collect();
        let run = json!({
            "id": id, "previous": previous, "mode": mode, "sample": sample,
            "startedAt": now.as_millis(), "cutoff": cutoff.as_millis(),
        });
        for key in [" run".to_owned(), format!(" run {id}")] {
            let item = json!({ "externalId": { "S": key }, "run": { "S": run.to_string() } });
            self.dynamodb("PutItem", &json!({ "TableName": self.text("/table"), "Item": item }));
        }
    }

    fn create_in_acs(&self, count: usize) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut config = Config::new(self.connection_string().parse().unwrap());
        (config.limits.attempt, config.limits.call) = (A_MINUTE, A_MINUTE);
        let acs = AcsIdentityClient::new(config, MachineClock).unwrap();
        runtime.block_on(async {
            let mut ids = Vec::new();
            for _ in 0..count {
                let deadline = MachineClock.now() + A_MINUTE;
                ids.push(acs.create_identity(deadline).await.unwrap().to_string());
            }
            ids
        })
    }

    fn record<'a>(&self, identities: impl Iterator<Item = (&'a String, &'a String)>, days: u64) {
        let now = MachineClock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let then = now.checked_sub(Duration::from_hours(24 * days)).unwrap();
        let puts: Vec<Value> =
            identities.map(|(name, id)| put(name, id, then.as_millis())).collect();
        for some in puts.chunks(25) {
            let request = json!({ "RequestItems": { self.text("/table"): some } });
            self.dynamodb("BatchWriteItem", &request);
        }
    }
}

fn put(name: &str, id: &str, at: u128) -> Value {
    let at = json!({ "N": at.to_string() });
    // A list does not depend on which of the sixteen shards it is.
    let shard = name.bytes().map(u32::from).sum::<u32>() % 16;
    json!({ "PutRequest": { "Item": {
        "externalId": { "S": name },
        "acsId": { "S": id },
        "state": { "S": "active" },
        "epoch": { "N": "1" },
        "createdAt": at,
        "lastIssuedAt": at,
        "changedAt": at,
        "staleShard": { "N": shard.to_string() },
    } } })
}
