//! `GET /v1/identities`: lists the identities, by state and by last use, in pages.

use api_types::{IdentityListOutput, IdentityOutput, parse_timestamp};
use aws_secrets::SecretArn;
use identity_core::list_identities::{
    IdentityPage, ListIdentitiesRequest, MAX_PAGE, list_identities,
};
use identity_core::ports::{Clock, IdentityStore};
use identity_core::record::StateName;
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    Access, ApiResponse, Problem, ServiceEdge, invalid_parameter, paging, query, run, serve,
    system_clock, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        aws_secrets::key(config.caller_key)
    );
    let edge = ServiceEdge::new(key, config.access.subject_claims());
    let access = config.access;
    let clock = system_clock();
    run(async |request| {
        let response = handle(&store, &clock, &access, &request);
        serve("ListIdentities", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    caller_key: Option<SecretArn>,
    access: Access,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::read_only(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            access: Access::from_env(env)?,
        })
    }
}

/// The query parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// `provisioning`, `active`, `blocked`, `deleting` or `stuck`.
    state: Option<String>,
    /// RFC 3339: only identities last used before this time.
    unused_since: Option<String>,
    /// 1 to 100; 50 if absent.
    limit: Option<String>,
    /// The `next` value of the previous page; the first page if absent or empty.
    cursor: Option<String>,
}

impl Input {
    fn into_request(self) -> Result<ListIdentitiesRequest, Problem> {
        // Tombstones do not count as identities and are not listed.
        let state = self.state.map(|raw| {
            let state = StateName::parse(&raw).filter(|state| *state != StateName::Deleted);
            state.ok_or_else(|| {
                let reason = "must be provisioning, active, blocked, deleting or stuck";
                invalid_parameter("state", reason)
            })
        });
        let unused_since = self.unused_since.map(|raw| {
            let reason = "must be an RFC 3339 timestamp, for example 2026-11-26T12:00:00Z";
            parse_timestamp(&raw).ok_or_else(|| invalid_parameter("unusedSince", reason))
        });
        Ok(ListIdentitiesRequest {
            state: state.transpose()?,
            unused_since: unused_since.transpose()?,
            limit: paging::limit(self.limit.as_deref(), DEFAULT_PAGE, MAX_PAGE)?,
            cursor: paging::cursor(self.cursor.as_deref())?,
        })
    }
}

/// The number of identities in a page if the client does not set it.
const DEFAULT_PAGE: u16 = 50;

pub(crate) async fn handle(
    store: &impl IdentityStore,
    clock: &impl Clock,
    access: &Access,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    access.administrator(store, clock, request).await?;
    let request = query::<Input>(request)?.into_request()?;
    let IdentityPage { records, next } = list_identities(store, request).await?;
    let identities = records.iter().map(IdentityOutput::from).collect();
    let next = next.as_ref().map(paging::next);
    ApiResponse::json(StatusCode::OK, &IdentityListOutput { identities, next })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use identity_core::ports::Clock;
    use identity_core::record::State;
    use identity_core::testing::{CoreFixture, record};
    use lambda_edge::testing::{self, TestRequest, body, edge};
    use lambda_http::{Body, Response};

    use super::*;

    fn thirty() -> CoreFixture {
        let now = CoreFixture::with([]).clock.now();
        CoreFixture::with((0..30).map(|index| {
            let id = format!("8:acs:{index}");
            let state = if index < 5 { State::blocked(&id) } else { State::active(&id) };
            record(&format!("user-{index}"), state, now)
        }))
    }

    async fn list(fixture: &CoreFixture, query: &str) -> Response<Body> {
        let request = TestRequest::new("GET /v1/identities").query(query).request();
        let access = testing::access();
        let response = handle(&fixture.store, &fixture.clock, &access, &request);
        serve("ListIdentities", &fixture.clock, &edge(), &request, response).await.unwrap()
    }

    #[tokio::test]
    async fn pages_lead_to_the_end_and_show_every_identity_once() {
        let (fixture, mut seen, mut query) = (thirty(), BTreeSet::new(), "limit=7".to_owned());
        loop {
            let page = body(&list(&fixture, &query).await);
            for identity in page["identities"].as_array().unwrap() {
                assert!(seen.insert(identity["externalId"].as_str().unwrap().to_owned()));
            }
            match page["next"].as_str() {
                Some(next) => query = format!("limit=7&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 30);
    }

    #[tokio::test]
    async fn a_list_is_narrowed_by_state_and_by_last_use() {
        for (query, count) in [
            ("state=blocked", 5),
            ("unusedSince=2027-01-15T08:00:00Z", 0),
            ("unusedSince=2027-01-15T08:00:01Z&state=active", 25),
        ] {
            let page = body(&list(&thirty(), query).await);
            assert_eq!(page["identities"].as_array().unwrap().len(), count, "{query}");
        }
    }

    #[tokio::test]
    async fn an_invalid_query_is_refused() {
        for query in [
            "state=deleted",
            "state=happy",
            "limit=101",
            "unusedSince=yesterday",
            "cursor=e30",
            "sort=asc",
            "limit=1&limit=2",
        ] {
            assert_eq!(list(&thirty(), query).await.status(), 400, "{query}");
        }
    }
}
