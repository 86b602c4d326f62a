//! The types of the messages that can have an effect, as their providers spell them.
//!
//! The rules of the template pass messages of these types and no others, because each message costs
//! a delivery: a provider sends a thousand logins for each user who is cut off. A test compares
//! both.

use identity_core::event::EventKind::{
    self, CredentialsChanged, Deleted, Disabled, Enabled, SignedOut,
};

/// The calls of Cognito's API (detail type `AWS API Call via CloudTrail`).
pub const COGNITO_CALLS: &[(&str, EventKind)] = &[
    ("AdminDisableUser", Disabled),
    ("AdminEnableUser", Enabled),
    ("AdminDeleteUser", Deleted),
    ("DeleteUser", Deleted),
    ("AdminUserGlobalSignOut", SignedOut),
    ("GlobalSignOut", SignedOut),
    ("RevokeToken", SignedOut),
    ("AdminResetUserPassword", CredentialsChanged),
    ("AdminSetUserPassword", CredentialsChanged),
    ("ChangePassword", CredentialsChanged),
    ("ConfirmForgotPassword", CredentialsChanged),
];

/// The requests to Cognito's managed login and its older hosted pages (detail type `AWS Service
/// Event via CloudTrail`). Most of them name no user.
pub const COGNITO_PAGES: &[(&str, EventKind)] = &[
    ("Logout", SignedOut),
    ("Logout_GET", SignedOut),
    ("SAML2Logout_POST", SignedOut),
    ("ConfirmForgotPassword_POST", CredentialsChanged),
    ("ResetPassword_POST", CredentialsChanged),
];

/// The entries of Auth0's log that name their user.
pub const AUTH0_LOG_KINDS: &[(&str, EventKind)] = &[
    ("slo", SignedOut),
    ("universal_logout_succeeded", SignedOut),
    ("scp", CredentialsChanged),
    ("sdu", Deleted),
];

/// The entries of Auth0's log about calls of its API: of the Management API and of SCIM clients.
pub const AUTH0_LOG_CALLS: &[&str] = &["sapi", "sscim"];

/// The events of Auth0's Event Streams.
pub const AUTH0_STREAM: &[&str] = &["user.updated", "user.deleted"];

/// The events of Okta's System Log.
///
/// A changed or removed factor counts, a new one does not, as in Okta's own mapping to CAEP's
/// *credential change*. `user.account.lock` is missing on purpose: its outcome is `FAILURE`, it ends
/// no session, and every caller who knows a login can cause it.
pub const OKTA: &[(&str, EventKind)] = &[
    ("user.lifecycle.deactivate", Disabled),
    ("user.lifecycle.suspend", Disabled),
    ("user.lifecycle.activate", Enabled),
    ("user.lifecycle.reactivate", Enabled),
    ("user.lifecycle.unsuspend", Enabled),
    ("user.lifecycle.delete.initiated", Deleted),
    ("user.lifecycle.delete.completed", Deleted),
    ("user.session.end", SignedOut),
    ("user.session.clear", SignedOut),
    ("user.authentication.universal_logout", SignedOut),
    ("user.account.update_password", CredentialsChanged),
    ("user.account.reset_password", CredentialsChanged),
    ("user.mfa.factor.deactivate", CredentialsChanged),
    ("user.mfa.factor.reset_all", CredentialsChanged),
    ("user.mfa.factor.suspend", CredentialsChanged),
    ("user.mfa.factor.unsuspend", CredentialsChanged),
    ("user.mfa.factor.update", CredentialsChanged),
];

/// The events of Okta's System Log that count for the configured app only.
pub const OKTA_APP: &[(&str, EventKind)] = &[
    ("application.user_membership.add", Enabled),
    ("application.user_membership.remove", Disabled),
];

/// The kind of the type `name` in a list.
pub(crate) fn kind_in(list: &[(&str, EventKind)], name: &str) -> Option<EventKind> {
    list.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}
