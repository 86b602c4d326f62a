//! The accounts of the development issuer.

/// The accounts that can get tokens by secret or password.
#[derive(Default)]
pub(crate) struct Accounts {
    /// Applications: id and secret.
    pub clients: Vec<(String, String)>,
    /// Users: name, password and object id.
    pub users: Vec<(String, String, String)>,
}

impl Accounts {
    /// Adds the documented accounts where none were given.
    pub(crate) fn or_development(mut self) -> Self {
        if self.clients.is_empty() {
            self.clients.push((DEVELOPMENT_APP.into(), DEVELOPMENT_SECRET.into()));
        }
        if self.users.is_empty() {
            let (name, password) = (DEVELOPMENT_USERNAME.into(), DEVELOPMENT_PASSWORD.into());
            self.users.push((name, password, DEVELOPMENT_USER.into()));
        }
        self
    }
}

pub(crate) const DEVELOPMENT_TENANT: &str = "e0000000-0000-4000-8000-000000000001";
pub(crate) const DEVELOPMENT_APP: &str = "e0000000-0000-4000-8000-000000000002";
pub(crate) const DEVELOPMENT_USER: &str = "e0000000-0000-4000-8000-000000000003";
pub(crate) const DEVELOPMENT_PRINCIPAL: &str = "e0000000-0000-4000-8000-000000000004";
const DEVELOPMENT_SECRET: &str = "development-secret";
const DEVELOPMENT_USERNAME: &str = "user@emulator.invalid";
const DEVELOPMENT_PASSWORD: &str = "development-password";
