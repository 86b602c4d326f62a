//! The secret the functions read: is it there, and is it the same resource?

use acs_client::ConnectionString;
use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata as _};

use super::Check;
use crate::{
    failure::{Result, chain},
    target::Target,
    world,
};

/// Looks at the secret `arn`.
pub(crate) async fn look(arn: &str, target: &Target) -> Result<Check> {
    let client = Client::new(&world::aws(target).await?);
    let answer = match client.get_secret_value().secret_id(arn).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let code = error.as_service_error().and_then(|error| error.code()).unwrap_or_default();
            let (why, todo) = match code {
                "AccessDeniedException" => (
                    "these AWS credentials may not read it".to_owned(),
                    "use a role with secretsmanager:GetSecretValue on it; the functions need it, too",
                ),
                "ResourceNotFoundException" => (
                    "there is no such secret in this account and region".to_owned(),
                    "create it, or name another: it is the template's parameter AcsSecretArn",
                ),
                _ => (
                    chain(&error).pop().unwrap_or_default(),
                    "check the region and the profile; then try again",
                ),
            };
            return Ok(Check::bad("secret", format!("{arn}: {why}"), todo));
        }
    };
    let text = answer.secret_string().unwrap_or_default();
    let theirs: ConnectionString = match text.parse() {
        Ok(theirs) => theirs,
        Err(error) => {
            return Ok(Check::bad(
                "secret",
                format!("its text is no connection string: {error}"),
                "store the connection string alone, as plain text",
            ));
        }
    };
    let own = &target.acs.endpoint;
    Ok(if *own == theirs.endpoint {
        Check::good("secret", format!("the functions use {own}, too"))
    } else {
        Check::bad(
            "secret",
            format!("it is for {}, and yours for {own}", theirs.endpoint),
            "use the same resource for both",
        )
    })
}
