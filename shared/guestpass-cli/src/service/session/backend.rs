//! What the commands for single identities work on.

use super::{AcsAlone, ServiceSession};
use crate::report::Result;
use crate::service::{ServiceAccess, Target};

/// What a command works on that needs no record.
pub(crate) enum IdentityBackend {
    /// A service: its table knows the identities and their users.
    Service(Box<ServiceSession>),
    /// An ACS resource alone.
    Acs(Box<AcsAlone>),
}

impl IdentityBackend {
    /// Builds the clients of what is selected.
    pub(crate) async fn of(target: Target) -> Result<Self> {
        match target.way {
            ServiceAccess::AcsAlone { .. } => Ok(Self::Acs(Box::new(AcsAlone::of(target).await?))),
            ServiceAccess::Direct { .. } | ServiceAccess::Local { .. } => {
                Ok(Self::Service(Box::new(ServiceSession::of(target).await?)))
            }
        }
    }

    /// What is selected.
    pub(crate) fn target(&self) -> &Target {
        match self {
            Self::Service(session) => &session.target,
            Self::Acs(alone) => &alone.target,
        }
    }
}
