//! R46: an engine that throttles, that fails after it applied a request, or that reports a
//! conflict with another transaction on the same item.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
        },
    },
    error::BoxError,
};
use identity_core::{
    Error,
    identity::IdentityRef,
    issue_access_token::{IssueAccessTokenRequest, IssuedToken, issue_access_token},
    ports::{IdentityStore as _, OrphanStore as _},
    record::{By, Cause},
    revoke_access_tokens::{IfMissing, RevokeAccessTokensRequest, revoke_access_tokens},
    testing::{
        ManualClock, MemoryIdentityClient, administrator, an_hour, caller, invocation, user,
    },
};
use identity_store::DynamoIdentityStore;
use serde_json::json;

use crate::store_behind;

/// The error of DynamoDB, and whether the request was applied before it.
const FAULTS: [(&str, u16, bool); 6] = [
    ("ProvisionedThroughputExceededException", 400, false),
    ("ThrottlingException", 400, false),
    ("RequestLimitExceeded", 400, false),
    ("TransactionConflictException", 400, false),
    ("TransactionCanceledException", 400, false),
    ("InternalServerError", 500, true),
];

/// Replaces the engine's response to one request.
#[derive(Clone, Debug)]
struct EngineFault {
    code: &'static str,
    status: u16,
    is_applied: bool,
    /// The number of the request, counted from 0.
    at: usize,
    sent: Arc<AtomicUsize>,
}

impl EngineFault {
    /// Whether the request was reached.
    fn has_occurred(&self) -> bool {
        self.sent.load(Relaxed) > self.at
    }
}

impl Intercept for EngineFault {
    fn name(&self) -> &'static str {
        "EngineFault"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let sent = self.sent.fetch_add(1, Relaxed);
        if sent == self.at && !self.is_applied {
            // The engine does not have this operation, so it changes nothing.
            context.request_mut().headers_mut().insert("x-amz-target", "DynamoDB_20120810.Nothing");
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Requests are sent one at a time, so the response belongs to the last request.
        if self.sent.load(Relaxed).checked_sub(1) == Some(self.at) {
            let conflict = json!([{ "Code": "TransactionConflict" }, { "Code": "None" }]);
            let kind = format!("com.amazonaws.dynamodb.v20120810#{}", self.code);
            let body = json!({ "__type": kind, "message": "x", "CancellationReasons": conflict });
            let response = context.response_mut();
            *response.status_mut() = self.status.try_into()?;
            *response.body_mut() = body.to_string().into();
        }
        Ok(())
    }
}

/// The operations, on a store that fails.
struct FaultFixture {
    fault: EngineFault,
    store: DynamoIdentityStore,
    acs: MemoryIdentityClient,
    clock: ManualClock,
}

impl FaultFixture {
    async fn with((code, status, is_applied): (&'static str, u16, bool), at: usize) -> Self {
        let fault = EngineFault { code, status, is_applied, at, sent: Arc::default() };
        let store = store_behind(fault.clone()).await;
        Self { fault, store, acs: MemoryIdentityClient::default(), clock: ManualClock::default() }
    }

    async fn issue(&self, id: &str) -> Result<IssuedToken, Error> {
        let (token, invocation) = (an_hour(), invocation(id, &self.clock));
        let request = IssueAccessTokenRequest { subject: caller("alice"), token, invocation };
        issue_access_token(&self.store, &self.acs, &self.clock, request).await
    }

    async fn revoke(&self, id: &str) -> Result<(), Error> {
        let request = RevokeAccessTokensRequest {
            bearer: None,
            identity: IdentityRef::External(user("alice")),
            block: false,
            if_missing: IfMissing::Refuse,
            pace: None,
            cause: Cause::of(By::administrator(administrator().id())),
            invocation: invocation(id, &self.clock),
        };
        revoke_access_tokens(&self.store, &self.acs, &self.clock, request).await.map(drop)
    }

    /// After this time, pending work may be taken over.
    fn until_leases_end(&self) {
        self.clock.advance(Duration::from_mins(1));
    }
}

/// The caller's response when the store fails: 503, to be retried.
fn assert_unavailable<T: std::fmt::Debug>(outcome: &Result<T, Error>, context: &str) {
    let is_unavailable = matches!(outcome, Ok(_) | Err(Error::StoreUnavailable(_)));
    assert!(is_unavailable, "{context}: {outcome:?}");
}

#[tokio::test]
async fn r46_a_first_token_call_is_unavailable_and_records_every_identity_that_it_created() {
    for fault in FAULTS {
        for at in 0.. {
            let context = format!("{fault:?} at request {at}");
            let fixture = FaultFixture::with(fault, at).await;
            let first = fixture.issue("first").await;
            if !fixture.fault.has_occurred() {
                assert!(at >= 3 && first.is_ok(), "{context}: {first:?}");
                break;
            }
            assert_unavailable(&first, &context);

            fixture.until_leases_end();
            let second = fixture.issue("second").await.unwrap();
            assert!(fixture.acs.is_alive(&second.token), "{context}");
            let record = fixture.store.find(&user("alice")).await.unwrap().unwrap();
            assert_eq!(record.acs_id(), Some(&second.acs_id), "{context}");
            let orphans = fixture.store.orphans().await.unwrap();
            for id in fixture.acs.identities() {
                let is_noted = orphans.iter().any(|orphan| orphan.acs_id == id);
                assert!(
                    id == second.acs_id || is_noted,
                    "{context}: {id} is in no record and no orphan list"
                );
            }
        }
    }
}

#[tokio::test]
async fn r46_a_revocation_that_failed_is_unavailable_and_succeeds_when_it_is_repeated() {
    for fault in FAULTS {
        // Count the requests of the first token call.
        let calm = FaultFixture::with(fault, usize::MAX).await;
        calm.issue("token").await.unwrap();
        let before = calm.fault.sent.load(Relaxed);
        for at in before.. {
            let context = format!("{fault:?} at request {at}");
            let fixture = FaultFixture::with(fault, at).await;
            let token = fixture.issue("token").await.unwrap().token;
            let first = fixture.revoke("first").await;
            if !fixture.fault.has_occurred() {
                assert!(at >= before + 2 && first.is_ok(), "{context}: {first:?}");
                break;
            }
            assert_unavailable(&first, &context);
            fixture.until_leases_end();
            fixture.revoke("second").await.unwrap();
            assert!(!fixture.acs.is_alive(&token), "{context}");
        }
    }
}
