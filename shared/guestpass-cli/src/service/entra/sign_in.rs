//! The operator's Entra credential.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use acs_client::{AppProof, BearerToken, EntraApp, EntraAppCredential, TokenError, TokenSource};
use identity_core::secret::Secret;
use tokio::time::timeout;

use super::azure_cli;
use crate::report::{CliError, Exit, Result, innermost};
use crate::service::CliEnvironment;

/// The operator's Entra credential. Clones share the token.
#[derive(Clone)]
pub(crate) struct EntraSignIn(Arc<EntraSource>);

struct EntraSource {
    kind: SourceKind,
    /// A token that no request has used yet.
    first: Mutex<Option<BearerToken>>,
}

enum SourceKind {
    /// An app, and the variable with its proof.
    App(Box<EntraAppCredential>, &'static str),
    /// The sign-in of the Azure CLI.
    AzureCli,
}

impl EntraSignIn {
    /// Finds the credential: an app in the environment, or else the Azure CLI. Sends no request.
    pub(crate) fn of(environment: &CliEnvironment) -> Result<Self> {
        let variable = |name| environment.variable(name);
        let secret = variable(CLIENT_SECRET).map(|value| AppProof::Secret(Secret::new(value)));
        let file = || Some(AppProof::AssertionFile(PathBuf::from(variable(TOKEN_FILE)?)));
        let kind = match secret
            .map(|proof| (CLIENT_SECRET, proof))
            .or_else(|| file().map(|proof| (TOKEN_FILE, proof)))
        {
            Some((name, proof)) => SourceKind::App(Box::new(app(name, proof, environment)?), name),
            None if variable(CERTIFICATE).is_some() => {
                return Err(CliError::usage(format!("{CERTIFICATE} is not supported"))
                    .hint(format!("set {CLIENT_SECRET} or {TOKEN_FILE}, or sign in with `az login --service-principal`")));
            }
            None => SourceKind::AzureCli,
        };
        Ok(Self(Arc::new(EntraSource { kind, first: Mutex::default() })))
    }

    /// Where the credential is from, for a message.
    pub(crate) fn in_words(&self) -> String {
        match &self.0.kind {
            SourceKind::App(_, variable) => format!("the Entra app of {variable}"),
            SourceKind::AzureCli => "the sign-in of the Azure CLI".to_owned(),
        }
    }

    /// Fetches the first token. A request to ACS has less time than a sign-in may need.
    pub(crate) async fn complete(&self, now: SystemTime) -> Result<()> {
        if self.first().is_some() {
            return Ok(());
        }
        let fetched = timeout(LONGEST, self.0.fetch(now)).await;
        let token = fetched.unwrap_or(Err(TokenError::TimedOut));
        *self.0.first.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(token.map_err(|error| self.explain(&error))?);
        Ok(())
    }

    fn first(&self) -> Option<BearerToken> {
        self.0.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn explain(&self, error: &TokenError) -> CliError {
        let source = self.in_words();
        let failure = match error {
            TokenError::Unavailable(_) | TokenError::TimedOut => {
                CliError::new(Exit::Later, format!("{source} gives no token now"))
                    .because(innermost(error))
                    .hint("check that this machine reaches login.microsoftonline.com, or AZURE_AUTHORITY_HOST; then try again")
            }
            _ => CliError::new(Exit::Refused, format!("{source} gives no token"))
                .because(innermost(error))
                .hint(match &self.0.kind {
                    SourceKind::App(_, CLIENT_SECRET) => "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (the value of the secret, not its id)",
                    SourceKind::App(..) => "check AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE and the federated credential of the app",
                    SourceKind::AzureCli => "sign in with `az login`; or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; or use a connection string instead of the endpoint",
                }),
        };
        failure.caused_by(error)
    }
}

impl TokenSource for EntraSignIn {
    async fn fetch(&self, now: SystemTime) -> std::result::Result<BearerToken, TokenError> {
        match self.first() {
            Some(token) if now + LEAST_LIFE < token.expires_on => Ok(token),
            _ => self.0.fetch(now).await,
        }
    }
}

impl EntraSource {
    async fn fetch(&self, now: SystemTime) -> std::result::Result<BearerToken, TokenError> {
        match &self.kind {
            SourceKind::App(app, _) => app.fetch(now).await,
            SourceKind::AzureCli => azure_cli::fetch(now).await,
        }
    }
}

/// The app of the environment. `with` is the variable with its proof.
fn app(with: &str, proof: AppProof, environment: &CliEnvironment) -> Result<EntraAppCredential> {
    let needed = |name: &str| {
        environment.variable(name).ok_or_else(|| {
            CliError::usage(format!("{name} is not set"))
                .because(format!("{with} is set, and is only valid for one app of one tenant"))
                .hint(format!("set {name}, or unset {with} to use the sign-in of the Azure CLI"))
        })
    };
    let authority = environment.variable(AUTHORITY_HOST).map(|host| {
        let url = if host.contains("://") { host } else { format!("https://{host}") };
        url.parse().map_err(|_| {
            CliError::usage(format!("{AUTHORITY_HOST} is not the address of Entra"))
                .hint("unset it, or set it to a URL like https://login.microsoftonline.us")
        })
    });
    let app = EntraApp {
        tenant: needed("AZURE_TENANT_ID")?,
        client_id: needed("AZURE_CLIENT_ID")?,
        proof,
        authority: authority.transpose()?,
        extra_roots_pem: None,
        uses_proxy: true,
    };
    EntraAppCredential::new(app).map_err(|error| {
        CliError::usage("invalid Entra credentials in the environment")
            .because(error.to_string())
            .hint("check AZURE_TENANT_ID and SSL_CERT_FILE")
    })
}

/// The variables of Microsoft's SDKs.
const CLIENT_SECRET: &str = "AZURE_CLIENT_SECRET";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";

/// `az` starts slowly, and may have to renew its own token first.
const LONGEST: Duration = Duration::from_secs(30);

/// A token with a shorter remaining lifetime is replaced.
const LEAST_LIFE: Duration = Duration::from_mins(1);
