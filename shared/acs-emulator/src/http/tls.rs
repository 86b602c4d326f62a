//! https: the emulator's own certificate authority, and the certificates that it signs.

use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{RootCertStore, ServerConfig};
use time::Duration;
use tokio_rustls::TlsAcceptor;

use crate::state::{DataDir, EmulatorClock, EmulatorStartError};

/// The https configuration of a listener, and the path of the certificate that clients trust.
pub struct Tls {
    /// Accepts TLS connections.
    pub acceptor: TlsAcceptor,
    /// The file of the authority's certificate, in PEM.
    pub ca_cert: PathBuf,
}

impl Tls {
    /// Loads or creates the authority in `directory`, and signs a certificate for a new key of this
    /// listener. Both are for the names of this machine, and for `names`: host names and IP
    /// addresses.
    ///
    /// # Errors
    /// A file cannot be read or written, a name is invalid, or the authority in `directory` was
    /// created without one of the names.
    pub fn with_authority_in(
        directory: &Path,
        names: &[String],
    ) -> Result<Self, EmulatorStartError> {
        let dir = DataDir::open(directory.to_owned())?;
        let authority = match (dir.read(CA_KEY)?, dir.read(CA_CERT)?) {
            (Some(key), Some(_)) => {
                let unreadable =
                    || EmulatorStartError::DataFileUnreadable { path: dir.path().join(CA_KEY) };
                KeyPair::try_from(key).map_err(|_| unreadable())?
            }
            _ => new_authority(&dir, names)?,
        };
        let ca_cert = dir.path().join(CA_CERT);
        if let Some(name) = refused_name(&ca_cert, &authority, names)? {
            return Err(EmulatorStartError::AuthorityForOtherNames { path: ca_cert, name });
        }
        let (chain, key) =
            certificate(&authority, names).map_err(EmulatorStartError::Certificate)?;
        let acceptor = acceptor(chain, key).map_err(EmulatorStartError::Certificate)?;
        Ok(Self { acceptor, ca_cert })
    }
}

/// The first of `names` for which a client that trusts the authority refuses a certificate. The
/// authority may only sign for the names with which it was created.
fn refused_name(
    ca_cert: &Path,
    authority: &KeyPair,
    names: &[String],
) -> Result<Option<String>, EmulatorStartError> {
    let unreadable = || EmulatorStartError::DataFileUnreadable { path: ca_cert.to_owned() };
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(ca_cert).map_err(|_| unreadable())?;
    roots.add(root).map_err(|_| unreadable())?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let verifier = verifier.map_err(|_| unreadable())?;
    let accepts = |name: &String| {
        let (chain, _) = certificate(authority, std::slice::from_ref(name)).ok()?;
        let server = ServerName::try_from(name.clone()).ok()?;
        verifier.verify_server_cert(chain.first()?, &[], &server, &[], UnixTime::now()).ok()
    };
    Ok(names.iter().find(|&name| accepts(name).is_none()).cloned())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn new_authority(dir: &DataDir, names: &[String]) -> Result<KeyPair, EmulatorStartError> {
    let made = || -> Result<_, rcgen::Error> {
        let key = KeyPair::generate()?;
        let cert = authority_params(names).self_signed(&key)?;
        Ok((key, cert.pem()))
    };
    let (key, cert) = made().map_err(|cause| EmulatorStartError::Certificate(cause.into()))?;
    // The certificate is written last: if it exists, the key exists too.
    dir.write(CA_KEY, key.serialized_der())?;
    dir.write(CA_CERT, cert.as_bytes())?;
    Ok(key)
}

/// The authority's name and properties. A restart builds the same authority again, so its new
/// certificates match the certificate that clients already have.
fn authority_params(names: &[String]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "acs-emulator local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // If this key leaks, only the names of this machine are affected for clients that trust it.
    let mut permitted_subtrees = vec![
        GeneralSubtree::DnsName("localhost".to_owned()),
        GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
        GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(Ipv6Addr::LOCALHOST.octets(), 128)),
    ];
    permitted_subtrees.extend(names.iter().map(|name| match name.parse() {
        Ok(IpAddr::V4(address)) => {
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(address.octets(), 32))
        }
        Ok(IpAddr::V6(address)) => {
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(address.octets(), 128))
        }
        Err(_) => GeneralSubtree::DnsName(name.clone()),
    }));
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    let now = EmulatorClock::system_now();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(10 * 365);
    params
}

