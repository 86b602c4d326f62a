//! What each kind of transmitter needs to know.

mod apple;
mod back_channel_logout;
mod global_token_revocation;
mod google;
mod graph;
mod partner_topic;
mod scim;
mod ssf;

use identity_core::event::EventSource;

use super::accepted_users::AcceptedUsers;
use super::members::{Members, TransmitterError, invalid};
use super::message_issuer::MessageIssuer;

pub use apple::AppleSettings;
pub use back_channel_logout::BackChannelLogoutSettings;
pub use global_token_revocation::GlobalTokenRevocationSettings;
pub use google::GoogleSettings;
pub use graph::GraphSettings;
pub use partner_topic::PartnerTopic;
pub use scim::ScimSettings;
pub use ssf::{SsfDelivery, SsfSettings};

/// The settings of a transmitter, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransmitterSettings {
    /// The Shared Signals Framework.
    Ssf(SsfSettings),
    /// `OpenID` Connect Back-Channel Logout.
    BackChannelLogout(BackChannelLogoutSettings),
    /// Global Token Revocation.
    GlobalTokenRevocation(GlobalTokenRevocationSettings),
    /// Sign in with Apple.
    Apple(AppleSettings),
    /// Google Cross-Account Protection.
    Google(GoogleSettings),
    /// SCIM.
    Scim(ScimSettings),
    /// Microsoft Graph.
    Graph(GraphSettings),
}

impl TransmitterSettings {
    /// Takes the members of a transmitter of this kind.
    pub(crate) fn take(
        kind: EventSource,
        members: &mut Members,
        users: &AcceptedUsers,
    ) -> Result<Self, TransmitterError> {
        Ok(match kind {
            EventSource::Ssf => Self::Ssf(SsfSettings::take(members, users)?),
            EventSource::BackChannelLogout => {
                Self::BackChannelLogout(BackChannelLogoutSettings::take(members, users)?)
            }
            EventSource::GlobalTokenRevocation => {
                Self::GlobalTokenRevocation(GlobalTokenRevocationSettings::take(members, users)?)
            }
            EventSource::Apple => Self::Apple(AppleSettings::take(members, users)?),
            EventSource::Google => Self::Google(GoogleSettings::take(members, users)?),
            EventSource::Scim => Self::Scim(ScimSettings::take(members, users)?),
            EventSource::Graph => Self::Graph(GraphSettings::take(members, users)?),
            EventSource::Guestpass
            | EventSource::Cognito
            | EventSource::Auth0
            | EventSource::Okta
            | EventSource::OktaApp => return Err(invalid("kind", "a kind of transmitter")),
        })
    }

    /// Who signs the messages. SCIM and Microsoft Graph do not sign theirs.
    #[must_use]
    pub fn message_issuer(&self) -> Option<&MessageIssuer> {
        Some(match self {
            Self::Ssf(settings) => &settings.issuer,
            Self::BackChannelLogout(settings) => &settings.issuer,
            Self::GlobalTokenRevocation(settings) => &settings.issuer,
            Self::Apple(settings) => &settings.issuer,
            Self::Google(settings) => &settings.issuer,
            Self::Scim(_) | Self::Graph(_) => return None,
        })
    }

    /// Whether the keys of the transmitter may be fetched by plain HTTP, because it is a development
    /// transmitter on this machine.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        let is_plain = |url: &String| url.starts_with("http://");
        self.message_issuer()
            .is_some_and(|one| is_plain(&one.issuer) || one.jwks_uri.as_ref().is_some_and(is_plain))
    }

    /// The kind.
    #[must_use]
    pub fn source(&self) -> EventSource {
        match self {
            Self::Ssf(_) => EventSource::Ssf,
            Self::BackChannelLogout(_) => EventSource::BackChannelLogout,
            Self::GlobalTokenRevocation(_) => EventSource::GlobalTokenRevocation,
            Self::Apple(_) => EventSource::Apple,
            Self::Google(_) => EventSource::Google,
            Self::Scim(_) => EventSource::Scim,
            Self::Graph(_) => EventSource::Graph,
        }
    }
}
