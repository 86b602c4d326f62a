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
pub(crate) struct Tls {
    pub acceptor: TlsAcceptor,
    pub ca_cert: PathBuf,
}

impl Tls {
    /// Loads or creates the authority in `directory`, and signs a certificate for a new key of this
    /// listener.
    pub(crate) fn with_authority_in(directory: &Path) -> Result<Self, EmulatorStartError> {
        let dir = DataDir::open(directory.to_owned())?;
        let authority = match (dir.read(CA_KEY)?, dir.read(CA_CERT)?) {
            (Some(key), Some(_)) => {
                let unreadable =
                    || EmulatorStartError::DataFileUnreadable { path: dir.path().join(CA_KEY) };
                KeyPair::try_from(key).map_err(|_| unreadable())?
            }
            _ => new_authority(&dir)?,
        };
        let acceptor = acceptor(authority).map_err(EmulatorStartError::Certificate)?;
        Ok(Self { acceptor, ca_cert: dir.path().join(CA_CERT) })
    }
}

fn new_authority(dir: &DataDir) -> Result<KeyPair, EmulatorStartError> {
    let made = || -> Result<_, rcgen::Error> {
        let key = KeyPair::generate()?;
        let cert = authority_params().self_signed(&key)?;
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
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "acs-emulator local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // If this key leaks, only the names of this machine are affected for clients that trust it.
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                Ipv6Addr::LOCALHOST.octets(),
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    let now = EmulatorClock::system_now();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(10 * 365);
    params
}

fn acceptor(authority: KeyPair) -> Result<TlsAcceptor, Box<dyn std::error::Error + Send + Sync>> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    for address in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
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
    let cert = params.signed_by(&key, &Issuer::new(authority_params(), authority))?;
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
