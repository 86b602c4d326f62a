use identity_core::Error;
use serde_json::Value;
use tracing::info;

use crate::model::{ScimUser, UserMapping};
use crate::ports::{ScimUserEvent, ScimUserStore, UserEventSender, UserWrite, WriteOutcome};
use crate::service::events::{PlannedChange, deletion, next_version};
use crate::service::list::{find_user, list_users};
use crate::service::request::{ScimRequest, ScimStamp};
use crate::wire::{
    ListQueryString, Projection, ScimRefusal, ScimResponse, UserChange, list_response, read_body,
    read_patch, resource_types, schemas, service_provider_config, user_location, user_resource,
};

/// A SCIM service provider for one transmitter.
#[derive(Clone, Copy, Debug)]
pub struct ScimService<'a, S, E> {
    /// The store of the users.
    pub store: &'a S,
    /// The sender of the events.
    pub events: &'a E,
    /// The name of the transmitter. Each one has its own users.
    pub transmitter: &'a str,
    /// Who a SCIM user is for this deployment.
    pub mapping: &'a UserMapping,
}

/// Why a request has no result: the response to it.
struct Refused(ScimResponse);

impl From<ScimRefusal> for Refused {
    fn from(refusal: ScimRefusal) -> Self {
        Self(refusal.into())
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        tracing::error!(cause = identity_core::error_chain(&error), "SCIM request failed");
        Self(error.into())
    }
}

impl<S: ScimUserStore, E: UserEventSender> ScimService<'_, S, E> {
    /// Performs a request. The caller has checked the bearer.
    pub async fn handle(&self, request: &ScimRequest<'_>, stamp: &ScimStamp) -> ScimResponse {
        self.route(request, stamp).await.unwrap_or_else(|Refused(response)| response)
    }

    async fn route(
        &self,
        request: &ScimRequest<'_>,
        stamp: &ScimStamp,
    ) -> Result<ScimResponse, Refused> {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let base_url = request.base_url;
        match (request.method, path.as_slice()) {
            ("GET", ["Users"]) => self.list(&ListQueryString::read(request.query)?, base_url).await,
            ("POST", [".search"] | ["Users", ".search"]) => {
                self.list(&ListQueryString::search(&body_of(request)?)?, base_url).await
            }
            ("POST", ["Users"]) => {
                self.create(&UserChange::read(&body_of(request)?)?, stamp, request).await
            }
            ("GET", ["Users", id]) => {
                Ok(ScimResponse::ok(200, resource(&self.find(id).await?, request)))
            }
            ("PUT", ["Users", id]) => {
                self.change(id, &UserChange::read(&body_of(request)?)?, stamp, request).await
            }
            ("PATCH", ["Users", id]) => {
                self.change(id, &read_patch(&body_of(request)?)?, stamp, request).await
            }
            ("DELETE", ["Users", id]) => self.delete(id, stamp).await,
            ("GET", ["ServiceProviderConfig"]) => {
                Ok(ScimResponse::ok(200, service_provider_config(base_url)))
            }
            ("GET", ["ResourceTypes", id @ ..]) => described(resource_types(base_url), id),
            ("GET", ["Schemas", id @ ..]) => described(schemas(base_url), id),
            (_, path) => Err(unsupported(path).into()),
        }
    }

    async fn list(&self, query: &ListQueryString, base_url: &str) -> Result<ScimResponse, Refused> {
        let list = list_users(self.store, self.transmitter, query, base_url).await?;
        Ok(ScimResponse::ok(200, list))
    }

    async fn find(&self, id: &str) -> Result<ScimUser, Refused> {
        let found = find_user(self.store, self.transmitter, id).await?;
        found.ok_or_else(|| ScimRefusal::no_such_user().into())
    }

    async fn create(
        &self,
        change: &UserChange,
        stamp: &ScimStamp,
        request: &ScimRequest<'_>,
    ) -> Result<ScimResponse, Refused> {
        let Some(user_name) = change.user_name.clone() else {
            return Err(ScimRefusal::value("`userName` is missing.").into());
        };
        self.require_free_name(&user_name, None).await?;
        let user = change.applied_to(&ScimUser {
            id: stamp.id.clone(),
            user_name,
            external_id: None,
            display_name: None,
            active: true,
            created_at: stamp.now,
            modified_at: stamp.now,
            version: 1,
        });
        self.send_events(None, &user, change, stamp).await?;
        match self.write(None, &user).await? {
            WriteOutcome::Done => {
                let location = user_location(request.base_url, &user.id);
                let created = ScimResponse::ok(201, resource(&user, request));
                Ok(created.header("location", location))
            }
            WriteOutcome::NameTaken => Err(ScimRefusal::name_taken().into()),
            WriteOutcome::Changed => Err(Error::busy().into()),
        }
    }

    /// Changes a user. If another request changes the user at the same time, this one reads it
    /// again, so that the last change that is stored also has the last event.
    async fn change(
        &self,
        id: &str,
        change: &UserChange,
        stamp: &ScimStamp,
        request: &ScimRequest<'_>,
    ) -> Result<ScimResponse, Refused> {
        for _ in 0..MOST_ATTEMPTS {
            let before = self.find(id).await?;
            let after = change.applied_to(&before);
            if ScimUser::name_key(&after.user_name) != ScimUser::name_key(&before.user_name) {
                self.require_free_name(&after.user_name, Some(id)).await?;
            }
            let is_repeated = change.active == Some(false);
            if after == before && !is_repeated {
                return Ok(ScimResponse::ok(200, resource(&before, request)));
            }
            let after = next_version(&after, stamp.now);
            self.send_events(Some(&before), &after, change, stamp).await?;
            match self.write(Some(&before), &after).await? {
                WriteOutcome::Done => return Ok(ScimResponse::ok(200, resource(&after, request))),
                WriteOutcome::NameTaken => return Err(ScimRefusal::name_taken().into()),
                WriteOutcome::Changed => {}
            }
        }
        Err(Error::busy().into())
    }

    async fn delete(&self, id: &str, stamp: &ScimStamp) -> Result<ScimResponse, Refused> {
        for _ in 0..MOST_ATTEMPTS {
            let user = self.find(id).await?;
            if let Some(event) = deletion(&user, self.mapping, stamp)? {
                self.send(&event).await?;
            }
            if self.store.delete(self.transmitter, &user).await? == WriteOutcome::Done {
                return Ok(ScimResponse::empty());
            }
        }
        Err(Error::busy().into())
    }

    /// Refuses a name that another user has, before any event is sent.
    async fn require_free_name(&self, user_name: &str, own: Option<&str>) -> Result<(), Refused> {
        let found = self.store.find_by_name(self.transmitter, user_name).await?;
        match found.filter(|user| own != Some(user.id.as_str())) {
            Some(_) => Err(ScimRefusal::name_taken().into()),
            None => Ok(()),
        }
    }

    async fn send_events(
        &self,
        before: Option<&ScimUser>,
        after: &ScimUser,
        change: &UserChange,
        stamp: &ScimStamp,
    ) -> Result<(), Refused> {
        let subject = self.mapping.subject(after);
        let is_new_subject = before.and_then(|user| self.mapping.subject(user)) != subject;
        let was_blocked = match subject {
            Some(subject) if is_new_subject && after.active => {
                self.store.is_blocked(self.transmitter, subject).await?
            }
            _ => false,
        };
        let deactivates = change.active == Some(false);
        let planned = PlannedChange { before, after, deactivates, was_blocked };
        for event in planned.events(self.mapping, stamp)? {
            self.send(&event).await?;
        }
        Ok(())
    }

    async fn send(&self, event: &ScimUserEvent) -> Result<(), Error> {
        self.events.send(event).await?;
        info!(
            transmitter = self.transmitter,
            event.kind = event.kind.as_str(),
            event.id,
            "SCIM event sent to the queue"
        );
        Ok(())
    }

    async fn write(
        &self,
        before: Option<&ScimUser>,
        after: &ScimUser,
    ) -> Result<WriteOutcome, Error> {
        let subject = self.mapping.subject(after);
        self.store.write(self.transmitter, &UserWrite { before, after, subject }).await
    }
}

