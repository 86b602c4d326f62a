//! Finds the operation for a method and a path.

use hyper::Method;

/// The operation of a request, with the identifier from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RouteMatch {
    CreateIdentity,
    IssueAccessToken(String),
    RevokeAccessTokens(String),
    DeleteIdentity(String),
    /// The exchange of a Teams user's token, which is in the body.
    ExchangeTeamsToken,
    /// The exchange of a Teams Phone user's own token, which is the bearer.
    ExchangePhoneAccess,
    Assignment(Verb, AssignmentKey),
    /// The path is unknown.
    Unknown,
    /// The path is known, but the method does not match.
    WrongMethod,
}

/// The operation on an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Put,
    Delete,
}

/// The key of an assignment: GUIDs from the path, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssignmentKey {
    pub tenant: String,
    pub object: String,
}

impl AssignmentKey {
    /// The name of the assignment in the journal.
    pub(crate) fn name(&self) -> String {
        format!("teams/{}/{}", self.tenant, self.object)
    }
}

impl RouteMatch {
    /// Parses a raw path. Depending on the client, identifiers are percent-encoded (`8%3Aacs%3A…`)
    /// or have literal colons; both are the same identifier.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["identities"] => Self::only(method, &Method::POST, Self::CreateIdentity),
            ["identities", id] if !id.is_empty() => {
                Self::only(method, &Method::DELETE, Self::DeleteIdentity(percent_decoded(id)))
            }
            ["identities", id, verb] if !id.is_empty() => {
                let route = match percent_decoded(verb).as_str() {
                    ":issueAccessToken" => Self::IssueAccessToken(percent_decoded(id)),
                    ":revokeAccessTokens" => Self::RevokeAccessTokens(percent_decoded(id)),
                    _ => return Self::Unknown,
                };
                Self::only(method, &Method::POST, route)
            }
            ["teamsUser", verb] if exchanges(verb) => {
                Self::only(method, &Method::POST, Self::ExchangeTeamsToken)
            }
            ["access", "teamsExtension", verb] if exchanges(verb) => {
                Self::only(method, &Method::POST, Self::ExchangePhoneAccess)
            }
            ["access", "teamsExtension", "tenants", tenant, "assignments", object] => {
                Self::of_assignment(method, tenant, object)
            }
            _ => Self::Unknown,
        }
    }

    fn of_assignment(method: &Method, tenant: &str, object: &str) -> Self {
        let verb = match *method {
            Method::GET => Verb::Get,
            Method::PUT => Verb::Put,
            Method::DELETE => Verb::Delete,
            _ => return Self::WrongMethod,
        };
        let guid = |text: &str| percent_decoded(text).to_ascii_lowercase();
        Self::Assignment(verb, AssignmentKey { tenant: guid(tenant), object: guid(object) })
    }

    fn only(method: &Method, allowed: &Method, route: Self) -> Self {
        if method == allowed { route } else { Self::WrongMethod }
    }

    /// The identifier in the path, if the operation has one.
    pub(crate) fn identity(&self) -> Option<&str> {
        match self {
            Self::IssueAccessToken(id)
            | Self::RevokeAccessTokens(id)
            | Self::DeleteIdentity(id) => Some(id),
            _ => None,
        }
    }
}

fn exchanges(verb: &str) -> bool {
    percent_decoded(verb) == ":exchangeAccessToken"
}

/// Decodes `%XX`. Text that is not an escape stays unchanged.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, after) = escaped(rest).unwrap_or((*first, tail));
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The byte of the `%XX` at the beginning of `text`, and the rest of the text.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = text else { return None };
    Some((hex(*high)? << 4 | hex(*low)?, after))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_and_literal_colons_are_one_identifier() {
        let issue = RouteMatch::IssueAccessToken("8:acs:r_u".into());
        for path in [
            "/identities/8%3Aacs%3Ar_u/:issueAccessToken",
            "/identities/8%3aacs%3ar_u/%3AissueAccessToken",
            "/identities/8:acs:r_u/:issueAccessToken",
        ] {
            assert_eq!(RouteMatch::of(&Method::POST, path), issue, "{path}");
        }
    }

    #[test]
    fn an_unserved_path_is_unknown_and_a_wrong_method_is_distinguished() {
        for path in [
            "/",
            "/identities/",
            "/identities/x/:else",
            "/identities/x/y/z",
            "/access/entra/assignments",
        ] {
            assert_eq!(RouteMatch::of(&Method::POST, path), RouteMatch::Unknown, "{path}");
        }
        assert_eq!(RouteMatch::of(&Method::PUT, "/identities/x"), RouteMatch::WrongMethod);
        assert_eq!(RouteMatch::of(&Method::GET, "/identities/x"), RouteMatch::WrongMethod);
        assert_eq!(RouteMatch::of(&Method::DELETE, "/identities"), RouteMatch::WrongMethod);
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(percent_decoded("a%zz%4"), "a%zz%4");
        assert_eq!(percent_decoded("%3A"), ":");
    }
}
