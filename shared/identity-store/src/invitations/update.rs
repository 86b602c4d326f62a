//! The conditional update of each step of an invitation.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::guest::{
    DeviceId, Invitation, InvitationId, InvitationRevocation, InvitationState, InvitationStep,
    PIN_ATTEMPTS,
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
        match *step {
            InvitationStep::CountPin => Self::count_pin(),
            InvitationStep::Lock => Self::lock(),
            InvitationStep::Admit { device, at, gives_pin_back } => {
                Self::admit(device, at, gives_pin_back)
            }
            InvitationStep::Extend { closes_at, delete_at, most, unlock, now } => {
                let update = Self::extend(closes_at, delete_at, most, now);
                if unlock { update.and_unlock() } else { update }
            }
            InvitationStep::Revoke(revocation) => Self::revoke(id, revocation),
            InvitationStep::ConfirmRevocation { at } => Self::confirm_revocation(id, at),
        }
    }

    /// An update of these attributes, beside the state of the invitation.
    fn new(update: &str, condition: &str, attributes: &[&str]) -> Self {
        let mut new = Self {
            update: update.to_owned(),
            condition: condition.to_owned(),
            names: Names::new(),
            values: Values::new(),
        };
        new.add_name(INVITATION);
        for name in attributes {
            new.add_name(name);
        }
        new
    }

    fn add_name(&mut self, name: &str) {
        self.names.insert(format!("#{name}"), name.to_owned());
    }

    fn with<const N: usize>(mut self, values: [(&str, AttributeValue); N]) -> Self {
        self.values.extend(values.map(|(name, value)| (format!(":{name}"), value)));
        self
    }

    fn count_pin() -> Self {
        let condition = "#invitation = :open AND #pinLeft > :zero";
        Self::new("SET #pinLeft = #pinLeft - :one", condition, &[PIN_LEFT]).with([
            ("open", state(InvitationState::Open)),
            ("one", number(1)),
            ("zero", number(0)),
        ])
    }

    fn lock() -> Self {
        let condition = "#invitation = :open AND #pinLeft = :zero";
        Self::new("SET #invitation = :locked", condition, &[PIN_LEFT]).with([
            ("open", state(InvitationState::Open)),
            ("locked", state(InvitationState::Locked)),
            ("zero", number(0)),
        ])
    }

    fn admit(device: &DeviceId, at: SystemTime, gives_pin_back: bool) -> Self {
        let condition = "#invitation = :open AND #closesAt > :at \
                         AND attribute_not_exists(#devices.#device) AND size(#devices) < #most";
        let attributes = [DEVICES, CLOSES_AT, MOST];
        let mut new = Self::new("SET #devices.#device = :at", condition, &attributes)
            .with([("open", state(InvitationState::Open)), ("at", time(at))]);
        new.names.insert("#device".to_owned(), device.as_str().to_owned());
        if !gives_pin_back {
            return new;
        }
        new.add_name(PIN_LEFT);
        new.update.push_str(", #pinLeft = #pinLeft + :one");
        new.condition.push_str(" AND #pinLeft < :attempts");
        new.with([("one", number(1)), ("attempts", number(PIN_ATTEMPTS.into()))])
    }

    fn extend(closes_at: SystemTime, delete_at: SystemTime, most: u8, now: SystemTime) -> Self {
        let update = "SET #closesAt = :closesAt, #unfinishedSince = :closesAt, \
                      #deleteAt = :deleteAt, #expiresAt = :expiresAt, #most = :most";
        let condition = "#invitation IN (:open, :locked) AND #closesAt <= :closesAt \
                         AND #most <= :most AND #deleteAt > :now";
        let attributes = [CLOSES_AT, DELETE_AT, MOST, UNFINISHED_SINCE, EXPIRES_AT];
        Self::new(update, condition, &attributes).with([
            ("open", state(InvitationState::Open)),
            ("locked", state(InvitationState::Locked)),
            ("closesAt", time(closes_at)),
            ("deleteAt", time(delete_at)),
            ("expiresAt", item::expires_at(delete_at)),
            ("most", number(most.into())),
            ("now", time(now)),
        ])
    }

    fn and_unlock(mut self) -> Self {
        self.add_name(PIN_LEFT);
        // An invitation without a PIN has no tag, so that the number means nothing.
        self.update.push_str(", #invitation = :open, #pinLeft = :attempts");
        self.with([("attempts", number(PIN_ATTEMPTS.into()))])
    }

    fn revoke(id: &InvitationId, revocation: &InvitationRevocation) -> Self {
        let update = "SET #invitation = :revoking, #receipt = :receipt, #revokedBy = :by, \
                      #revokingSince = :since, #unfinishedShard = :shard, \
                      #unfinishedSince = :since";
        let attributes = [RECEIPT, REVOKED_BY, REVOKING_SINCE, UNFINISHED_SHARD, UNFINISHED_SINCE];
        let mut new = Self::new(update, "#invitation IN (:open, :locked)", &attributes).with([
            ("open", state(InvitationState::Open)),
            ("locked", state(InvitationState::Locked)),
            ("revoking", state(InvitationState::Revoking)),
            ("receipt", text(&revocation.receipt.0)),
            ("by", text(revocation.by.as_str())),
            ("since", time(revocation.accepted_at)),
            ("shard", number(item::shard(id, InvitationIndex::Revoking).into())),
        ]);
        let Some(reason) = &revocation.reason else { return new };
        new.add_name(REASON);
        new.update.push_str(", #reason = :reason");
        new.with([("reason", text(reason.as_str()))])
    }

    fn confirm_revocation(id: &InvitationId, at: SystemTime) -> Self {
        let update = "SET #invitation = :revoked, #revokedAt = :at, \
                      #unfinishedShard = :shard, #unfinishedSince = #closesAt";
        let attributes = [REVOKED_AT, CLOSES_AT, UNFINISHED_SHARD, UNFINISHED_SINCE];
        Self::new(update, "#invitation = :revoking", &attributes).with([
            ("revoking", state(InvitationState::Revoking)),
            ("revoked", state(InvitationState::Revoked)),
            ("at", time(at)),
            ("shard", number(item::shard(id, InvitationIndex::ClosesAt).into())),
        ])
    }
}

fn state(state: InvitationState) -> AttributeValue {
    text(state.as_str())
}
