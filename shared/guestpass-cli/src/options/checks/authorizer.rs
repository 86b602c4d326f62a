//! Which authorizer verifies the bearers.

use bearer_verifier::Algorithm;

/// The template parameter `Authorizer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AuthorizerKind {
    /// API Gateway's own authorizer.
    #[default]
    Jwt,
    /// The function `authorize-caller`.
    Lambda,
}

impl AuthorizerKind {
    /// The authorizer with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Jwt, Self::Lambda].into_iter().find(|kind| kind.as_str() == name)
    }

    /// The value of the template parameter.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Lambda => "lambda",
        }
    }

    /// The algorithms whose signatures it verifies. API Gateway documents "RSA-based" ones only.
    pub(crate) fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Jwt => &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512],
            Self::Lambda => &Algorithm::ALL,
        }
    }

    /// Whether it uses a key with this id: API Gateway finds a key only by its `kid`.
    pub(crate) fn takes(self, key_id: Option<&str>) -> bool {
        self == Self::Lambda || key_id.is_some()
    }
}

/// The values of `--authorizer`, with the text of `--help`.
pub(super) const AUTHORIZERS: [(AuthorizerKind, &str); 2] = [
    (AuthorizerKind::Jwt, "API Gateway's own, for RSA signatures of one issuer"),
    (AuthorizerKind::Lambda, "The function authorize-caller, also for EC and Ed25519 signatures"),
];
