//! Keeps one subscription for a tenant. Graph's own list is the truth, so that nothing must be
//! repaired: a run that died after it created a subscription is followed by one that finds it.

use entra_users::{ClientSecretSource, DirectoryId, GraphError, UserSubscription};
use identity_core::ports::Clock;
use tracing::info;

use crate::watch::Watch;

impl<S: ClientSecretSource, C: Clock, D, Q> Watch<'_, S, C, D, Q> {
    /// Renews the subscription of `tenant`, or creates one. Deletes all others that send to us.
    ///
    /// Each run renews it, which also answers Graph's request to reauthorize it.
    pub(crate) async fn keep_subscription(
        &self,
        tenant: &DirectoryId,
    ) -> Result<UserSubscription, GraphError> {
        let url = &self.transmitter.settings.notification_url;
        let found = self.client.user_subscriptions(tenant, url, self.soon()).await?;
        let mut kept = None;
        for subscription in &found {
            if kept.is_none() && !self.recreate {
                kept =
                    self.client.renew_subscription(tenant, &subscription.id, self.soon()).await?;
                if kept.is_some() {
                    continue;
                }
            }
            self.client.delete_subscription(tenant, &subscription.id, self.soon()).await?;
        }
        if let Some(kept) = kept {
            return Ok(kept);
        }
        info!(%tenant, "creating a subscription to the changes of Entra users");
        self.client.subscribe_to_users(tenant, url, self.client_state, self.soon()).await
    }
}
