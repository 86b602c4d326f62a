use identity_core::identity::IdentityRef;
use lambda_http::{Request, RequestExt};

use crate::{
    Caller, Problem,
    config::{ConfigError, Env, required},
};

/// The OAuth scopes that the two kinds of route need.
#[derive(Clone, Debug)]
pub struct RouteScopes {
    /// For one's own identity.
    pub token: String,
    /// For anybody's.
    pub admin: String,
}

impl RouteScopes {
    /// Reads `TOKEN_SCOPE` and `ADMIN_SCOPE`.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self { token: required(env, "TOKEN_SCOPE")?, admin: required(env, "ADMIN_SCOPE")? })
    }
}

/// Whose identity a request is about: a route with `{id}` is an administrator's, one
/// without is about the caller. Either way the caller has the scope it needs.
pub enum Addressed {
    /// The caller's own.
    Own(Caller),
    /// The one in the path.
    Named(IdentityRef),
}

impl Addressed {
    /// Reads whose identity the request is about, and whether its caller may.
    ///
    /// A name that no identity can have is [`Problem::NOT_FOUND`].
    pub fn of(request: &Request, scopes: &RouteScopes) -> Result<Self, Problem> {
        let caller = Caller::of(request)?;
        let parameters = request.path_parameters_ref();
        match parameters.and_then(|parameters| parameters.first("id")) {
            None => Ok(Self::Own(caller.with_scope(&scopes.token)?)),
            Some(raw) => {
                caller.with_scope(&scopes.admin)?;
                IdentityRef::parse(raw).map(Self::Named).ok_or(Problem::NOT_FOUND)
            }
        }
    }
}

impl From<Addressed> for IdentityRef {
    fn from(addressed: Addressed) -> Self {
        match addressed {
            Addressed::Own(caller) => Self::External(caller.user().clone()),
            Addressed::Named(identity) => identity,
        }
    }
}
