//! The secret from which the functions read their connection string.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use identity_core::secret::Secret;

use crate::report::{CliError, Exit, Result, innermost};

/// Reads the text of the secret `arn`.
pub(crate) async fn read(arn: &str, aws: &SdkConfig) -> Result<Secret> {
    let failed = |exit| CliError::new(exit, format!("the secret {arn} cannot be read"));
    let answer = match Client::new(aws).get_secret_value().secret_id(arn).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let code = error.as_service_error().and_then(|error| error.code()).unwrap_or_default();
            let failure = match code {
                "AccessDeniedException" => failed(Exit::Refused)
                    .because("these AWS credentials may not read it")
                    .hint("use a role with secretsmanager:GetSecretValue on it; the functions need it, too"),
                "ResourceNotFoundException" => failed(Exit::Usage)
                    .because("the secret does not exist in this account and region")
                    .hint("create it, or name another: it is the template's parameter AcsSecretArn"),
                "" => failed(Exit::Later)
                    .because(innermost(&error))
                    .hint("check the region and that this machine reaches it; then try again"),
                code => failed(Exit::Refused)
                    .because(code)
                    .hint("check the region and the profile; then try again"),
            };
            return Err(failure.caused_by(&error));
        }
    };
    let text = answer.secret_string().filter(|text| !text.trim().is_empty());
    text.map(Secret::new).ok_or_else(|| {
        failed(Exit::Usage)
            .because("it has no text")
            .hint("store the connection string alone, as plain text")
    })
}
