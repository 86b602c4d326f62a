//! An ACS resource without a service: no table, so no users, no records and no audit log.

use std::sync::Once;
use std::time::SystemTime;

use acs_client::AcsIdentityClient;
use api_types::TokenOutput;
use identity_core::Error;
use identity_core::identity::{AcsId, IdentityRef, TokenRequest};
use identity_core::ports::{Clock as _, IdentityClient as _, SystemClock};
use identity_core::record::Receipt;

use crate::report::{
    CliError, Result, UnrecordedIdentityView, UnrecordedRevocationView, note, timestamp,
};
use crate::service::session::{acs_client, invocation};
use crate::service::{Target, explain};

/// An ACS resource without a service. Only an ACS id names an identity.
pub(crate) struct AcsAlone {
    /// The selected resource.
    pub(crate) target: Target,
    acs: AcsIdentityClient<SystemClock>,
}

impl AcsAlone {
    /// Builds the client. Says once what is missing without a table.
    pub(super) async fn of(target: Target) -> Result<Self> {
        static NOTE: Once = Once::new();
        NOTE.call_once(|| {
            note(
                "note: no table is named, so this uses the ACS resource alone: no record says whose",
            );
            note("  identity it is, no cleanup deletes it, and the audit log gets no entry");
        });
        let acs = acs_client(&target).await?;
        Ok(Self { target, acs })
    }

    /// Issues a token for an identity, or for a new one.
    pub(crate) async fn issue_token(
        &self,
        identity: Option<&AcsId>,
        request: &TokenRequest,
    ) -> Result<TokenOutput> {
        let deadline = self.until();
        let (acs_id, token) = match identity {
            Some(id) => {
                let issued = self.acs.issue_access_token(id, request, deadline).await;
                (id.clone(), self.explained(issued)?)
            }
            None => self.explained(self.acs.create_identity_with_token(request, deadline).await)?,
        };
        let output = TokenOutput::new(&token, &acs_id, self.target.clock.now());
        Ok(TokenOutput { scopes: Some(request.scopes.clone()), ..output })
    }

    /// Creates an identity, optionally with a token.
    pub(crate) async fn create_identity(
        &self,
        request: Option<&TokenRequest>,
    ) -> Result<UnrecordedIdentityView> {
        if let Some(request) = request {
            self.issue_token(None, request).await.map(UnrecordedIdentityView::with_token)
        } else {
            let created = self.acs.create_identity(self.until()).await;
            Ok(UnrecordedIdentityView::new(&self.explained(created)?))
        }
    }

    /// Revokes all tokens of an identity.
    pub(crate) async fn revoke_tokens(&self, identity: &AcsId) -> Result<UnrecordedRevocationView> {
        let revoked = self.acs.revoke_access_tokens(identity, self.until()).await;
        self.explained(revoked)?;
        let now = self.target.clock.now();
        Ok(UnrecordedRevocationView {
            identity: identity.clone(),
            revoked_at: timestamp::format(now),
            effective_by: timestamp::format(now + Receipt::REACHES_EVERYWHERE_WITHIN),
        })
    }

    /// Deletes an identity. Succeeds if it is already gone.
    pub(crate) async fn delete_identity(&self, identity: &AcsId) -> std::result::Result<(), Error> {
        self.acs.delete_identity(identity, self.until()).await
    }

    /// The end of a request that begins now.
    fn until(&self) -> SystemTime {
        invocation(&self.target.clock).acs_until
    }

    fn explained<T>(&self, outcome: std::result::Result<T, Error>) -> Result<T> {
        outcome.map_err(|error| explain(&error, &self.target))
    }
}

/// The ACS id of an identity that no table knows.
pub(crate) fn acs_id(name: IdentityRef) -> Result<AcsId> {
    match name {
        IdentityRef::Acs(id) => Ok(id),
        IdentityRef::External(user) => Err(CliError::usage(format!(
            "{} is an external id, and no table is named",
            user.as_str()
        ))
        .because("ACS does not know your users: the table of a Guestpass service says whose identity is whose")
        .hint("give the ACS id (8:acs:…), or set GUESTPASS_TABLE to the output `TableName` of the deployed stack")),
    }
}

/// The error for an option that only has an effect on a record.
pub(crate) fn needs_table(option: &str, why: &str) -> CliError {
    CliError::usage(format!("{option} needs a table, and none is named")).because(why).hint(format!(
        "leave {option} out, or set GUESTPASS_TABLE to the output `TableName` of the deployed stack"
    ))
}
