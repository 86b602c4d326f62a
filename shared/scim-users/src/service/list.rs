use identity_core::Error;
use serde_json::Value;

use crate::model::ScimUser;
use crate::ports::{ListWindow, ScimUserStore, UserList};
use crate::wire::{ListQueryString, UserFilter, list_response, user_resource};

/// Lists the users that a filter selects.
pub(super) async fn list_users(
    store: &impl ScimUserStore,
    transmitter: &str,
    query: &ListQueryString,
    base_url: &str,
) -> Result<Value, Error> {
    let skip = query.start_index - 1;
    let window = |active| ListWindow { active, skip, count: query.count };
    let found = match &query.filter {
        None => store.list(transmitter, &window(None)).await?,
        Some(UserFilter::Active(active)) => store.list(transmitter, &window(Some(*active))).await?,
        Some(UserFilter::Id(id)) => {
            part_of(find_user(store, transmitter, id).await?, &window(None))
        }
        Some(UserFilter::UserName(key) | UserFilter::ExternalId(key)) if !ScimUser::is_key(key) => {
            part_of([], &window(None))
        }
        Some(UserFilter::UserName(name)) => {
            part_of(store.find_by_name(transmitter, name).await?, &window(None))
        }
        Some(UserFilter::ExternalId(id)) => {
            part_of(store.find_by_external_id(transmitter, id).await?, &window(None))
        }
    };
    let resource = |user: &ScimUser| user_resource(user, base_url, &query.projection);
    let resources: Vec<_> = found.users.iter().map(resource).collect();
    Ok(list_response(&resources, found.total, query.start_index))
}

/// The user with this ID, which can be any text.
pub(super) async fn find_user(
    store: &impl ScimUserStore,
    transmitter: &str,
    id: &str,
) -> Result<Option<ScimUser>, Error> {
    if ScimUser::is_key(id) { store.find(transmitter, id).await } else { Ok(None) }
}

/// The part of a short list.
fn part_of(users: impl IntoIterator<Item = ScimUser>, window: &ListWindow) -> UserList {
    let users: Vec<_> = users.into_iter().collect();
    let total = users.len();
    UserList { total, users: users.into_iter().skip(window.skip).take(window.count).collect() }
}
