//! Connections that the server closed while they were idle.

use identity_core::ports::IdentityClient;

use crate::support::{Operation, Reply, Server, World, maybe_applied};

fn closing(reply: Reply) -> Reply {
    match reply {
        Reply::Say(text) => Reply::SayAndClose(text),
        other => other,
    }
}

/// The runtime does not run while the server closes the connection, as a function is frozen
/// between two invocations. The client has not noticed it when it sends the next request.
#[tokio::test]
async fn r41_a_connection_closed_in_between_is_not_used_again() {
    for operation in Operation::ALL {
        let server = Server::start([closing(operation.success()), operation.success()]);
        let closed = server.closings();
        let world = World::of(server, |_| {});
        world.call(operation).await.unwrap();
        closed.recv().unwrap();
        world.call(operation).await.unwrap();
        assert_eq!(world.server.count(), 2, "{operation:?}");
        assert_eq!(world.server.connections(), 2, "{operation:?}");
        assert!(world.clock.pauses().is_empty(), "{operation:?}");
    }
}

#[tokio::test]
async fn r41_a_connection_that_dies_of_the_request_is_replaced() {
    for trouble in [Reply::Close, Reply::Reset] {
        for operation in Operation::REPEATABLE {
            let world = World::new([operation.success(), trouble.clone(), operation.success()]);
            world.call(operation).await.unwrap();
            world.call(operation).await.unwrap();
            assert_eq!(world.server.count(), 3, "{operation:?} {trouble:?}");
        }
        // ACS may have seen the request: a kept-alive connection does not show the opposite.
        for operation in Operation::CREATIONS {
            let world = World::new([operation.success(), trouble.clone(), operation.success()]);
            world.call(operation).await.unwrap();
            assert!(maybe_applied(world.call(operation).await), "{operation:?} {trouble:?}");
            assert_eq!(world.server.count(), 2, "{operation:?} {trouble:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_call() {
    let world = World::new([Reply::identity(), Reply::token(), Reply::done()]);
    let deadline = world.in_time(std::time::Duration::from_secs(5));
    world.acs.create_identity(deadline).await.unwrap();
    world.call(Operation::Issue).await.unwrap();
    world.call(Operation::Revoke).await.unwrap();
    world.call(Operation::Delete).await.unwrap();
    assert_eq!((world.server.count(), world.server.connections()), (4, 1));
}
