//! The operations by name, as the request log and the fault script spell them.

/// An operation of the service, named by ACS's verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    CreateIdentity,
    CreateIdentityWithToken,
    IssueAccessToken,
    RevokeAccessTokens,
    DeleteIdentity,
    /// A request for something the service does not have.
    BadRoute,
}

impl Operation {
    pub(crate) const ALL: [Self; 6] = [
        Self::CreateIdentity,
        Self::CreateIdentityWithToken,
        Self::IssueAccessToken,
        Self::RevokeAccessTokens,
        Self::DeleteIdentity,
        Self::BadRoute,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreateIdentity => "createIdentity",
            Self::CreateIdentityWithToken => "createIdentityWithToken",
            Self::IssueAccessToken => "issueAccessToken",
            Self::RevokeAccessTokens => "revokeAccessTokens",
            Self::DeleteIdentity => "deleteIdentity",
            Self::BadRoute => "badRoute",
        }
    }

    /// Whether a fault written for `name` is meant for this operation:
    /// `createIdentity` means both ways of creating, `*` means everything.
    pub(crate) fn answers_to(self, name: &str) -> bool {
        name == "*"
            || name == self.name()
            || (self == Self::CreateIdentityWithToken && name == Self::CreateIdentity.name())
    }
}
