//! Checks the secret that the functions read: does it exist, and is it for the same resource?

use acs_client::ConnectionString;

use crate::checks::Check;
use crate::report::Result;
use crate::service::{ServiceAccess, Target, aws, secret};

/// Checks the secret `arn`.
pub(crate) async fn look(arn: &str, target: &Target) -> Check {
    let text = match read(arn, target).await {
        Ok(text) => text,
        Err(failure) => return Check::failed("secret", &failure),
    };
    let theirs: ConnectionString = match text.expose().trim().parse() {
        Ok(theirs) => theirs,
        Err(error) => {
            return Check::bad(
                "secret",
                format!("it does not contain a valid connection string: {error}"),
                "store the connection string alone, as plain text",
            );
        }
    };
    let own = &target.acs.endpoint;
    if *own == theirs.endpoint {
        Check::good("secret", format!("the functions use {own}, too"))
    } else {
        Check::bad(
            "secret",
            format!("it is for {}, and yours for {own}", theirs.endpoint),
            "use the same resource for both",
        )
    }
}

async fn read(arn: &str, target: &Target) -> Result<identity_core::secret::Secret> {
    match &target.way {
        ServiceAccess::Local { stack, .. } => {
            secret::read(arn, &aws::local_config(&stack.secrets).await).await
        }
        ServiceAccess::Direct { .. } => secret::read(arn, target.aws.config().await?).await,
    }
}
