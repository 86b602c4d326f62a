use crate::auth::INSECURE_HOSTS;

/// Why a connection string is invalid. The error never quotes a part of it; positions count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// The connection string is empty.
    #[error("empty connection string; {COPY}")]
    Empty,
    /// A character, which is at this position and has this code point, is not ASCII.
    #[error(
        "invalid connection string: character {0} is U+{1:04X}, which must not be in it; {COPY}"
    )]
    NotAscii(usize, u32),
    /// A part has no `=`.
    #[error("invalid connection string: part {0} is not `name=value`; {COPY}")]
    NotAPair(usize),
    /// The two values have no names.
    #[error(
        "invalid connection string: it lacks the names of its two values; write endpoint= before \
         the URL and accesskey= before the key"
    )]
    WithoutNames,
    /// It is the endpoint, without the rest.
    #[error("invalid connection string: it is the endpoint alone; {COPY}")]
    EndpointAlone,
    /// It is an access key, without the rest.
    #[error("invalid connection string: it is an access key alone; {COPY}")]
    KeyAlone,
    /// It is the connection string of another service.
    #[error(
        "invalid connection string: it is that of {0}; use that of a Communication Services \
         resource: {COPY}"
    )]
    AnotherService(&'static str),
    /// A name is repeated.
    #[error("invalid connection string: `{0}` is repeated; {COPY}")]
    Repeated(&'static str),
    /// A name is missing.
    #[error(
        "invalid connection string: missing `{0}=`; {COPY} (in a shell, in quotes: `;` ends a command)"
    )]
    Missing(&'static str),
    /// A value is missing.
    #[error("invalid connection string: `{0}=` is empty; {COPY}")]
    NoValue(&'static str),
    /// A value is a placeholder of some instructions, or a variable that was not replaced.
    #[error("invalid `{0}`: it is a placeholder or the name of a variable; {COPY}")]
    Placeholder(&'static str),
    /// The endpoint is not a URL.
    #[error("invalid `endpoint`: must be a URL such as `https://contoso.communication.azure.com`")]
    EndpointNotUrl,
    /// The endpoint is http, and neither on this machine nor listed.
    #[error(
        "invalid `endpoint`: must be https, except for an emulator on this machine (`localhost` or \
         a loopback address) or on a host that the environment variable {INSECURE_HOSTS} lists"
    )]
    EndpointNotHttps,
    /// The endpoint has a user, a path, a query, or a fragment.
    #[error("invalid `endpoint`: must not have a user, path, query or fragment")]
    EndpointNotBare,
    /// A character of the access key is not base64.
    #[error(
        "invalid `accesskey`: character {0} is not base64; copy the key without other text from {PORTAL}"
    )]
    KeyCharacter(usize),
    /// A character of the access key is a space.
    #[error(
        "invalid `accesskey`: character {0} is a space; a `+` may have been decoded as in a URL. \
         Copy the key from {PORTAL}"
    )]
    KeySpace(usize),
    /// The access key is encoded as in a URL.
    #[error("invalid `accesskey`: it is URL-encoded; replace %2B by +, %2F by / and %3D by =")]
    KeyUrlEncoded,
    /// Characters of the access key are missing.
    #[error("invalid `accesskey`: characters are missing; copy all of it from {PORTAL}")]
    KeyIncomplete,
}

const COPY: &str =
    "copy all of it from the resource's page \"Keys\" in the Azure portal: endpoint=…;accesskey=…";
const PORTAL: &str = "the resource's page \"Keys\" in the Azure portal";

/// The name of the endpoint.
pub(super) const ENDPOINT: &str = "endpoint";

/// The name of the access key.
pub(super) const ACCESS_KEY: &str = "accesskey";
