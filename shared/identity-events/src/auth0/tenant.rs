//! Whose users an event of a tenant is about.

use identity_core::identity::Issuer;

use crate::issuers::{host, tenant_of};
use crate::settings::EventSettings;

/// The issuers of the tenant's tokens. The tenant is named by the host to which the request was
/// sent, which can be the tenant's custom domain, or by its name.
///
/// An event of an unknown custom domain is about users of the first issuer. If the first issuer is
/// a tenant of another name, the event is about users of another issuer.
pub(super) fn issuers_of<'a>(
    settings: &'a EventSettings,
    requested_host: &str,
    tenant: Option<&str>,
) -> Vec<&'a Issuer> {
    let tenant = tenant.map(str::to_ascii_lowercase);
    let requested_host = requested_host.to_ascii_lowercase();
    let canonical = |issuer: &Issuer| tenant_of(issuer, &["auth0.com"]);
    let fitting = settings.issuers.fitting(|issuer| {
        let named = canonical(issuer);
        host(issuer) == requested_host || (named.is_some() && named == tenant)
    });
    let first = settings.issuers.first();
    let is_another = tenant.is_some() && canonical(first).is_some();
    match fitting.is_empty() {
        false => fitting,
        true if is_another => vec![],
        true => vec![first],
    }
}
