use std::time::SystemTime;

/// A request of a provider that has authenticated itself.
#[derive(Clone, Debug)]
pub struct ScimRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The decoded path after `/scim/v2/`.
    pub path: &'a str,
    /// The decoded parameters of the query.
    pub query: &'a [(String, String)],
    /// The header `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The header `Content-Encoding`.
    pub content_encoding: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
    /// The URL of `/scim/v2`, without a slash at the end, for the locations of resources.
    pub base_url: &'a str,
}

/// The time of a request, and a new ID for a user or an event.
#[derive(Clone, Debug)]
pub struct ScimStamp {
    /// When the request came, in whole milliseconds.
    pub now: SystemTime,
    /// An ID that no other request has.
    pub id: String,
}
