//! The emulator as a library.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpListener;
use uuid::Uuid;

use crate::auth::{Accounts, Authenticator, DevelopmentIssuer, Entra, TrustedKey};
use crate::http::{AllowedHosts, EmulatorServer, Tls};
use crate::options::EmulatorOptions;
use crate::resource::Resource;
use crate::state::{
    DataDir, DirectoryLock, EmulatorClock, EmulatorStartError, Faults, Identities, JOURNAL,
    Journal, JournalEntry, KeyRing, KeyType, RateLimits, RequestLog, ResourceKey, ResourceKeys,
    SIGNING_KEY, TokenSigner,
};

/// A local ACS resource. Clones are the same resource.
#[derive(Clone)]
pub struct Emulator {
    resource: Arc<Resource>,
    data_dir: Option<DataDir>,
    lock: Option<Arc<DirectoryLock>>,
}

impl Emulator {
    /// A resource with random keys, which exists until the process ends, unless the builder sets
    /// other options.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Serves on `listener`. Several listeners may serve the same resource.
    pub fn serve(&self, listener: TcpListener) -> Result<EmulatorServer, EmulatorStartError> {
        self.start(listener, None)
    }

    /// Serves on a free port of 127.0.0.1.
    pub async fn serve_on_loopback(&self) -> Result<EmulatorServer, EmulatorStartError> {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.map_err(EmulatorStartError::Listener)?;
        self.serve(listener)
    }

    /// Serves https on `listener`, with a certificate for localhost, 127.0.0.1, `::1` and the names
    /// of [`Builder::host_name`]. The authority that signs it is kept in `ca_dir` and created there
    /// at the first start. Clients have to trust the certificate at
    /// [`EmulatorServer::ca_cert_path`].
    pub fn serve_tls(
        &self,
        listener: TcpListener,
        ca_dir: &Path,
    ) -> Result<EmulatorServer, EmulatorStartError> {
        let tls = Tls::with_authority_in(ca_dir, &self.resource.host_names)?;
        self.start(listener, Some(tls))
    }

    fn start(
        &self,
        listener: TcpListener,
        tls: Option<Tls>,
    ) -> Result<EmulatorServer, EmulatorStartError> {
        let lock = self.lock.clone();
        EmulatorServer::start(Arc::clone(&self.resource), listener, tls, lock)
            .map_err(EmulatorStartError::Listener)
    }

    /// The GUID of the resource, with which the id of every identity begins.
    #[must_use]
    pub fn resource_id(&self) -> &str {
        &self.resource.guid
    }

    /// The current primary access key: regenerating replaces it.
    #[must_use]
    pub fn access_key(&self) -> ResourceKey {
        self.resource.keys.get(KeyType::Primary)
    }

    /// The current secondary access key. Both keys are valid.
    #[must_use]
    pub fn secondary_access_key(&self) -> ResourceKey {
        self.resource.keys.get(KeyType::Secondary)
    }

    /// The clock for the lifetime of tokens.
    #[must_use]
    pub fn clock(&self) -> &EmulatorClock {
        &self.resource.clock
    }

    /// The directory of keys and identities, if there is one.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_ref().map(DataDir::path)
    }
}

/// Sets the properties of the resource. Other properties are random, or as in the real service.
#[derive(Default)]
#[must_use = "nothing happens before `build`"]
pub struct Builder {
    resource: Option<String>,
    keys: Option<[ResourceKey; 2]>,
    signing_key: Option<Vec<u8>>,
    data_dir: Option<PathBuf>,
    options: EmulatorOptions,
    allowed_hosts: AllowedHosts,
    host_names: Vec<String>,
    entra_signing_key: Option<Vec<u8>>,
    entra_keys: Vec<String>,
    entra_accounts: Accounts,
    entra_role: Option<String>,
}

impl Builder {
    /// The resource's GUID.
    pub fn resource(mut self, guid: impl Into<String>) -> Self {
        self.resource = Some(guid.into());
        self
    }

    /// The primary and the secondary access key.
    pub fn keys(mut self, primary: ResourceKey, secondary: ResourceKey) -> Self {
        self.keys = Some([primary, secondary]);
        self
    }

    /// The RSA key that signs tokens, in PKCS#8 DER.
    pub fn signing_key(mut self, pkcs8_der: Vec<u8>) -> Self {
        self.signing_key = Some(pkcs8_der);
        self
    }

    /// Stores keys and identities in a directory, and loads them from there. The builder's own
    /// values override the stored ones.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Sets the options, in place of the defaults.
    pub fn options(mut self, options: EmulatorOptions) -> Self {
        self.options = options;
        self
    }

    /// The host names under which the control API and the Entra endpoints can be requested. By
    /// default, they are those of this machine.
    pub fn allowed_hosts(mut self, allowed_hosts: AllowedHosts) -> Self {
        self.allowed_hosts = allowed_hosts;
        self
    }

    /// A name or an IP address under which other machines reach this one: endpoints have the first
    /// one, certificates all of them, and the control API can be requested under all of them. May
    /// be called for several names.
    pub fn host_name(mut self, name: impl Into<String>) -> Self {
        self.host_names.push(name.into());
        self
    }

    /// The RSA key of the development Entra issuer, in PKCS#8 DER. By default, one is generated at
    /// the first request to the issuer.
    pub fn entra_signing_key(mut self, pkcs8_der: Vec<u8>) -> Self {
        self.entra_signing_key = Some(pkcs8_der);
        self
    }

