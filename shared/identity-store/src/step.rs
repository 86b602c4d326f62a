//! The conditional update that makes one step of a record.

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::ports::Step;
use identity_core::record::Record;

use crate::item::{self, decisions, number, text, time};
use crate::update::RecordUpdate;

/// Builds the update for a step.
pub(crate) fn replacement(step: Step<'_>) -> RecordUpdate {
    let mut set = item::write(step.next);
    set.remove(item::EXTERNAL_ID);
    let mut remove: Vec<&str> =
        item::OPTIONAL.into_iter().filter(|name| !set.contains_key(*name)).collect();
    if let Some(seen) = step.seen {
        // Keep the attributes that a use writes, unless the step changes them.
        if seen.last_issued_at == step.next.last_issued_at {
            set.remove(item::LAST_ISSUED_AT);
        }
        if seen.pace_until == step.next.pace_until {
            set.remove(item::PACE_UNTIL);
            remove.retain(|name| *name != item::PACE_UNTIL);
        }
    }
    let user = &step.next.external_id;
    match step.seen {
        None => {
            let condition = format!("attribute_not_exists(#{})", item::EXTERNAL_ID);
            let mut update = RecordUpdate::new(user, set, &remove, condition);
            update.name(item::EXTERNAL_ID);
            update
        }
        Some(seen) => {
            let conditions = as_seen(seen, step.unless_used);
            let condition: Vec<_> = conditions.iter().map(Condition::text).collect();
            let mut update = RecordUpdate::new(user, set, &remove, condition.join(" AND "));
            for Condition { name, value } in conditions {
                update.name(name);
                if let Some(value) = value {
                    update.value(&format!("seen_{name}"), value);
                }
            }
            update
        }
    }
}

/// A condition on an attribute: it must have this value, or be absent.
struct Condition {
    name: &'static str,
    value: Option<AttributeValue>,
}

impl Condition {
    fn text(&self) -> String {
        let name = self.name;
        match self.value {
            Some(_) => format!("#{name} = :seen_{name}"),
            None => format!("attribute_not_exists(#{name})"),
        }
    }
}

/// The attributes that must be unchanged since they were read: the state, the epoch, the
/// decisions, the pending revocation and its failed attempts. If no token had been issued since
/// the last revocation, that must still hold. With `unless_used`, the time of the last use must
/// also be unchanged.
fn as_seen(seen: &Record, unless_used: bool) -> Vec<Condition> {
    let is = |name, value| Condition { name, value: Some(value) };
    let changes = seen.decisions.changes();
    let pending = seen.pending_revocation.as_ref().map(|receipt| text(&receipt.0));
    let attempts = (seen.attempts > 0).then(|| number(seen.attempts.into()));
    let mut conditions = vec![
        is(item::STATE, text(seen.state.name().as_str())),
        is(item::EPOCH, number(seen.epoch)),
        Condition { name: decisions::DECIDED_AT, value: seen.decisions.newest().map(time) },
        Condition { name: decisions::CHANGES, value: (changes > 0).then(|| number(changes)) },
        Condition { name: item::PENDING_REVOCATION, value: pending },
        Condition { name: item::ATTEMPTS, value: attempts },
    ];
    if seen.tokens_revoked {
        conditions.push(is(item::TOKENS_REVOKED, AttributeValue::Bool(true)));
    }
    if unless_used {
        conditions.push(is(item::LAST_ISSUED_AT, time(seen.last_issued_at)));
    }
    conditions
}
