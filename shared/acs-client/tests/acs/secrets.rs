//! No key and no token in anything that can be printed.

use std::time::Duration;

use crate::support::{KEY, Operation, Reply, Server, TOKEN, World, chain};

fn assert_clean(text: &str) {
    for secret in [KEY, &KEY[..12], "CANARY", TOKEN, "HMAC-SHA256 ", "SignedHeaders"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn r50_no_error_and_no_debug_holds_a_secret() {
    let stolen = format!(r#"{{"identity":"x","accessToken":{{"token":"{TOKEN}"}}}}"#);
    let said = |status| Reply::with(status, "", &stolen);
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{stolen}");
    let header = format!("HTTP/1.1 200 {TOKEN}\r\n{TOKEN}\r\n\r\n");
    let replies = [
        said(200),
        said(201),
        said(302),
        said(400),
        said(401),
        said(404),
        said(429),
        said(500),
        Reply::Close,
        Reply::Hang(String::new()),
        Reply::SayAndClose(cut),
        Reply::SayAndClose(header),
        Reply::SayAndClose(TOKEN.to_owned()),
    ];
    for operation in Operation::ALL {
        for reply in &replies {
            let world = World::of(Server::start([reply.clone()]), |config| {
                if matches!(reply, Reply::Hang(_)) {
                    config.limits.attempt = Duration::from_millis(50);
                }
            });
            let error = world.call(operation).await.unwrap_err();
            assert_clean(&chain(&error));
            assert_clean(&format!("{error:?}"));
            assert_clean(&format!("{:?}", world.acs));
        }
    }
}

#[test]
fn r51_configuration_prints_no_secret() {
    let config = crate::support::config("https://contoso.communication.azure.com");
    assert_clean(&format!("{config:?} {config:#?}"));
}
