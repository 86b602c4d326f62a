//! Watches the tenants of one transmitter.

use std::time::{Duration, SystemTime};

use entra_users::{
    ClientSecretSource, DeltaPage, DeltaStart, DirectoryId, DirectoryUser, GraphClient, GraphError,
};
use event_queue::{EventQueue, EventQueueError, LookUpMessage};
use graph_transmitters::ConfiguredGraph;
use identity_core::event::EventSource;
use identity_core::ports::{AccountLookUp, Clock, DirectoryCursors};
use identity_core::secret::Secret;
use tracing::warn;

use crate::output::WatchOutput;

/// What a run needs for one transmitter.
pub(crate) struct Watch<'a, S, C, D, Q> {
    /// The name of the transmitter.
    pub(crate) name: &'a str,
    pub(crate) transmitter: &'a ConfiguredGraph,
    pub(crate) client: &'a GraphClient<S, C>,
    /// The text by which Graph's notifications are recognised.
    pub(crate) client_state: &'a Secret,
    pub(crate) store: &'a D,
    pub(crate) queue: &'a Q,
    pub(crate) clock: &'a C,
    /// The ID of the run.
    pub(crate) run: &'a str,
    /// Whether the subscriptions are replaced.
    pub(crate) recreate: bool,
    /// When nothing new must be begun.
    pub(crate) until: SystemTime,
}

/// Why a tenant is not watched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TenantError {
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error("the queue of events is not reachable: {0}")]
    Queue(#[from] EventQueueError),
    #[error("where the delta query continues cannot be read or written")]
    Cursor(#[source] identity_core::Error),
}

impl<S: ClientSecretSource, C: Clock, D: DirectoryCursors, Q: EventQueue> Watch<'_, S, C, D, Q> {
    /// Watches each tenant; one that fails does not affect the others.
    pub(crate) async fn all_tenants(&self, output: &mut WatchOutput) {
        for tenant in self.transmitter.settings.tenants() {
            // The subscription comes first: a change after it is notified, and one before it is
            // found below.
            match self.keep_subscription(tenant).await {
                Err(error) => output.failed(self.name, Some(tenant), &error),
                Ok(subscription) => match self.find_changes(tenant).await {
                    Ok(changed) => output.watched(self.name, tenant, &subscription, changed),
                    Err(error) => output.failed(self.name, Some(tenant), &error),
                },
            }
        }
    }

    /// Asks who changed since the last run, and returns how many users did. The next run continues
    /// where the time of this one ends.
    async fn find_changes(&self, tenant: &DirectoryId) -> Result<usize, TenantError> {
        let name = format!("{} {tenant}", self.name);
        let mut seen = self.store.find_cursor(&name).await.map_err(TenantError::Cursor)?;
        let mut changed = 0;
        loop {
            let page = self.next_page(tenant, seen.as_deref()).await?;
            // Store first, continue later: if the run dies here, the next one finds the same users.
            changed += page.changed.len();
            self.queue.send_look_ups(&self.messages(tenant, &page)).await?;
            let saved = self.store.save_cursor(&name, seen.as_deref(), &page.link).await;
            // If another run has continued meanwhile, it does the rest.
            let is_ours = saved.map_err(TenantError::Cursor)?;
            if !is_ours || !page.has_more || self.clock.now() >= self.until {
                return Ok(changed);
            }
            seen = Some(page.link);
        }
    }

    async fn next_page(
        &self,
        tenant: &DirectoryId,
        seen: Option<&str>,
    ) -> Result<DeltaPage, GraphError> {
        // Before the first run, nothing was missed: a user who was disabled earlier has no tokens
        // any more.
        let start = seen.map_or(DeltaStart::Now, DeltaStart::After);
        match self.client.changed_users(tenant, start, self.soon()).await {
            Err(GraphError::DeltaExpired) => {
                warn!(%tenant, "Microsoft Graph forgot which changes were read: all users are looked up");
                self.client.changed_users(tenant, DeltaStart::Everyone, self.soon()).await
            }
            other => other,
        }
    }

    fn messages(&self, tenant: &DirectoryId, page: &DeltaPage) -> Vec<LookUpMessage> {
        let users = page.changed.iter().filter_map(|id| {
            let user = DirectoryUser { tenant: tenant.clone(), id: id.clone() };
            Some((self.transmitter.settings.external_id(&user)?, user))
        });
        let message = |(external_id, user): (_, DirectoryUser)| LookUpMessage {
            look_up: AccountLookUp {
                user: external_id,
                source: EventSource::Graph,
                transmitter: self.name.to_owned(),
                tenant: user.tenant.to_string(),
                object_id: user.id.to_string(),
                id: self.run.to_owned(),
            },
            mode: self.transmitter.mode,
            accepted_at: self.clock.now(),
        };
        users.map(message).collect()
    }
}

impl<S, C: Clock, D, Q> Watch<'_, S, C, D, Q> {
    /// When the answer to the next request must be there.
    pub(crate) fn soon(&self) -> SystemTime {
        self.clock.now() + PER_REQUEST
    }
}

/// The time for one request, with the pauses that Graph asks for.
const PER_REQUEST: Duration = Duration::from_secs(8);