    /// Also trusts Entra tokens signed with the keys of a JWK set, such as
    /// `https://login.microsoftonline.com/common/discovery/v2.0/keys` returns. A key with its own
    /// `issuer` is trusted for that issuer. A key without one, or with `{tenantid}` in it, is
    /// trusted for Entra's issuers of any tenant.
    pub fn trust_entra_keys(mut self, jwks: impl Into<String>) -> Self {
        self.entra_keys.push(jwks.into());
        self
    }

    /// An application that gets tokens in place of the development application: for its secret, or
    /// for a token of a trusted issuer with the audience `api://AzureADTokenExchange`. May be called
    /// for several applications.
    pub fn entra_client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.entra_accounts.clients.push((id.into(), secret.into()));
        self
    }

    /// A user who gets tokens for a password, in place of the development user. `object_id` is the
    /// token's `oid`. May be called for several users.
    pub fn entra_user(
        mut self,
        name: impl Into<String>,
        password: impl Into<String>,
        object_id: impl Into<String>,
    ) -> Self {
        self.entra_accounts.users.push((name.into(), password.into(), object_id.into()));
        self
    }

    /// Refuses callers whose bearer does not have `role` among its `roles`, as ACS refuses callers
    /// without a role on the resource. By default no role is required.
    pub fn require_entra_role(mut self, role: impl Into<String>) -> Self {
        self.entra_role = Some(role.into());
        self
    }

    /// Creates the resource. Without a given or stored signing key, this generates one, which takes
    /// some time.
    pub fn build(self) -> Result<Emulator, EmulatorStartError> {
        let data_dir = self.data_dir.map(DataDir::open).transpose()?;
        let lock = data_dir.as_ref().map(DataDir::lock).transpose()?.map(Arc::new);
        let found = data_dir.as_ref().map(DataDir::resource).transpose()?.flatten();
        let guid = match (&self.resource, &found) {
            (Some(given), _) => parsed_guid(given)?,
            (None, Some(found)) => parsed_guid(&found.guid)?,
            (None, None) => Uuid::new_v4().to_string(),
        };
        let retired = found.iter().flat_map(|found| &found.retired_keys);
        let retired = retired.map(|key| ResourceKey::from_base64(key)).collect::<Result<_, _>>()?;
        let keys = match (self.keys, &found) {
            (Some(given), _) => given,
            (None, Some(found)) => [
                ResourceKey::from_base64(&found.primary_key)?,
                ResourceKey::from_base64(&found.secondary_key)?,
            ],
            (None, None) => [ResourceKey::generate()?, ResourceKey::generate()?],
        };
        let keys = ResourceKeys::new(KeyRing { keys, retired }, guid.clone(), data_dir.clone())?;
        let signer = signer(self.signing_key, data_dir.as_ref())?;
        let (journal, events) = data_dir.as_ref().map(journal).transpose()?.unzip();
        let mut trusted = Vec::new();
        for jwks in &self.entra_keys {
            let keys = serde_json::from_str(jwks).ok().and_then(|set| TrustedKey::of_set(&set));
            trusted.extend(keys.ok_or(EmulatorStartError::EntraKeysRejected)?);
        }
        let entra = Entra {
            cloud: self.options.cloud,
            issuer: DevelopmentIssuer::new(self.entra_signing_key, data_dir.clone())?,
            accounts: self.entra_accounts.or_development(),
            trusted,
            required_role: self.entra_role,
        };
        let mut allowed_hosts = self.allowed_hosts;
        for name in &self.host_names {
            allowed_hosts.allow(name).map_err(EmulatorStartError::HostName)?;
        }
        let resource = Resource {
            guid,
            keys,
            auth: Authenticator { rules: self.options.into(), entra },
            options: self.options,
            allowed_hosts,
            host_names: self.host_names,
            clock: EmulatorClock::default(),
            signer,
            identities: Identities::new(journal, events.unwrap_or_default(), self.options.into()),
            requests: RequestLog::default(),
            faults: Faults::new(),
            limits: RateLimits::new(self.options),
            serial: AtomicU64::new(1),
        };
        Ok(Emulator { resource: Arc::new(resource), data_dir, lock })
    }
}

/// The given key, or the stored key, or a new key that is then stored.
fn signer(
    given: Option<Vec<u8>>,
    dir: Option<&DataDir>,
) -> Result<TokenSigner, EmulatorStartError> {
    if let Some(der) = given {
        return TokenSigner::from_pkcs8(&der);
    }
    let Some(dir) = dir else { return TokenSigner::generate() };
    if let Some(der) = dir.read(SIGNING_KEY)? {
        let path = dir.path().join(SIGNING_KEY);
        return TokenSigner::from_pkcs8(&der)
            .map_err(|_| EmulatorStartError::DataFileUnreadable { path });
    }
    let made = TokenSigner::generate()?;
    dir.write(SIGNING_KEY, &made.to_pkcs8()?)?;
    Ok(made)
}

fn journal(dir: &DataDir) -> Result<(Journal, Vec<JournalEntry>), EmulatorStartError> {
    let path = dir.path().join(JOURNAL);
    Journal::open(&path, EmulatorClock::system_now())
        .map_err(|source| EmulatorStartError::DataFile { path, source })
}

fn parsed_guid(text: &str) -> Result<String, EmulatorStartError> {
    let guid = Uuid::try_parse(text).map_err(|_| EmulatorStartError::ResourceNotGuid)?;
    Ok(guid.hyphenated().to_string())
}
