//! The settings of a deployment that decide which users a message is about.

use std::str::FromStr;

use identity_core::identity::{Issuer, SubjectClaims};

use crate::issuers::EventIssuers;

/// The settings of a deployment that decide which users a message is about.
#[derive(Clone, Debug)]
pub struct EventSettings {
    /// The issuers whose tokens the deployment accepts.
    pub issuers: EventIssuers,
    /// The claims that name a user within their issuer. The events of providers name a user by one
    /// value, which is taken for the value of this claim. If there are several claims, such events
    /// are ignored.
    pub subject_claims: SubjectClaims,
    /// Which of Okta's two names of a user is the subject of the user's tokens.
    pub okta_subject: OktaSubject,
    /// The ID of the app in Okta whose users may get tokens, such as `0oa1gjh63g214q0Hq0g4`.
    pub okta_app: Option<String>,
}

impl EventSettings {
    /// The default settings for the users of `issuer`.
    #[must_use]
    pub fn of(issuer: Issuer) -> Self {
        Self {
            issuers: EventIssuers::new(issuer, []),
            subject_claims: SubjectClaims::default(),
            okta_subject: OktaSubject::default(),
            okta_app: None,
        }
    }

    /// Okta's name of a user that is the subject: the claim `uid` is always the ID.
    pub(crate) fn okta_subject(&self) -> OktaSubject {
        if self.subject_claims.names() == ["uid"] { OktaSubject::Id } else { self.okta_subject }
    }

    /// Whether one value is enough to name a user.
    pub(crate) fn have_one_subject_claim(&self) -> bool {
        self.subject_claims.names().len() == 1
    }
}

/// Which of Okta's two names of a user is the subject of the user's tokens.
///
/// A setting of the authorization server decides that, and no event says it. The other name belongs
/// to no user, so an event about both names is safe: it changes the right record in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OktaSubject {
    /// An event is about both names.
    #[default]
    Both,
    /// The subject is the login (`alternateId`).
    Login,
    /// The subject is the ID (`id`), which never changes.
    Id,
}

impl OktaSubject {
    pub(crate) fn has_login(self) -> bool {
        self != Self::Id
    }

    pub(crate) fn has_id(self) -> bool {
        self != Self::Login
    }
}

/// The text is not a name of a value of [`OktaSubject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be both, login or id")]
pub struct InvalidOktaSubject;

impl FromStr for OktaSubject {
    type Err = InvalidOktaSubject;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "both" => Ok(Self::Both),
            "login" => Ok(Self::Login),
            "id" => Ok(Self::Id),
            _ => Err(InvalidOktaSubject),
        }
    }
}
