//! `guestpass resource list`

use identity_core::resource::{Placement, ResourceName, ResourceShare};
use identity_store::{ResourceCensus, ResourceRecords};
use serde::Serialize;

use crate::commands::CommandContext;
use crate::report::{Result, Row, note};
use crate::service::{ConfiguredResources, ServiceSession};

/// Lists the ACS resources.
pub(crate) async fn run(context: &CommandContext) -> Result<()> {
    context.format()?;
    let target = context.target().await?;
    if target.resources.placement().is_none() {
        note(&format!("warning: {}", target.resources.unknown_placement().in_short()));
    }
    let session = ServiceSession::of(target).await?;
    // A large table takes longer than a request may.
    let counted = session.store.count_by_resource(None).await;
    let census = counted.map_err(|error| session.explain(&error))?;
    context.show_rows(rows(&session.target.resources, census), &session.clock)
}

/// A resource of the service, or one that only records name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedResource {
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u16>,
    /// The share of new identities, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    identities: u64,
    /// Possibly orphaned identities that the scheduled job has still to delete.
    orphans: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
}

impl Row for ListedResource {
    const COLUMNS: &'static [&'static str] =
        &["name", "state", "share", "identities", "orphans", "endpoint"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.state.to_owned(),
            self.share.map(|share| format!("{share:.0} %")).unwrap_or_default(),
            self.identities.to_string(),
            self.orphans.to_string(),
            shortened(self.endpoint.as_deref().unwrap_or_default()),
        ]
    }
}

fn rows(resources: &ConfiguredResources, mut census: ResourceCensus) -> Vec<ListedResource> {
    let placement = resources.placement();
    let configured = resources.iter().map(|(name, config)| (name, Some(config.endpoint.host())));
    let mut rows: Vec<_> = configured
        .map(|(name, host)| row(name, host, placement, census.resources.remove(name)))
        .collect();
    rows.extend(census.resources.iter().map(|(name, found)| ListedResource {
        state: "unconfigured",
        ..row(name, None, placement, Some(found.clone()))
    }));
    rows
}

fn row(
    name: &ResourceName,
    host: Option<&str>,
    placement: Option<&Placement>,
    found: Option<ResourceRecords>,
) -> ListedResource {
    let listed = |placement: &Placement| {
        placement.shares().find_map(|(one, share)| (one == name).then_some(share))
    };
    let (state, weight) = match placement.map(listed) {
        None => ("unknown", None),
        Some(None) => ("unlisted", None),
        Some(Some(ResourceShare::Draining)) => ("draining", None),
        Some(Some(ResourceShare::Open { weight })) => ("open", Some(weight)),
    };
    let ResourceRecords { identities, orphans, .. } = found.unwrap_or_default();
    ListedResource {
        name: name.to_string(),
        state,
        weight,
        share: weight.zip(placement).map(|(weight, placement)| percent(weight, placement)),
        identities,
        orphans,
        endpoint: host.map(ToOwned::to_owned),
    }
}

/// The host of an endpoint without the domain of ACS, so that the table fits 80 columns.
fn shortened(host: &str) -> String {
    host.strip_suffix(".communication.azure.com").unwrap_or(host).to_owned()
}

/// The share of a weight, in percent, with one decimal.
fn percent(weight: u16, placement: &Placement) -> f64 {
    let weights = placement.shares().map(|(_, share)| match share {
        ResourceShare::Open { weight } => u32::from(weight),
        ResourceShare::Draining => 0,
    });
    let total = f64::from(weights.sum::<u32>());
    (f64::from(weight) / total * 1000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_shown_without_the_domain_of_acs() {
        for (host, expected) in [
            ("contoso.europe.communication.azure.com", "contoso.europe"),
            ("localhost:8080", "localhost:8080"),
        ] {
            assert_eq!(shortened(host), expected);
        }
    }

    #[test]
    fn a_share_is_the_part_of_the_weights_of_open_resources() {
        let json = r#"{"main": {}, "eu2": {"weight": 2}, "old": {"state": "draining"}}"#;
        let placement: Placement = serde_json::from_str(json).unwrap();
        let found = ["eu2", "main", "old", "other"].map(|name| {
            let row = row(&ResourceName::parse(name).unwrap(), None, Some(&placement), None);
            (row.state, row.weight, row.share)
        });
        let open = |weight, share| ("open", Some(weight), Some(share));
        let closed = [("draining", None, None), ("unlisted", None, None)];
        assert_eq!(found, [open(2, 66.7), open(1, 33.3), closed[0], closed[1]]);
        assert_eq!(row(&ResourceName::MAIN, None, None, None).state, "unknown");
    }
}
