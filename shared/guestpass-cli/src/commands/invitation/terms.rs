//! What several commands about invitations read.

use std::time::SystemTime;

use identity_core::guest::InvitationId;
use identity_core::inviter::Inviter;
use identity_core::policy::{GuestPolicy, Policy};

use crate::input::parse_time;
use crate::options::{GuestPolicyFile, InvitationEnd};
use crate::report::{CliError, Exit, Result};
use crate::service::ServiceSession;

/// What the policy permits for guests.
pub(super) fn guest_policy(file: &GuestPolicyFile) -> Result<GuestPolicy> {
    let Some(path) = &file.policy else { return defaults() };
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::usage(format!("cannot read the policy from {}", path.display()))
            .because(error.to_string())
            .hint("name a file that you can read")
    })?;
    let policy: Policy = serde_json::from_str(&text).map_err(|error| {
        CliError::usage("invalid policy")
            .because(error.to_string())
            .hint("correct the template's Policy")
    })?;
    policy.guests().cloned().ok_or_else(|| {
        CliError::usage("the policy permits no guests")
            .because("it has no member `guests`")
            .hint("add `\"guests\": {}` to the template's Policy")
    })
}

/// What a policy with an empty member `guests` permits.
pub(super) fn defaults() -> Result<GuestPolicy> {
    serde_json::from_str("{}").map_err(|error| CliError::usage(error.to_string()))
}

/// Reads the id of an invitation.
pub(super) fn invitation_id(raw: &str) -> Result<InvitationId> {
    // A handle is a secret, so the value is not repeated.
    InvitationId::parse(raw).ok_or_else(|| {
        CliError::usage("invalid id of an invitation")
            .because("it has 43 characters; a handle (gp_…) is not the id")
            .hint("look it up with `guestpass invitation list`")
    })
}

/// Explains why a command about one invitation failed. The general explanation of an unknown name is
/// about identities.
pub(super) fn about_invitation(failure: CliError) -> CliError {
    match failure.exit {
        Exit::NotFound => CliError::new(Exit::NotFound, "invitation not found")
            .because("the table has no invitation with this id; it keeps one for 30 days after its guests are deleted")
            .hint("`guestpass invitation list` shows the ids"),
        _ => failure,
    }
}

/// The operator, who sees the invitations of all callers.
pub(super) fn operator(session: &ServiceSession) -> Inviter {
    Inviter::operator(session.administrator().id().clone())
}

impl InvitationEnd {
    /// The time of the end, if one was given.
    pub(super) fn time(&self, now: SystemTime) -> Result<Option<SystemTime>> {
        match (&self.closes_at, self.closes_in) {
            (Some(raw), _) => parse_time(raw).map(Some),
            (None, span) => Ok(span.and_then(|span| now.checked_add(span))),
        }
    }
}
