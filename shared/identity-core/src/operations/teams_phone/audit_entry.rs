use std::time::SystemTime;

use crate::model::phone::PhoneEntry;
use crate::model::{Actor, AuditAction, AuditEntry, ExternalId, Invocation, Record};

/// The audit entry for a change of an assignment. A principal whose user is unknown is listed by its
/// own name.
pub(super) fn entry_of(
    next: &PhoneEntry,
    record: Option<&Record>,
    by: Actor,
    action: AuditAction,
    invocation: &Invocation,
    now: SystemTime,
) -> Option<AuditEntry> {
    let name = || ExternalId::parse(&next.principal().to_string());
    let user = next.user.clone().or_else(name)?;
    let unseen = || Record::unseen(&user, now);
    let record = record.cloned().unwrap_or_else(unseen);
    let id = format!("{}#{}", invocation.id, next.principal());
    Some(AuditEntry::of(&record, &id, by, action, now))
}
