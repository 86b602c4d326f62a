//! The conditional update of each step of an invitation.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::guest::{
    Invitation, InvitationId, InvitationState, InvitationStep, PIN_ATTEMPTS,
};
use identity_core::ports::InvitationIndex;

use super::item::{
    self, CLOSES_AT, DELETE_AT, DEVICES, INVITATION, MOST, PIN_LEFT, REASON, RECEIPT, REVOKED_AT,
    REVOKED_BY, REVOKING_SINCE,
};
use crate::item::{EXPIRES_AT, UNFINISHED_SHARD, UNFINISHED_SINCE, number, text, time};

type Names = HashMap<String, String>;
type Values = HashMap<String, AttributeValue>;

/// The update that stores a new invitation.
pub(super) fn creation(invitation: &Invitation) -> (String, Names, Values) {
    let (mut names, mut values, mut clauses) = (Names::new(), Values::new(), Vec::new());
    for (name, value) in item::write(invitation) {
        clauses.push(format!("#{name} = :{name}"));
        names.insert(format!("#{name}"), name.clone());
        values.insert(format!(":{name}"), value);
    }
    (format!("SET {}", clauses.join(", ")), names, values)
}

/// The expressions of one step. In them, each attribute name has the prefix `#`, because many names
/// are reserved words.
pub(super) struct StepUpdate {
    pub(super) update: String,
    pub(super) condition: String,
    pub(super) names: Names,
    pub(super) values: Values,
}

impl StepUpdate {
    /// The update of a step. It does what [`InvitationStep::apply`] says.
    pub(super) fn of(id: &InvitationId, step: &InvitationStep<'_>) -> Self {
        let mut values = Values::new();
        let mut value = |name: &str, value| values.insert(format!(":{name}"), value);
        let mut names = vec![INVITATION];
        let (update, condition) = match *step {
            InvitationStep::CountPin => {
                names.push(PIN_LEFT);
                value("open", state(InvitationState::Open));
                value("one", number(1));
                value("zero", number(0));
                (
                    "SET #pinLeft = #pinLeft - :one".to_owned(),
                    "#invitation = :open AND #pinLeft > :zero".to_owned(),
                )
            }
            InvitationStep::Lock => {
                names.push(PIN_LEFT);
                value("open", state(InvitationState::Open));
                value("locked", state(InvitationState::Locked));
                value("zero", number(0));
                (
                    "SET #invitation = :locked".to_owned(),
                    "#invitation = :open AND #pinLeft = :zero".to_owned(),
                )
            }
            InvitationStep::Admit { device: _, at, gives_pin_back } => {
                names.extend([DEVICES, CLOSES_AT, MOST]);
                value("open", state(InvitationState::Open));
                value("at", time(at));
                let mut update = "SET #devices.#device = :at".to_owned();
                if gives_pin_back {
                    names.push(PIN_LEFT);
                    value("zero", number(0));
                    value("one", number(1));
                    update.push_str(", #pinLeft = if_not_exists(#pinLeft, :zero) + :one");
                }
                let condition = "#invitation = :open AND #closesAt > :at \
                                 AND attribute_not_exists(#devices.#device) \
                                 AND size(#devices) < #most";
                (update, condition.to_owned())
            }
            InvitationStep::Extend { closes_at, delete_at, most, unlock, now } => {
                names.extend([CLOSES_AT, DELETE_AT, MOST, UNFINISHED_SINCE, EXPIRES_AT]);
                value("open", state(InvitationState::Open));
                value("locked", state(InvitationState::Locked));
                value("closesAt", time(closes_at));
                value("deleteAt", time(delete_at));
                value("expiresAt", item::expires_at(delete_at));
                value("most", number(most.into()));
                value("now", time(now));
                let mut update = "SET #closesAt = :closesAt, #unfinishedSince = :closesAt, \
                                  #deleteAt = :deleteAt, #expiresAt = :expiresAt, #most = :most"
                    .to_owned();
                if unlock {
                    names.push(PIN_LEFT);
                    value("attempts", number(PIN_ATTEMPTS.into()));
                    // An invitation without a PIN has no tag, so that the number means nothing.
                    update.push_str(", #invitation = :open, #pinLeft = :attempts");
                }
                let condition = "#invitation IN (:open, :locked) AND #closesAt <= :closesAt \
                                 AND #most <= :most AND #deleteAt > :now";
                (update, condition.to_owned())
            }
            InvitationStep::Revoke(revocation) => {
                names.extend([RECEIPT, REVOKED_BY, REVOKING_SINCE]);
                names.extend([UNFINISHED_SHARD, UNFINISHED_SINCE]);
                let shard = item::shard(id, InvitationIndex::Revoking);
                value("open", state(InvitationState::Open));
                value("locked", state(InvitationState::Locked));
                value("revoking", state(InvitationState::Revoking));
                value("receipt", text(&revocation.receipt.0));
                value("by", text(revocation.by.as_str()));
                value("since", time(revocation.accepted_at));
                value("shard", number(shard.into()));
                let mut update = "SET #invitation = :revoking, #receipt = :receipt, \
                                  #revokedBy = :by, #revokingSince = :since, \
                                  #unfinishedShard = :shard, #unfinishedSince = :since"
                    .to_owned();
                if let Some(reason) = &revocation.reason {
                    names.push(REASON);
                    value("reason", text(reason.as_str()));
                    update.push_str(", #reason = :reason");
                }
                (update, "#invitation IN (:open, :locked)".to_owned())
            }
            InvitationStep::ConfirmRevocation { at } => {
                names.extend([REVOKED_AT, CLOSES_AT, UNFINISHED_SHARD, UNFINISHED_SINCE]);
                let shard = item::shard(id, InvitationIndex::ClosesAt);
                value("revoking", state(InvitationState::Revoking));
                value("revoked", state(InvitationState::Revoked));
                value("at", time(at));
                value("shard", number(shard.into()));
                let update = "SET #invitation = :revoked, #revokedAt = :at, \
                              #unfinishedShard = :shard, #unfinishedSince = #closesAt";
                (update.to_owned(), "#invitation = :revoking".to_owned())
            }
        };
        let names = names.into_iter().map(|name| (format!("#{name}"), name.to_owned()));
        let mut names: Names = names.collect();
        if let InvitationStep::Admit { device, .. } = step {
            names.insert("#device".to_owned(), device.as_str().to_owned());
        }
        Self { update, condition, names, values }
    }
}

fn state(state: InvitationState) -> AttributeValue {
    text(state.as_str())
}
