//! Checks the secret that the functions read: does it exist, and is it for the same resource?

use std::collections::BTreeMap;

use acs_client::{Endpoint, connection_strings};
use identity_core::resource::ResourceName;

use crate::checks::Check;
use crate::report::Result;
use crate::service::{ServiceAccess, Target, aws, secret};

/// Checks the secret `arn`.
pub(crate) async fn look(arn: &str, target: &Target) -> Check {
    let text = match read(arn, target).await {
        Ok(text) => text,
        Err(failure) => return Check::failed("secret", &failure),
    };
    let theirs = match connection_strings(text.expose()) {
        Ok(theirs) => theirs,
        Err(error) => {
            return Check::bad(
                "secret",
                format!("it does not contain a valid connection string: {error}"),
                "store the connection string alone, as plain text",
            );
        }
    };
    let theirs: BTreeMap<_, _> =
        theirs.iter().map(|(name, string)| (name, &string.endpoint)).collect();
    let own = target.resources.iter().map(|(name, config)| (name, &config.endpoint)).collect();
    if theirs == own {
        Check::good("secret", format!("the functions use {}, too", listed(&own)))
    } else {
        Check::bad(
            "secret",
            format!("it is for {}, and yours for {}", listed(&theirs), listed(&own)),
            if theirs.len() == 1 && own.len() == 1 {
                "use the same resource for both"
            } else {
                "use the same resources for both, with the same names: give this secret as --secret"
            },
        )
    }
}

/// The endpoints, with the names of the resources if there are several.
fn listed(endpoints: &BTreeMap<&ResourceName, &Endpoint>) -> String {
    if let (1, Some(only)) = (endpoints.len(), endpoints.values().next()) {
        return only.to_string();
    }
    let each = endpoints.iter().map(|(name, endpoint)| format!("{name} ({endpoint})"));
    each.collect::<Vec<_>>().join(", ")
}

async fn read(arn: &str, target: &Target) -> Result<identity_core::secret::Secret> {
    match &target.way {
        ServiceAccess::Local { stack, .. } => {
            secret::read(arn, &aws::local_config(&stack.secrets).await).await
        }
        ServiceAccess::Direct { .. } | ServiceAccess::AcsAlone { .. } => {
            secret::read(arn, target.aws.config().await?).await
        }
    }
}
