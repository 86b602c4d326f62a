//! The result of a run: its log lines and its response.

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use entra_users::{DirectoryId, UserSubscription};
use identity_core::error_chain;
use lambda_http::lambda_runtime::Diagnostic;
use serde::Serialize;
use tracing::{error, info};

/// The response: the tenants, and when their subscriptions end.
#[derive(Debug, Default, Serialize)]
pub(crate) struct WatchOutput {
    tenants: Vec<WatchedTenant>,
    #[serde(skip)]
    failures: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WatchedTenant {
    transmitter: String,
    tenant: String,
    subscription_ends_at: String,
    changed_users: usize,
    #[serde(skip)]
    ends_at: SystemTime,
}

/// At least one tenant could not be watched. The log lines say why.
#[derive(Debug)]
pub(crate) struct WatchError(usize);

impl WatchOutput {
    pub(crate) fn watched(
        &mut self,
        transmitter: &str,
        tenant: &DirectoryId,
        subscription: &UserSubscription,
        changed_users: usize,
    ) {
        let subscription_ends_at = api_types::format_timestamp(subscription.ends_at);
        info!(
            transmitter,
            %tenant,
            subscription_ends_at,
            changed_users,
            "changes of Entra users are watched"
        );
        self.tenants.push(WatchedTenant {
            transmitter: transmitter.to_owned(),
            tenant: tenant.to_string(),
            subscription_ends_at,
            changed_users,
            ends_at: subscription.ends_at,
        });
    }

    /// When the subscription of a tenant ends, if this run watched it.
    pub(crate) fn subscription_end(&self, transmitter: &str, tenant: &str) -> Option<SystemTime> {
        let is_its = |one: &&WatchedTenant| one.transmitter == transmitter && one.tenant == tenant;
        self.tenants.iter().find(is_its).map(|tenant| tenant.ends_at)
    }

    /// Logs why a tenant, or all tenants of a transmitter, are not watched.
    pub(crate) fn failed(
        &mut self,
        transmitter: &str,
        tenant: Option<&DirectoryId>,
        why: &(dyn Error + 'static),
    ) {
        self.failures += 1;
        let cause = error_chain(why);
        let tenant = tenant.map(DirectoryId::as_str);
        error!(transmitter, tenant, cause, "changes of Entra users are not watched");
    }

    /// The response. The metric is what the alarm waits for, so that it also reports runs that did
    /// not happen.
    pub(crate) fn finish(self) -> Result<Self, WatchError> {
        if self.failures > 0 {
            return Err(WatchError(self.failures));
        }
        info!(metric.entra_watches_completed = 1_u64, "all Entra tenants are watched");
        Ok(self)
    }
}

impl From<WatchError> for Diagnostic {
    fn from(error: WatchError) -> Self {
        Self { error_type: "WatchFailed".to_owned(), error_message: error.to_string() }
    }
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Entra tenants could not be watched; the log lines before say why", self.0)
    }
}
