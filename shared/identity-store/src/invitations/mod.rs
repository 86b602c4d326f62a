//! The adapter of the port [`InvitationStore`]: the invitations, in the same table.
//!
//! A step is one conditional update. `InvitationStep::apply` of the core says what it does; the
//! contract suite compares the two.

mod item;
mod lists;
mod update;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use identity_core::Error;
use identity_core::guest::{Invitation, InvitationId, InvitationStep};
use identity_core::ports::{
    DueGuestPage, DueGuestQuery, InvitationChange, InvitationPage, InvitationQuery, InvitationStore,
};

use crate::failure::failure;
use crate::item::{EXTERNAL_ID, text};
use crate::store::DynamoIdentityStore;

impl InvitationStore for DynamoIdentityStore {
    async fn find_invitation(&self, id: &InvitationId) -> Result<Option<Invitation>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(EXTERNAL_ID, text(&item::key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure)?;
        found.item.as_ref().map(item::read_invitation).transpose()
    }

    async fn add_invitation(&self, invitation: &Invitation) -> Result<(), Error> {
        let (update, names, values) = update::creation(invitation);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(EXTERNAL_ID, text(&item::key(&invitation.id)))
            .update_expression(update)
            .condition_expression(format!("attribute_not_exists({EXTERNAL_ID})"))
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            // The item is our own: the request was sent twice.
            Err(error) if is_refusal(error.as_service_error()) => Ok(()),
            Err(error) => Err(failure(error)),
        }
    }

    async fn change_invitation(
        &self,
        id: &InvitationId,
        step: &InvitationStep<'_>,
    ) -> Result<InvitationChange, Error> {
        let step = update::StepUpdate::of(id, step);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(EXTERNAL_ID, text(&item::key(id)))
            .update_expression(step.update)
            .condition_expression(step.condition)
            .set_expression_attribute_names(Some(step.names))
            .set_expression_attribute_values(Some(step.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(updated) => {
                let stored = updated.attributes();
                let stored =
                    stored.ok_or(Error::Internal("missing item in the response to an update"))?;
                Ok(InvitationChange::Made(item::read_invitation(stored)?))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    let found = refusal.item().filter(|item| !item.is_empty());
                    let found = found.map(item::read_invitation).transpose()?;
                    Ok(InvitationChange::Refused(found))
                }
                _ => Err(failure(error)),
            },
        }
    }

    async fn list_invitations(&self, query: &InvitationQuery) -> Result<InvitationPage, Error> {
        self.page_of_invitations(query).await
    }

    async fn list_due_guests(&self, query: &DueGuestQuery) -> Result<DueGuestPage, Error> {
        self.page_of_due_guests(query).await
    }
}

fn is_refusal(error: Option<&UpdateItemError>) -> bool {
    matches!(error, Some(UpdateItemError::ConditionalCheckFailedException(_)))
}