/// A certificate and its key.
type CertifiedKeyPair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn certificate(
    authority: &KeyPair,
    names: &[String],
) -> Result<CertifiedKeyPair, Box<dyn std::error::Error + Send + Sync>> {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new([&own, names].concat())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "acs-emulator");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    // Browsers and Apple's libraries refuse certificates with a much longer validity.
    let now = EmulatorClock::system_now();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(365);

    let key = KeyPair::generate()?;
    let cert = params.signed_by(&key, &Issuer::new(authority_params(names), authority))?;
    Ok((vec![cert.into()], PrivateKeyDer::from(key)))
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, Box<dyn std::error::Error + Send + Sync>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

const CA_KEY: &str = "ca-key.der";
const CA_CERT: &str = "ca.pem";

#[cfg(test)]
mod tests {
    use rustls::ClientConfig;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;

    use super::*;

    /// Whether a client that trusts only the authority accepts the certificate for `name`.
    async fn is_accepted(tls: &Tls, name: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&tls.ca_cert).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let acceptor = tls.acceptor.clone();
        let accepting = async move { acceptor.accept(listener.accept().await.unwrap().0).await };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let (client, _server) = tokio::join!(connecting, accepting);
        client.is_ok()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[tokio::test]
    async fn a_certificate_is_for_this_machine_and_the_given_names_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let given = names(&["203.0.113.7", "2001:db8::7", "acs-emulator", "acs.example"]);
        for _ in 0..2 {
            let tls = Tls::with_authority_in(directory.path(), &given).unwrap();
            for name in given.iter().map(String::as_str).chain(["localhost", "127.0.0.1", "::1"]) {
                assert!(is_accepted(&tls, name).await, "{name}");
            }
            for name in ["203.0.113.8", "2001:db8::8", "acs", "example"] {
                assert!(!is_accepted(&tls, name).await, "{name}");
            }
        }
    }

    #[tokio::test]
    async fn fewer_names_are_signed_by_the_same_authority() {
        let directory = tempfile::tempdir().unwrap();
        drop(Tls::with_authority_in(directory.path(), &names(&["acs-emulator"])).unwrap());
        let authority = std::fs::read(directory.path().join(CA_CERT)).unwrap();
        let tls = Tls::with_authority_in(directory.path(), &[]).unwrap();
        assert_eq!(std::fs::read(&tls.ca_cert).unwrap(), authority);
        assert!(!is_accepted(&tls, "acs-emulator").await);
        assert!(is_accepted(&tls, "127.0.0.1").await);
    }

    #[test]
    fn an_authority_for_other_names_is_refused_and_the_message_says_which_files_to_delete() {
        let directory = tempfile::tempdir().unwrap();
        drop(Tls::with_authority_in(directory.path(), &names(&["first"])).unwrap());
        let given = names(&["first", "second"]);
        let refused = Tls::with_authority_in(directory.path(), &given).err().unwrap().to_string();
        let path = directory.path().join(CA_CERT).display().to_string();
        assert!(refused.contains("not for `second`") && refused.contains(&path), "{refused}");
    }

    #[test]
    fn an_authority_with_invalid_content_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        drop(Tls::with_authority_in(directory.path(), &[]).unwrap());
        std::fs::write(directory.path().join(CA_CERT), "no certificate").unwrap();
        let refused = Tls::with_authority_in(directory.path(), &[]).err().unwrap();
        assert!(matches!(refused, EmulatorStartError::DataFileUnreadable { .. }), "{refused}");
    }
}
