//! The certificates that the client trusts.

use identity_core::Error;
use rcgen::CertifiedKey;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
};

use acs_client::{AcsIdentityClient, Config};

use crate::support::{
    ClientFixture, ScriptedOperation, ScriptedReply, ScriptedServer, TestClock, chain, config,
};

/// Serves identities after a successful TLS handshake. Returns its port and its certificate.
async fn serve(name: &str) -> (u16, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate ends the handshake here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let ScriptedReply::Respond(text) = ScriptedReply::identity() else { unreachable!() };
            stream.write_all(text.as_bytes()).await.unwrap();
        }
    });
    (port, cert.pem())
}

async fn create(port: u16, change: impl FnOnce(&mut Config)) -> (Result<(), Error>, TestClock) {
    let mut config = config(&format!("https://localhost:{port}"));
    change(&mut config);
    let clock = TestClock::new();
    let acs = AcsIdentityClient::new(config, clock.clone()).unwrap();
    let fixture = ClientFixture { server: ScriptedServer::start([]), clock: clock.clone(), acs };
    (fixture.call(ScriptedOperation::Create).await, clock)
}

#[tokio::test]
async fn a_configured_root_certificate_is_trusted() {
    let (port, pem) = serve("localhost").await;
    let (outcome, _) = create(port, |config| config.extra_roots_pem = Some(pem)).await;
    outcome.unwrap();
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_receives_no_request() {
    let (port, _) = serve("localhost").await;
    let (wrong_port, pem) = serve("elsewhere.example").await;
    for (port, pem, text) in
        [(port, None, "UnknownIssuer"), (wrong_port, Some(pem), "not valid for name")]
    {
        let (outcome, clock) = create(port, |config| config.extra_roots_pem = pem).await;
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::AcsUnavailable { maybe_applied: false, .. }), "{error:?}");
        assert!(chain(&error).contains(text), "{}", chain(&error));
        assert_eq!(clock.pauses().len(), 2);
    }
}
