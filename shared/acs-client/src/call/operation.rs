//! The operations of ACS.

use reqwest::Method;

/// The operations of ACS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcsOperation {
    Create,
    Issue,
    Revoke,
    Delete,
    ExchangeTeamsUser,
    ExchangeTeamsExtension,
    FindAssignment,
    PutAssignment,
    DeleteAssignment,
}

impl AcsOperation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create identity",
            Self::Issue => "issue access token",
            Self::Revoke => "revoke access tokens",
            Self::Delete => "delete identity",
            Self::ExchangeTeamsUser => "exchange Teams user token",
            Self::ExchangeTeamsExtension => "exchange Teams extension token",
            Self::FindAssignment => "get Teams extension assignment",
            Self::PutAssignment => "put Teams extension assignment",
            Self::DeleteAssignment => "delete Teams extension assignment",
        }
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Self::Delete | Self::DeleteAssignment => Method::DELETE,
            Self::FindAssignment => Method::GET,
            Self::PutAssignment => Method::PUT,
            _ => Method::POST,
        }
    }

    pub(crate) fn is_done(self, status: u16) -> bool {
        match self {
            // Versions before 2021 return 200 for a creation.
            Self::Create | Self::PutAssignment => matches!(status, 200 | 201),
            Self::Issue
            | Self::ExchangeTeamsUser
            | Self::ExchangeTeamsExtension
            | Self::FindAssignment => status == 200,
            // Only 204 counts: a 200 may come from a proxy, and it must not confirm a revocation.
            Self::Revoke | Self::Delete | Self::DeleteAssignment => status == 204,
        }
    }
}
