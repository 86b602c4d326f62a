//! https: the emulator's own certificate authority, and the certificates that it signs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
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
    /// listener. Both are for the names of this machine, and for `address` if there is one: always
    /// use the same directory for the same address.
    pub fn with_authority_in(
        directory: &Path,
        address: Option<IpAddr>,
    ) -> Result<Self, EmulatorStartError> {
        let dir = DataDir::open(directory.to_owned())?;
        let authority = match (dir.read(CA_KEY)?, dir.read(CA_CERT)?) {
            (Some(key), Some(_)) => {
                let unreadable =
                    || EmulatorStartError::DataFileUnreadable { path: dir.path().join(CA_KEY) };
                KeyPair::try_from(key).map_err(|_| unreadable())?
            }
            _ => new_authority(&dir, address)?,
        };
        let acceptor = acceptor(authority, address).map_err(EmulatorStartError::Certificate)?;
        Ok(Self { acceptor, ca_cert: dir.path().join(CA_CERT) })
    }
}

fn new_authority(dir: &DataDir, address: Option<IpAddr>) -> Result<KeyPair, EmulatorStartError> {
    let made = || -> Result<_, rcgen::Error> {
        let key = KeyPair::generate()?;
        let cert = authority_params(address).self_signed(&key)?;
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
fn authority_params(address: Option<IpAddr>) -> CertificateParams {
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
    permitted_subtrees.extend(address.map(|address| {
        GeneralSubtree::IpAddress(match address {
            IpAddr::V4(address) => CidrSubnet::from_v4_prefix(address.octets(), 32),
            IpAddr::V6(address) => CidrSubnet::from_v6_prefix(address.octets(), 128),
        })
    }));
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    let now = EmulatorClock::system_now();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(10 * 365);
    params
}

fn acceptor(
    authority: KeyPair,
    address: Option<IpAddr>,
) -> Result<TlsAcceptor, Box<dyn std::error::Error + Send + Sync>> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
    for address in loopback.into_iter().chain(address) {
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
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
    let cert = params.signed_by(&key, &Issuer::new(authority_params(address), authority))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.into()], PrivateKeyDer::from(key))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

const CA_KEY: &str = "ca-key.der";
const CA_CERT: &str = "ca.pem";

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
    use rustls::{ClientConfig, RootCertStore};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;

    use super::*;

    /// Whether a client that trusts only the authority accepts the certificate for `address`.
    async fn is_accepted(tls: &Tls, address: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&tls.ca_cert).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let acceptor = tls.acceptor.clone();
        let accepting = async move { acceptor.accept(listener.accept().await.unwrap().0).await };
        let name = ServerName::try_from(address.to_owned()).unwrap();
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let (client, _server) = tokio::join!(connecting, accepting);
        client.is_ok()
    }

    #[tokio::test]
    async fn a_certificate_is_for_this_machine_and_the_given_address_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let address = "203.0.113.7";
        for _ in 0..2 {
            let given = Some(address.parse().unwrap());
            let tls = Tls::with_authority_in(directory.path(), given).unwrap();
            for (name, accepted) in [(address, true), ("localhost", true), ("203.0.113.8", false)] {
                assert_eq!(is_accepted(&tls, name).await, accepted, "{name}");
            }
        }
        let other = tempfile::tempdir().unwrap();
        let tls = Tls::with_authority_in(other.path(), None).unwrap();
        assert!(!is_accepted(&tls, address).await);
        assert!(is_accepted(&tls, "127.0.0.1").await);
    }

    #[tokio::test]
    async fn an_authority_signs_for_no_other_address_than_its_own() {
        let directory = tempfile::tempdir().unwrap();
        drop(Tls::with_authority_in(directory.path(), None).unwrap());
        // The authority's certificate exists already, and permits only this machine.
        let address = "203.0.113.7";
        let tls = Tls::with_authority_in(directory.path(), Some(address.parse().unwrap())).unwrap();
        assert!(!is_accepted(&tls, address).await);
    }
}
