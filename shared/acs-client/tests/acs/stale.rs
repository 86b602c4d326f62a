//! Connections that the server closed while they were idle.

use identity_core::ports::IdentityClient;

use crate::support::{
    ClientFixture, ScriptedOperation, ScriptedReply, ScriptedServer, maybe_applied,
};

fn closing(reply: ScriptedReply) -> ScriptedReply {
    match reply {
        ScriptedReply::Respond(text) => ScriptedReply::RespondAndClose(text),
        other => other,
    }
}

/// The runtime does not run while the server closes the connection, like a function that is frozen
/// between two invocations.
#[tokio::test]
async fn r41_a_connection_that_the_server_closed_is_not_reused() {
    for operation in ScriptedOperation::ALL {
        let server = ScriptedServer::start([closing(operation.success()), operation.success()]);
        let closed = server.closings();
        let fixture = ClientFixture::of(server, |_| {});
        fixture.call(operation).await.unwrap();
        closed.recv().unwrap();
        fixture.call(operation).await.unwrap();
        assert_eq!(fixture.server.count(), 2, "{operation:?}");
        assert_eq!(fixture.server.connections(), 2, "{operation:?}");
        assert!(fixture.clock.pauses().is_empty(), "{operation:?}");
    }
}

#[tokio::test]
async fn r41_after_a_lost_connection_a_retry_uses_a_new_one() {
    for failure in [ScriptedReply::Close, ScriptedReply::Reset] {
        for operation in ScriptedOperation::REPEATABLE {
            let fixture =
                ClientFixture::new([operation.success(), failure.clone(), operation.success()]);
            fixture.call(operation).await.unwrap();
            fixture.call(operation).await.unwrap();
            assert_eq!(fixture.server.count(), 3, "{operation:?} {failure:?}");
        }
        // ACS may have received the request, although the connection was an old one.
        for operation in ScriptedOperation::CREATIONS {
            let fixture =
                ClientFixture::new([operation.success(), failure.clone(), operation.success()]);
            fixture.call(operation).await.unwrap();
            assert!(maybe_applied(fixture.call(operation).await), "{operation:?} {failure:?}");
            assert_eq!(fixture.server.count(), 2, "{operation:?} {failure:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_reused_by_the_next_call() {
    let fixture = ClientFixture::new([
        ScriptedReply::identity(),
        ScriptedReply::token(),
        ScriptedReply::done(),
    ]);
    let deadline = fixture.deadline_in(std::time::Duration::from_secs(5));
    fixture.acs.create_identity(deadline).await.unwrap();
    fixture.call(ScriptedOperation::Issue).await.unwrap();
    fixture.call(ScriptedOperation::Revoke).await.unwrap();
    fixture.call(ScriptedOperation::Delete).await.unwrap();
    assert_eq!((fixture.server.count(), fixture.server.connections()), (4, 1));
}
