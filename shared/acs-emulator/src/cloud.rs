//! The clouds of Microsoft, which have ids, audiences and issuers of their own.

/// The cloud of a resource.
///
/// The ids and the audience of Teams tokens are those of Microsoft's SDKs. Microsoft does not
/// document the audience of operators' tokens in a government cloud, and the SDKs always request
/// the public one, so a government cloud accepts both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cloud {
    /// Azure, and Teams outside the clouds below.
    #[default]
    Public,
    /// Azure Government, for Teams in GCC High.
    Gcch,
    /// Azure Government, for Teams of the Department of Defense.
    Dod,
}

impl Cloud {
    /// Parses `public`, `gcch` or `dod`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "public" => Ok(Self::Public),
            "gcch" => Ok(Self::Gcch),
            "dod" => Ok(Self::Dod),
            _ => Err(format!("`{text}` is not a cloud: use public, gcch or dod")),
        }
    }

    /// How the ids of identities begin.
    pub(crate) fn identity_prefix(self) -> &'static str {
        match self {
            Self::Public => "8:acs:",
            Self::Gcch => "8:gcch-acs:",
            Self::Dod => "8:dod-acs:",
        }
    }

    /// How the ids of Teams users begin.
    pub(crate) fn teams_prefix(self) -> &'static str {
        match self {
            Self::Public => "8:orgid:",
            Self::Gcch => "8:gcch:",
            Self::Dod => "8:dod:",
        }
    }

    /// The audiences of operators' tokens, without the trailing slash that some tokens have.
    pub(crate) fn resource_audiences(self) -> &'static [&'static str] {
        match self {
            Self::Public => &["https://communication.azure.com"],
            Self::Gcch | Self::Dod => GOVERNMENT_AUDIENCES,
        }
    }

    /// The audience of the tokens of Teams users: the application's URI. Entra writes the URI or
    /// the application's id, depending on the application's registration.
    pub(crate) fn teams_audience(self) -> &'static str {
        match self {
            Self::Public => "https://auth.msft.communication.azure.com",
            Self::Gcch | Self::Dod => "https://auth.msft.communication.azure.us",
        }
    }

    /// The domain of Entra's sign-in.
    pub(crate) fn login_domain(self) -> &'static str {
        match self {
            Self::Public => "microsoftonline.com",
            Self::Gcch | Self::Dod => "microsoftonline.us",
        }
    }

    /// Entra's issuer of tokens of version 2.0.
    pub(crate) fn issuer(self, tenant: &str) -> String {
        format!("https://login.{}/{tenant}/v2.0", self.login_domain())
    }

    /// Entra's issuer of tokens of version 1.0, which is the same in all of these clouds.
    pub(crate) fn first_issuer(tenant: &str) -> String {
        format!("https://sts.windows.net/{tenant}/")
    }

    pub(crate) const ALL: [Self; 3] = [Self::Public, Self::Gcch, Self::Dod];
}

const GOVERNMENT_AUDIENCES: &[&str] =
    &["https://communication.azure.us", "https://communication.azure.com"];
