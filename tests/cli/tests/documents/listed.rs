//! How each snippet is tested, by its file and its beginning.

/// How a snippet is tested.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// `runs.rs` runs it in the directory of a local stack.
    OnStack,
    /// The same, with the transmitter of Microsoft Graph.
    OnStackWithEntra,
    /// `runs.rs` runs it with an ACS emulator and nothing else.
    OnEmulator,
    /// `runs.rs` runs it in the repository.
    InRepository,
    /// This test runs it.
    In(&'static str),
    /// It cannot run here. Its syntax, its commands of `guestpass` and its targets of make are checked.
    Not(&'static str),
}

use Treatment::{In, InRepository, Not, OnEmulator, OnStack, OnStackWithEntra};

/// All snippets but JSON.
pub(crate) const LISTED: &[(&str, &str, Treatment)] = &[
    (".github/CONTRIBUTING.md", "make run ", Not(LONG)),
    ("README.md", "make run", Not(LONG)),
    ("README.md", "TOKEN=$(curl", OnStack),
    ("README.md", "const tokenRefresher", In(CLIENTS)),
    ("README.md", "BACK_END=$(curl", OnStack),
    ("README.md", "make build", Not(AWS)),
    ("README.md", "aws events put-events", In("tests/e2e sends the same call with an SDK of AWS")),
    ("README.md", "LATER=$(python3", OnStack),
    ("README.md", "$ guestpass identity create", OnStack),
    ("infra/README.md", "aws lambda get-account-settings", Not(AWS)),
    ("infra/README.md", "make build", In("make artefacts runs the same script")),
    ("infra/README.md", "make secret", Not(AWS)),
    ("infra/README.md", "make sign", In("tests/infra/aws signs artefacts with a key of its own")),
    (
        "infra/README.md",
        "mkdir release && tar",
        In("tests/infra/signing signs, unpacks and verifies such an archive"),
    ),
    ("infra/README.md", "make deploy", Not(AWS)),
    ("infra/README.md", "make verify", Not(AWS)),
    ("infra/README.md", "curl -s -X POST", Not(AWS)),
    ("infra/README.md", "guestpass doctor", Not(AWS)),
    ("infra/README.md", "guestpass identity import", OnStack),
    ("infra/README.md", "KEY=$(aws secretsmanager", Not(AWS)),
    ("infra/README.md", "guestpass cleanup plan --unused-for", OnStack),
    ("infra/README.md", "aws lambda invoke", Not(AWS)),
    ("infra/README.md", "FUNCTION=$(aws", Not(AWS)),
    ("infra/README.md", "export GUESTPASS_DEAD_LETTER_QUEUE", Not(AWS)),
    (
        "infra/README.md",
        "guestpass cleanup plan --resource",
        In("tests/cli/tests/resources has two resources"),
    ),
    (
        "infra/README.md",
        "guestpass identity list --resource",
        In("tests/infra/aws/test_operator.py runs it with moto"),
    ),
    ("infra/README.md", "KEY=$(aws cloudformation", Not(AWS)),
    ("infra/README.md", "stack = ", In("tests/infra/aws deploys with a file of this form")),
    ("infra/README.md", "sed 's/ACCOUNT", InRepository),
    ("infra/README.md", "make rollback", Not(AWS)),
    ("infra/README.md", "python3 -m zipfile", Not(AWS)),
    (
        "infra/README.md",
        "export OLD_TABLE",
        In("tests/infra/aws/operate restores a table and runs it"),
    ),
    ("infra/README.md", "make destroy\n", Not(AWS)),
    ("infra/README.md", "make destroy IDENTITIES", Not(AWS)),
    ("infra/guests.md", "make deploy", Not(AWS)),
    ("infra/containers/README.md", "docker build", Not("it needs Docker")),
    ("infra/from-other-tools.md", "make build", Not(AWS)),
    ("infra/from-other-tools.md", "resource \"aws", Not("it needs Terraform")),
    (
        "infra/from-other-tools.md",
        "import * as cdk",
        Not("it needs the AWS CDK, which no target installs"),
    ),
    ("infra/providers/apple.md", "make deploy", Not(AWS)),
    ("infra/providers/apple.md", "curl -s http", Not(APPLE)),
    ("infra/providers/auth0.md", "auth0 logs", Not(PROVIDER)),
    ("infra/providers/auth0.md", "SOURCE=$(aws", Not(AWS)),
    ("infra/providers/auth0.md", "auth0 api patch", Not(PROVIDER)),
    ("infra/providers/cognito.md", "aws cloudtrail", Not(AWS)),
    ("infra/providers/cognito.md", "aws cognito-idp", Not(AWS)),
    (
        "infra/providers/cognito.md",
        "guestpass events explain",
        In("tests/cli/tests/commands/events.rs"),
    ),
    ("infra/providers/entra.md", "APP=$(az", Not(PROVIDER)),
    ("infra/providers/entra.md", "CLIENT_STATE=", Not(AWS)),
    ("infra/providers/entra.md", "make deploy", Not(AWS)),
    ("infra/providers/entra.md", "curl -i -X OPTIONS", Not(AWS)),
    ("infra/providers/entra.md", "az ad user update", Not(PROVIDER)),
    ("infra/providers/google.md", "make deploy", Not(AWS)),
    ("infra/providers/google.md", "curl -s https://risc", Not(PROVIDER)),
    ("infra/providers/google.md", "curl -s http://127", Not(APPLE)),
    ("infra/providers/keycloak.md", "make deploy", Not(AWS)),
    ("infra/providers/keycloak.md", "kcadm.sh", Not(PROVIDER)),
    ("infra/providers/keycloak.md", "curl -s http", OnStack),
    ("infra/providers/okta-universal-logout.md", "make deploy", Not(AWS)),
    ("infra/providers/okta-universal-logout.md", "curl -s http", OnStack),
    ("infra/providers/okta.md", "guestpass doctor", Not(PROVIDER)),
    ("infra/providers/okta.md", "SOURCE=$(aws", Not(AWS)),
    ("infra/providers/okta.md", "curl -s -X POST", Not(PROVIDER)),
    ("infra/providers/scim.md", "TOKEN=$(openssl", Not(AWS)),
    ("infra/providers/scim.md", "SCIM=", Not(AWS)),
    ("infra/providers/shared-signals.md", "make deploy", Not(AWS)),
    ("infra/providers/shared-signals.md", "aws secretsmanager", Not(AWS)),
    ("infra/providers/shared-signals.md", "guestpass events streams create", Not(PROVIDER)),
    ("infra/providers/shared-signals.md", "CONSOLE=$(python3", OnStack),
    ("shared/acs-client/README.md", "use ", In("the doctest of the crate, whose example this is")),
    ("infra/providers/teams-phone.md", "New-Cs", Not(PROVIDER)),
    ("infra/providers/teams-phone.md", "make deploy", Not(AWS)),
    ("infra/providers/teams-phone.md", "guestpass phone assign", In("tests/cli/tests/phone")),
    ("shared/acs-emulator/README.md", "cargo run", Not("it compiles a release binary")),
    (
        "shared/acs-emulator/README.md",
        "ACS_EMULATOR_HOST",
        In("tests/packages/insecure-hosts, where the name of the host leads to the emulator"),
    ),
    ("shared/clients/README.md", "const credential", In(CLIENTS)),
    ("shared/clients/kotlin/README.md", "val source = GuestpassTokenSource(\n", In(CLIENTS)),
    ("shared/clients/kotlin/README.md", "val storage", In(CLIENTS)),
    ("shared/clients/kotlin/README.md", "val teams", In(CLIENTS)),
    ("shared/clients/kotlin/README.md", "val guest", In(CLIENTS)),
    (
        "shared/clients/typescript/README.md",
        "import { AzureCommunicationTokenCredential } from \"@azure/communication-common\";\nimport { createTokenRefresher",
        In(CLIENTS),
    ),
    (
        "shared/clients/typescript/README.md",
        "import { createTokenSource, GuestpassError",
        In(CLIENTS),
    ),
    (
        "shared/clients/typescript/README.md",
        "import { createTokenSource } from \"guestpass-client\";\n\nconst source = createTokenSource({\n  url: guestpass,\n  async",
        In(CLIENTS),
    ),
    (
        "shared/clients/typescript/README.md",
        "import { createTokenSource } from \"guestpass-client\";\n\nconst source = createTokenSource({\n  url: guestpass,\n  getBearer",
        In(CLIENTS),
    ),
    ("shared/clients/typescript/README.md", "import { createTeamsTokenRefresher", In(CLIENTS)),
    (
        "shared/clients/typescript/README.md",
        "import { AzureCommunicationTokenCredential } from \"@azure/communication-common\";\nimport { createGuestTokenRefresher",
        In(CLIENTS),
    ),
    ("shared/guestpass-cli/README.md", "export COMMUNICATION", OnEmulator),
    ("shared/local-stack/README.md", "curl -d '{\"sub\"", OnStack),
    ("shared/local-stack/README.md", "TOKEN=$(jq", OnStack),
    ("shared/local-stack/README.md", "CONSOLE=http:", OnStackWithEntra),
];

const LONG: &str = "it builds everything, or runs all tests";
const AWS: &str = "it needs an AWS account";
const PROVIDER: &str = "it needs an account of the identity provider";
const APPLE: &str = "it needs the issuer of the provider; tests/e2e sends the same signal";
const CLIENTS: &str = "make clients";
