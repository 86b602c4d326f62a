//! The arguments of `guestpass doctor`.

use std::path::PathBuf;

use clap::Args;
use identity_core::identity::SubjectClaims;
use identity_core::policy::Condition;

use super::authorizer::{AUTHORIZERS, AuthorizerKind};
use crate::options::values::{TokenIssuer, one_of};

/// What to check besides the service.
#[derive(Args)]
#[command(after_help = "\
Changes nothing. To check that the table belongs to the ACS resource, it
requests one token for an identity of the table and discards it.

Examples:
  guestpass doctor
  guestpass doctor --issuer https://login.example --audience my-api \\
    --bearer-file - < bearer

Exits with 7 if a check failed, otherwise with 0.")]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) issuer: TokenIssuer,
    /// The audience of the users' tokens
    #[arg(long, value_name = "NAME")]
    pub(crate) audience: Option<String>,
    /// The authorizer: the template parameter Authorizer [env: GUESTPASS_AUTHORIZER] [default: that
    /// of the local stack, or jwt]
    #[arg(long, value_parser = one_of(&AUTHORIZERS, AuthorizerKind::as_str))]
    pub(crate) authorizer: Option<AuthorizerKind>,
    /// The scope that a bearer needs: the template parameter TokenScope. Empty: it needs none
    #[arg(long, value_name = "NAME", default_value = "guestpass.token")]
    pub(crate) scope: String,
    /// The scope of administrators: the template parameter AdminScope
    #[arg(long, value_name = "NAME", default_value = "guestpass.admin")]
    pub(crate) admin_scope: String,
    /// The condition on an administrator's claims: the template parameter AdminCondition
    #[arg(long, value_name = "JSON", value_parser = parse_condition)]
    pub(crate) admin_condition: Option<Condition>,
    /// The claims that name a user: the template parameter SubjectClaims. Also looks for records
    /// whose keys have another form
    #[arg(long, value_name = "NAMES")]
    pub(crate) subject_claims: Option<SubjectClaims>,
    /// A file with the bearer of a user or an administrator, or - for stdin
    #[arg(long, value_name = "PATH")]
    pub(crate) bearer_file: Option<PathBuf>,
    /// A file with the Entra token of a Teams user, or - for stdin
    #[arg(long, value_name = "PATH", requires_all = ["teams_app_id", "teams_user_id"])]
    pub(crate) teams_token_file: Option<PathBuf>,
    /// The client id of the Entra application that the Teams user's token was issued to
    #[arg(long, value_name = "GUID", requires = "teams_token_file")]
    pub(crate) teams_app_id: Option<String>,
    /// The object id of the Teams user
    #[arg(long, value_name = "GUID", requires = "teams_token_file")]
    pub(crate) teams_user_id: Option<String>,
    /// A file with the Entra token of a user of Teams Phone, or - for stdin
    #[arg(long, value_name = "PATH")]
    pub(crate) phone_token_file: Option<PathBuf>,
    /// A file with the policy: the template parameter Policy
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
    /// The page on which guests join: the template parameter GuestJoinUrl
    #[arg(long, value_name = "URL")]
    pub(crate) guest_join_url: Option<String>,
}

/// Reads a condition on claims.
pub(crate) fn parse_condition(raw: &str) -> Result<Condition, String> {
    serde_json::from_str(raw)
        .map_err(|error| format!("expected a condition such as {LOCAL_ADMIN_CONDITION}: {error}"))
}

/// The condition for administrators of the local stack.
pub(crate) const LOCAL_ADMIN_CONDITION: &str = r#"{"role": "guestpass-admin"}"#;
