use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use identity_core::Error;

/// What a failed request means to the rules.
pub(crate) fn failure<E>(error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    if code.is_some_and(|code| OURS.contains(&code)) {
        Error::StoreRefused(error.into())
    } else {
        Error::StoreUnavailable(error.into())
    }
}

/// Answers that will not get better by waiting: the table is missing, the function
/// may not use it, or the request is wrong.
const OURS: [&str; 6] = [
    "AccessDeniedException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
];
