//! The adapter of the port [`ScimUserStore`].

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::Error;
use scim_users::ScimUser;
use scim_users::ports::{ListWindow, ScimUserStore, UserList, UserWrite, WriteOutcome};

use crate::item::{
    ID, ITEM, ScimItem, TRANSMITTER, USERS, blocked_key, external_keys, keys, name_key, read_user,
    string, text, user_key,
};
use crate::transaction::{UserTransaction, failure};

/// The users of SCIM transmitters in `DynamoDB`.
#[derive(Clone, Debug)]
pub struct DynamoScimUserStore {
    client: Client,
    table: String,
}

impl DynamoScimUserStore {
    /// Uses a table with the credentials and the region of the process environment.
    #[must_use]
    pub fn of_process(table: String) -> Self {
        Self::new(Client::new(&aws_connection::config()), table)
    }

    /// Uses a table through `client`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    async fn item(&self, transmitter: &str, key: &str) -> Result<Option<ScimItem>, Error> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys(transmitter, key)))
            .consistent_read(true);
        Ok(read.send().await.map_err(failure)?.item)
    }

    /// One page of the items whose sort keys begin with `start`.
    async fn page(
        &self,
        transmitter: &str,
        start: &str,
        after: Option<ScimItem>,
    ) -> Result<(Vec<ScimItem>, Option<ScimItem>), Error> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#transmitter = :transmitter AND begins_with(#item, :start)")
            .expression_attribute_names("#transmitter", TRANSMITTER)
            .expression_attribute_names("#item", ITEM)
            .expression_attribute_values(":transmitter", text(transmitter))
            .expression_attribute_values(":start", text(start))
            .set_exclusive_start_key(after)
            .consistent_read(true)
            .send()
            .await
            .map_err(failure)?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }
}

impl ScimUserStore for DynamoScimUserStore {
    async fn find(&self, transmitter: &str, id: &str) -> Result<Option<ScimUser>, Error> {
        let item = self.item(transmitter, &user_key(id)).await?;
        item.as_ref().map(read_user).transpose()
    }

    async fn find_by_name(
        &self,
        transmitter: &str,
        user_name: &str,
    ) -> Result<Option<ScimUser>, Error> {
        let named = self.item(transmitter, &name_key(user_name)).await?;
        match named.as_ref().and_then(|item| string(item, ID)) {
            Some(id) => self.find(transmitter, id).await,
            None => Ok(None),
        }
    }

    async fn find_by_external_id(
        &self,
        transmitter: &str,
        external_id: &str,
    ) -> Result<Vec<ScimUser>, Error> {
        // A page has thousands of items, and a provider gives an ID to one user.
        let (items, _) = self.page(transmitter, &external_keys(external_id), None).await?;
        let mut users = Vec::new();
        for id in items.iter().filter_map(|item| string(item, ID)) {
            users.extend(self.find(transmitter, id).await?);
        }
        Ok(users)
    }

    /// Reads all users, because `DynamoDB` has no other way to skip and to count: about 3,000 users
    /// per request.
    async fn list(&self, transmitter: &str, window: &ListWindow) -> Result<UserList, Error> {
        let mut list = UserList { total: 0, users: Vec::new() };
        let mut after = None;
        loop {
            let (items, next) = self.page(transmitter, USERS, after).await?;
            for item in items.iter().filter(|item| is_listed(item, window.active)) {
                if list.total >= window.skip && list.users.len() < window.count {
                    list.users.push(read_user(item)?);
                }
                list.total += 1;
            }
            after = next;
            if after.is_none() {
                return Ok(list);
            }
        }
    }

    async fn is_blocked(&self, transmitter: &str, subject: &str) -> Result<bool, Error> {
        Ok(self.item(transmitter, &blocked_key(subject)).await?.is_some())
    }

    async fn write(
        &self,
        transmitter: &str,
        change: &UserWrite<'_>,
    ) -> Result<WriteOutcome, Error> {
        UserTransaction::write(&self.table, transmitter, change)?.send(&self.client).await
    }

    async fn delete(&self, transmitter: &str, user: &ScimUser) -> Result<WriteOutcome, Error> {
        UserTransaction::delete_user(&self.table, transmitter, user)?.send(&self.client).await
    }
}

fn is_listed(item: &ScimItem, active: Option<bool>) -> bool {
    active.is_none_or(|active| item.get("active") == Some(&AttributeValue::Bool(active)))
}
