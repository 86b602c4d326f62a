use api_types::ProblemType;
use identity_core::Error;
use identity_core::guest::InvitationId;
use identity_core::identity::SubjectClaims;
use identity_core::inviter::Inviter;
use identity_core::policy::{GuestPolicy, Policy};
use identity_core::ports::{Clock, IdentityStore};
use lambda_http::{Request, RequestExt};
use tracing::warn;

use super::Access;
use crate::Problem;
use crate::config::{ConfigError, Env, policy};

/// The rules of the routes for invitations: who may invite guests, and what the policy permits for
/// them.
#[derive(Clone, Debug)]
pub struct InvitationRules {
    access: Access,
    policy: Policy,
}

impl InvitationRules {
    /// Reads the variables of [`Access`], and `POLICY`.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self { access: Access::from_env(env)?, policy: policy(env, "POLICY")? })
    }

    /// The claims that name a user within the issuer.
    #[must_use]
    pub fn subject_claims(&self) -> &SubjectClaims {
        self.access.subject_claims()
    }

    /// The caller, and what the policy permits for guests. If it says nothing about guests, the
    /// answer to every caller who may invite is [`ProblemType::NOT_FOUND`].
    pub async fn inviter(
        &self,
        store: &impl IdentityStore,
        clock: &impl Clock,
        request: &Request,
    ) -> Result<(Inviter, &GuestPolicy), Problem> {
        let by = self.access.inviter(store, clock, request).await?;
        Ok((by, self.policy.guests().ok_or(Error::GuestsDisabled)?))
    }
}

impl Access {
    /// The caller of a route for invitations. The caller must have its scope and a bearer of the
    /// main issuer, and must not have been cut off since the bearer was issued. Who is an
    /// administrator besides sees the invitations of all callers.
    async fn inviter(
        &self,
        store: &impl IdentityStore,
        clock: &impl Clock,
        request: &Request,
    ) -> Result<Inviter, Problem> {
        let caller = self.caller(request, self.invite_scope.as_deref())?;
        if self.invite_scope.is_none() {
            warn!("inviter refused: parameter InviteScope is empty");
            return Err(ProblemType::FORBIDDEN.into());
        }
        // The administrator of another issuer chooses the scopes of its users.
        if !self.is_of_main_issuer(&caller) {
            warn!("inviter refused: the bearer is of another issuer than parameter Issuer");
            return Err(ProblemType::FORBIDDEN.into());
        }
        let (id, bearer) = (caller.user().clone(), caller.bearer());
        let sees_all =
            caller.has_scope(&self.admin_scope).is_ok() && self.may_administer(&caller).is_ok();
        Ok(Inviter::admitted(store, id, bearer, sees_all, clock.now()).await?)
    }
}

/// The invitation in the path. What cannot be the id of one is [`ProblemType::NOT_FOUND`].
pub fn named_invitation(request: &Request) -> Result<InvitationId, Problem> {
    let parameters = request.path_parameters_ref();
    let raw = parameters.and_then(|parameters| parameters.first("id")).unwrap_or_default();
    Ok(InvitationId::parse(raw).ok_or(ProblemType::NOT_FOUND)?)
}
