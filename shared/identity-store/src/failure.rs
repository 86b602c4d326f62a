use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use identity_core::Error;

/// Maps a failed request to an error of the core.
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

/// Errors for which a retry does not help: the table is missing, the function lacks permissions
/// for it, or the request is invalid.
const OURS: [&str; 6] = [
    "AccessDeniedException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
];
