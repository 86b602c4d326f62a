//! Entra credentials for an ACS resource, from where Microsoft's tools look for them: an app in the
//! environment, a workload identity, and the sign-in of the Azure CLI.

mod azure_cli;
mod sign_in;

pub(crate) use sign_in::EntraSignIn;