fn body_of(request: &ScimRequest<'_>) -> Result<serde_json::Map<String, Value>, ScimRefusal> {
    read_body(request.body, request.content_type, request.content_encoding)
}

/// A user as the request wants them.
fn resource(user: &ScimUser, request: &ScimRequest<'_>) -> Value {
    user_resource(user, request.base_url, &Projection::of_query(request.query))
}

/// All descriptions, or the one with this name.
fn described(all: Vec<(&'static str, Value)>, id: &[&str]) -> Result<ScimResponse, Refused> {
    let found = match id {
        [] => {
            let list: Vec<_> = all.into_iter().map(|(_, description)| description).collect();
            Some(list_response(&list, list.len(), 1))
        }
        [id] => all.into_iter().find(|(name, _)| name == id).map(|(_, description)| description),
        _ => None,
    };
    let found = found.ok_or_else(|| ScimRefusal::new(404, "This description does not exist."))?;
    Ok(ScimResponse::ok(200, found))
}

/// The refusal of a request for something that does not exist here.
fn unsupported(path: &[&str]) -> ScimRefusal {
    match path {
        ["Bulk" | "Me", ..] => ScimRefusal::new(501, "Bulk requests and `/Me` are not supported."),
        ["Users"] | ["Users", _] | ["ServiceProviderConfig" | "ResourceTypes" | "Schemas", ..] => {
            ScimRefusal::new(405, "The method is not supported for this path.")
        }
        _ => {
            ScimRefusal::new(404, "This resource does not exist: only `/Users` can be provisioned.")
        }
    }
}

/// How often a change is repeated when other requests change the same user in the meantime.
const MOST_ATTEMPTS: usize = 4;
