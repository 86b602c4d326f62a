//! The subscription to changes of users.

use std::time::{Duration, SystemTime};

use https_client::Method;
use identity_core::ports::Clock;
use identity_core::secret::Secret;
use serde::Deserialize;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcDateTime};

use crate::app::ClientSecretSource;
use crate::client::{GraphClient, GraphRequest, GraphResponse};
use crate::directory_id::DirectoryId;
use crate::error::GraphError;
use crate::user::parse_time;

/// A subscription to the changes of a tenant's users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSubscription {
    /// The id of the subscription.
    pub id: DirectoryId,
    /// When it ends, as Graph says.
    pub ends_at: SystemTime,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionBody {
    id: String,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    notification_url: String,
    expiration_date_time: String,
}

#[derive(Deserialize)]
struct SubscriptionList {
    value: Vec<SubscriptionBody>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

impl<S: ClientSecretSource, C: Clock> GraphClient<S, C> {
    /// The lifetime that is requested for a subscription. Graph allows 29 days for users. Each run
    /// renews the subscription, so that a longer lifetime would gain nothing, and a subscription
    /// that was forgotten ends soon.
    pub const SUBSCRIPTION_LIFETIME: Duration = Duration::from_hours(70);

    /// The app's subscriptions to users in `tenant` that send to `notification_url`, those that end
    /// last first.
    pub async fn user_subscriptions(
        &self,
        tenant: &DirectoryId,
        notification_url: &str,
        until: SystemTime,
    ) -> Result<Vec<UserSubscription>, GraphError> {
        let mut found = Vec::new();
        let mut url = self.subscriptions_url();
        for _ in 0..MOST_PAGES {
            let request = GraphRequest { method: Method::GET, url: &url, body: None, until };
            let response = self.send(tenant, &request).await?;
            let list: SubscriptionList = response.read(LIST)?;
            for body in list.value {
                // A partner topic of Event Grid is spelled in Azure's case.
                let is_ours = body.notification_url.eq_ignore_ascii_case(notification_url)
                    && body.resource.trim_matches('/').eq_ignore_ascii_case("users");
                if is_ours {
                    found.push(body.read()?);
                }
            }
            let Some(next) = list.next else {
                found.sort_by_key(|subscription| std::cmp::Reverse(subscription.ends_at));
                return Ok(found);
            };
            url = self.own_link(next).ok_or(GraphError::Invalid(LIST))?;
        }
        Err(GraphError::Invalid("Graph's list of subscriptions: too many pages"))
    }

    /// Creates a subscription to the users of `tenant`. Before it answers, Graph sends a request to
    /// `notification_url`, to see that we want the notifications.
    pub async fn subscribe_to_users(
        &self,
        tenant: &DirectoryId,
        notification_url: &str,
        client_state: &Secret,
        until: SystemTime,
    ) -> Result<UserSubscription, GraphError> {
        let body = json!({
            "changeType": "updated,deleted",
            "resource": "users",
            "notificationUrl": notification_url,
            "lifecycleNotificationUrl": notification_url,
            "clientState": client_state.expose(),
            "expirationDateTime": self.end_of_subscription()?,
        });
        let url = self.subscriptions_url();
        let request = GraphRequest { method: Method::POST, url: &url, body: Some(body), until };
        subscription(&self.send(tenant, &request).await?)
    }

    /// Renews a subscription; `None` if it no longer exists.
    pub async fn renew_subscription(
        &self,
        tenant: &DirectoryId,
        id: &DirectoryId,
        until: SystemTime,
    ) -> Result<Option<UserSubscription>, GraphError> {
        let body = json!({ "expirationDateTime": self.end_of_subscription()? });
        let url = format!("{}/{id}", self.subscriptions_url());
        let request = GraphRequest { method: Method::PATCH, url: &url, body: Some(body), until };
        let response = self.send(tenant, &request).await?;
        if response.status == 404 { Ok(None) } else { subscription(&response).map(Some) }
    }

    /// Deletes a subscription. One that does not exist is deleted already.
    pub async fn delete_subscription(
        &self,
        tenant: &DirectoryId,
        id: &DirectoryId,
        until: SystemTime,
    ) -> Result<(), GraphError> {
        let url = format!("{}/{id}", self.subscriptions_url());
        let request = GraphRequest { method: Method::DELETE, url: &url, body: None, until };
        let response = self.send(tenant, &request).await?;
        match response.status {
            200..=299 | 404 => Ok(()),
            _ => Err(response.refused()),
        }
    }

    fn subscriptions_url(&self) -> String {
        format!("{}/v1.0/subscriptions", self.app.graph_url)
    }

    fn end_of_subscription(&self) -> Result<String, GraphError> {
        let end =
            UtcDateTime::from(OffsetDateTime::from(self.clock.now() + Self::SUBSCRIPTION_LIFETIME));
        end.truncate_to_second().format(&Rfc3339).map_err(|_| GraphError::Invalid("the clock"))
    }

    /// A link of Graph, if it leads to Graph: requests have the app's token.
    pub(crate) fn own_link(&self, link: String) -> Option<String> {
        let path = link.strip_prefix(&self.app.graph_url)?;
        path.starts_with('/').then_some(link)
    }
}

fn subscription(response: &GraphResponse) -> Result<UserSubscription, GraphError> {
    response.read::<SubscriptionBody>("Graph's subscription")?.read()
}

impl SubscriptionBody {
    fn read(self) -> Result<UserSubscription, GraphError> {
        let id = self.id.parse().map_err(|_| GraphError::Invalid("Graph's subscription: id"))?;
        Ok(UserSubscription { id, ends_at: parse_time(&self.expiration_date_time)? })
    }
}

const LIST: &str = "Graph's list of subscriptions";

/// An app has a few subscriptions in a tenant; a page has a hundred.
const MOST_PAGES: usize = 20;
