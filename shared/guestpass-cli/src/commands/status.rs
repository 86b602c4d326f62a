//! `guestpass status`

use serde::Serialize;

use crate::commands::CommandContext;
use crate::report::{Result, Row};
use crate::service::ServiceAccess;

/// The selected service.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceStatus {
    /// `direct`, `ACS alone` or `local`.
    way: &'static str,
    /// What selected it.
    because: String,
    acs: String,
    api_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    console: Option<String>,
}

impl Row for ServiceStatus {
    const COLUMNS: &'static [&'static str] = &[
        "way",
        "because",
        "ACS",
        "api-version",
        "table",
        "region",
        "gateway",
        "issuer",
        "console",
    ];

    fn cells(&self) -> Vec<String> {
        let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            self.way.to_owned(),
            self.because.clone(),
            self.acs.clone(),
            self.api_version.clone(),
            or_empty(&self.table),
            or_empty(&self.region),
            or_empty(&self.gateway),
            or_empty(&self.issuer),
            or_empty(&self.console),
        ]
    }
}

/// Shows which service is selected. Sends no request, except for a connection string that is in
/// a secret in AWS: the doctor checks the rest.
pub(crate) async fn run(context: &CommandContext) -> Result<()> {
    let target = context.target().await?;
    let (way, because) = match &target.way {
        ServiceAccess::Direct { with } => ("direct", with.clone()),
        ServiceAccess::AcsAlone { with } => ("ACS alone", format!("{with}, and no table")),
        ServiceAccess::Local { file, .. } => ("local", file.display().to_string()),
    };
    let stack = target.stack();
    let region = match target.way {
        ServiceAccess::Direct { .. } => target.aws.region().await.map(|region| region.to_string()),
        ServiceAccess::AcsAlone { .. } | ServiceAccess::Local { .. } => None,
    };
    context.show(&ServiceStatus {
        way,
        because,
        acs: target.endpoints(),
        api_version: target.acs().api_version.to_string(),
        table: target.table.clone(),
        region,
        gateway: stack.map(|stack| stack.gateway.clone()),
        issuer: stack.map(|stack| stack.issuer.clone()),
        console: stack.map(|stack| stack.console.clone()),
    })
}
