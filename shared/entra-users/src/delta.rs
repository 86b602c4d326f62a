//! The users who changed, from the delta query.

use std::time::SystemTime;

use https_client::Method;
use identity_core::ports::Clock;
use serde::Deserialize;

use crate::app::ClientSecretSource;
use crate::client::{GraphClient, GraphRequest};
use crate::directory_id::DirectoryId;
use crate::error::GraphError;

/// Where a delta query begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaStart<'a> {
    /// From now on: the page has no users.
    Now,
    /// From the beginning: every user of the tenant has changed.
    Everyone,
    /// Where the page with this link ended.
    After(&'a str),
}

/// A page of users who changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaPage {
    /// The users, also those who were deleted.
    pub changed: Vec<DirectoryId>,
    /// The link with which the query continues, at most [`DeltaPage::LONGEST_LINK`] bytes.
    pub link: String,
    /// Whether there are more pages now.
    pub has_more: bool,
}

impl DeltaPage {
    /// The longest link that is accepted. Graph's links have about a kilobyte.
    pub const LONGEST_LINK: usize = 16 * 1024;
}

#[derive(Deserialize)]
struct DeltaBody {
    value: Vec<ChangedUser>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

#[derive(Deserialize)]
struct ChangedUser {
    id: String,
}

impl<S: ClientSecretSource, C: Clock> GraphClient<S, C> {
    /// Asks who changed. Fails with [`GraphError::DeltaExpired`] if Graph no longer knows, which
    /// happens if the query was not continued for some days.
    pub async fn changed_users(
        &self,
        tenant: &DirectoryId,
        start: DeltaStart<'_>,
        until: SystemTime,
    ) -> Result<DeltaPage, GraphError> {
        let url = match start {
            DeltaStart::Now => format!("{}&$deltatoken=latest", self.delta_url()),
            DeltaStart::Everyone => self.delta_url(),
            // A link that was stored for another cloud is of no use.
            DeltaStart::After(link) => {
                self.own_link(link.to_owned()).ok_or(GraphError::DeltaExpired)?
            }
        };
        let request = GraphRequest { method: Method::GET, url: &url, body: None, until };
        let response = self.send(tenant, &request).await?;
        if response.status == 410 || EXPIRED.contains(&response.error_code().as_str()) {
            return Err(GraphError::DeltaExpired);
        }
        let body: DeltaBody = response.read(DELTA)?;
        let has_more = body.next.is_some();
        let link = body.next.or(body.delta).and_then(|link| self.own_link(link));
        let link = link.filter(|link| link.len() <= DeltaPage::LONGEST_LINK);
        let link = link.ok_or(GraphError::Invalid("Graph's changed users: no usable link"))?;
        let ids = body.value.iter().map(|user| user.id.parse());
        let changed = ids.collect::<Result<_, _>>().map_err(|_| GraphError::Invalid(DELTA))?;
        Ok(DeltaPage { changed, link, has_more })
    }

    /// Only changes of these two properties are reported, and deletions.
    fn delta_url(&self) -> String {
        format!(
            "{}/v1.0/users/delta?$select=accountEnabled,signInSessionsValidFromDateTime",
            self.app.graph_url
        )
    }
}

const DELTA: &str = "Graph's changed users";

/// The codes that Graph uses beside the status 410.
const EXPIRED: [&str; 3] = ["resyncRequired", "syncStateNotFound", "Directory_ExpiredPageToken"];
