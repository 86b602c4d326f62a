//! TLS in front of the servers of the bench, which speak http.

use std::{error::Error, fs, net::SocketAddr, path::PathBuf, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::{ServerConfig, crypto::aws_lc_rs::default_provider, pki_types::PrivateKeyDer};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// Listeners that end TLS and pass the bytes on. They end when this is dropped.
pub(crate) struct TlsFront {
    acceptor: TlsAcceptor,
    tasks: JoinSet<()>,
    directory: TempDir,
}

impl TlsFront {
    /// As with AWS and ACS, authorities with RSA keys sign a chain of two certificates. The server's
    /// own key is of P-256: with RSA, it would need half a millisecond for each handshake, on a core
    /// that the function shares here.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let root = CertifiedIssuer::self_signed(authority("root"), rsa_key()?)?;
        let intermediate = authority("intermediate");
        let intermediate = CertifiedIssuer::signed_by(intermediate, rsa_key()?, &root)?;
        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(["localhost".to_owned()])?;
        server.use_authority_key_identifier_extension = true;
        let chain = vec![server.signed_by(&key, &intermediate)?.into(), intermediate.der().clone()];
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from(key))?;
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join(AUTHORITY), root.pem())?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { acceptor, tasks: JoinSet::new(), directory })
    }

    /// The certificate that clients have to trust, as a file.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join(AUTHORITY)
    }

    /// The https URL for this http URL of a server on loopback.
    pub(crate) async fn before(&mut self, http: &str) -> Result<String, Box<dyn Error>> {
        let address = http.trim_start_matches("http://").trim_end_matches('/');
        let server: SocketAddr = address.replace("localhost", "127.0.0.1").parse()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let acceptor = self.acceptor.clone();
        self.tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // A connection that fails also fails the call that is measured.
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    // At once, because a real server needs no second connection after the handshake.
                    let opened =
                        tokio::try_join!(acceptor.accept(stream), TcpStream::connect(server));
                    let Ok((mut client, mut server)) = opened else { return };
                    let _ = server.set_nodelay(true);
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Ok(format!("https://localhost:{port}"))
    }
}

fn rsa_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
}

/// The certificate of an authority.
fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// The file of the root certificate.
const AUTHORITY: &str = "root.pem";
