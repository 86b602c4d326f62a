//! Events that an identity provider sends about a user.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::record::end_of;
use crate::model::{IdentityRef, Origin, Reason};

/// Something that happened to a user at their identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The source that sent the event.
    pub source: EventSource,
    /// What happened.
    pub kind: EventKind,
    /// The user or identity that the event is about.
    pub identity: IdentityRef,
    /// When it happened, in whole milliseconds; see [`Event::at_millisecond`].
    pub occurred_at: SystemTime,
    /// The resolution of the source's clock: one second if the source sends whole seconds. The
    /// event may have happened at any moment of this interval.
    pub resolution: Duration,
    /// When the event reached this deployment's queue, if it came through one.
    pub heard_at: Option<SystemTime>,
    /// The ID of the event at its source.
    pub id: String,
    /// The free-text reason.
    pub reason: Option<Reason>,
}

impl Event {
    /// The clock of an event source may be ahead of ours by this much. An event from further
    /// ahead is malformed: if it were applied, it would block the user until that time and
    /// override every decision made before then.
    pub const TOLERATED_SKEW: Duration = Duration::from_mins(5);

    /// The maximum length of an event ID that is kept, in characters.
    pub const MAX_ID_LENGTH: usize = 128;

    /// The finest resolution of a source's clock. The store keeps the same resolution.
    pub const FINEST: Duration = Duration::from_millis(1);

    /// The ID as it is kept.
    pub(crate) fn short_id(&self) -> String {
        self.id.chars().take(Self::MAX_ID_LENGTH).collect()
    }

    /// Rounds the time to the stored resolution, so that a record reads back as it was written.
    #[must_use]
    pub fn at_millisecond(time: SystemTime) -> SystemTime {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(time)
    }

    /// Whether the event's time is later than the tolerated skew allows.
    #[must_use]
    pub fn is_from_the_future(&self, now: SystemTime) -> bool {
        self.occurred_at > self.heard_at.unwrap_or(now).min(now) + Self::TOLERATED_SKEW
    }

    /// The time used to compare the event with others: the latest time that its source may mean,
    /// but not later than the time it was received, because the event happened before that.
    ///
    /// Therefore a clock that is ahead does not hide later events, and two events of the same
    /// second keep the order in which they arrived.
    #[must_use]
    pub fn counts_at(&self) -> SystemTime {
        let latest = end_of(self.occurred_at, self.resolution);
        self.heard_at.map_or(latest, |heard| latest.min(Self::at_millisecond(heard)))
    }

    /// The time after which a bearer token must have been issued. It is read from the source's
    /// clock, which also stamps the bearer tokens: if that clock is ahead, it is ahead in both.
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        end_of(self.occurred_at, self.resolution)
    }
}

/// The source of an event. Each source has its own clock, and can lift only its own blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventSource {
    /// A sender that uses the format of this project.
    Guestpass,
    /// An Amazon Cognito user pool, through `CloudTrail`.
    Cognito,
    /// An Auth0 tenant, through its log stream to `EventBridge`.
    Auth0,
    /// An Okta organisation, through its log stream to `EventBridge`.
    Okta,
    /// The assignment of users to an app of an Okta organisation, through the same log stream. It is
    /// a source of its own, so that a user who loses the app stays blocked when Okta reactivates
    /// their account.
    OktaApp,
    /// A transmitter of the Shared Signals Framework (CAEP and RISC events).
    Ssf,
    /// An `OpenID` provider, through back-channel logout.
    BackChannelLogout,
    /// An identity provider, through Global Token Revocation.
    GlobalTokenRevocation,
    /// Sign in with Apple, through its server-to-server notifications.
    Apple,
    /// Google, through Cross-Account Protection (RISC).
    Google,
    /// A directory that provisions users through SCIM.
    Scim,
    /// Microsoft Entra, through change notifications of Microsoft Graph.
    Graph,
}

impl EventSource {
    /// Every source.
    pub const ALL: [Self; 12] = [
        Self::Guestpass,
        Self::Cognito,
        Self::Auth0,
        Self::Okta,
        Self::OktaApp,
        Self::Ssf,
        Self::BackChannelLogout,
        Self::GlobalTokenRevocation,
        Self::Apple,
        Self::Google,
        Self::Scim,
        Self::Graph,
    ];

    /// The name as stored and as logged.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guestpass => "guestpass",
            Self::Cognito => "cognito",
            Self::Auth0 => "auth0",
            Self::Okta => "okta",
            Self::OktaApp => "okta-app",
            Self::Ssf => "ssf",
            Self::BackChannelLogout => "back-channel-logout",
            Self::GlobalTokenRevocation => "global-token-revocation",
            Self::Apple => "apple",
            Self::Google => "google",
            Self::Scim => "scim",
            Self::Graph => "graph",
        }
    }

    /// Whether its signals come from a configured transmitter, over HTTP. The others come from an
    /// event bus.
    #[must_use]
    pub fn is_transmitter(self) -> bool {
        !matches!(self, Self::Guestpass | Self::Cognito | Self::Auth0 | Self::Okta | Self::OktaApp)
    }

    /// Whether its events say what the status of a user is, and not that it changed. Two of them can
    /// be about one change.
    #[must_use]
    pub fn tells_status(self) -> bool {
        self == Self::Graph
    }

    /// Parses the output of [`as_str`](Self::as_str).
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == raw)
    }

    /// The origin of the source's decisions.
    #[must_use]
    pub fn origin(self) -> Origin {
        Origin::of_source(self.as_str())
    }
}

/// How the events of a source are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventMode {
    /// The events are applied.
    #[default]
    Apply,
    /// The effect of the events is only logged.
    Shadow,
}

impl EventMode {
    /// The name as in the configuration and in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Shadow => "shadow",
        }
    }
}

impl FromStr for EventMode {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "apply" => Ok(Self::Apply),
            "shadow" => Ok(Self::Shadow),
            _ => Err("give apply or shadow"),
        }
    }
}

/// The types of events about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum EventKind {
    /// The user's sessions were ended, by the user or by an administrator: revoke.
    #[serde(rename = "user.signed-out")]
    SignedOut,
    /// The user's password or second factor changed: revoke.
    #[serde(rename = "user.credentials-changed")]
    CredentialsChanged,
    /// The user may not sign in: revoke and block.
    #[serde(rename = "user.disabled")]
    Disabled,
    /// The user may sign in again: unblock.
    #[serde(rename = "user.enabled")]
    Enabled,
    /// The user's account was deleted: delete.
    #[serde(rename = "user.deleted")]
    Deleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::SignedOut, Self::CredentialsChanged, Self::Disabled, Self::Enabled, Self::Deleted];

    /// The name as in an event's `detail-type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "user.signed-out",
            Self::CredentialsChanged => "user.credentials-changed",
            Self::Disabled => "user.disabled",
            Self::Enabled => "user.enabled",
            Self::Deleted => "user.deleted",
        }
    }

    /// Parses a `detail-type`.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw)
    }
}
