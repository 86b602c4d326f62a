//! The root certificates that the operator adds to those that are compiled in: the PEM file that
//! the environment variable `SSL_CERT_FILE` names. A company needs it for a proxy that inspects
//! TLS, and for services with a certificate of its own authority.
//!
//! Other tools replace the roots of the system with this file. Here the file adds to the
//! compiled-in roots, so that a file with one company's root does not cut off ACS and AWS.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{fs, io};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The variable that names the file.
pub const VARIABLE: &str = "SSL_CERT_FILE";

/// The added root certificates in PEM format; `None` if the variable is absent or empty. The file
/// is read once per process.
///
/// # Errors
/// The file cannot be read, or does not consist of valid certificates.
pub fn added() -> Result<Option<&'static str>, &'static TrustRootsError> {
    static ADDED: OnceLock<Result<Option<String>, TrustRootsError>> = OnceLock::new();
    let added = ADDED.get_or_init(|| {
        let path = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
        path.map(|path| read(Path::new(&path))).transpose()
    });
    added.as_ref().map(Option::as_deref)
}

/// Reads a file of root certificates in PEM format.
fn read(path: &Path) -> Result<String, TrustRootsError> {
    let pem = fs::read_to_string(path)
        .map_err(|cause| TrustRootsError::Unreadable { path: path.to_owned(), cause })?;
    add_pem(&mut RootCertStore::empty(), &pem)
        .map_err(|why| TrustRootsError::Invalid { path: path.to_owned(), why })?;
    Ok(pem)
}

/// Adds the certificates of a text in PEM format.
///
/// # Errors
/// One of them is invalid, or the text contains no certificate. The error says which.
pub fn add_pem(roots: &mut RootCertStore, pem: &str) -> Result<(), String> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        count += 1;
        let add = |certificate| roots.add(certificate).map_err(|error| error.to_string());
        certificate
            .map_err(|error| error.to_string())
            .and_then(add)
            .map_err(|why| format!("certificate {count}: {why}"))?;
    }
    if count == 0 {
        return Err("no certificate in PEM format (-----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(())
}

/// Why the added root certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustRootsError {
    /// The file cannot be read.
    #[error("failed to read {}, which {VARIABLE} names", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// The file has invalid content.
    #[error("invalid file {}, which {VARIABLE} names: {why}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    use super::*;

    fn read_text(text: &str) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let path = file.path().display().to_string();
        read(file.path()).map_err(|error| error.to_string().replace(&path, "FILE"))
    }

    fn root(number: usize) -> String {
        let der = BASE64_STANDARD.encode(&webpki_root_certs::TLS_SERVER_ROOT_CERTS[number]);
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn all_certificates_of_the_file_are_trusted_and_text_between_them_is_ignored() {
        let text = format!("# Our root\n{}\n# Our other root\n{}", root(0), root(1));
        assert_eq!(read_text(&text), Ok(text));
    }

    #[test]
    fn a_file_without_a_valid_certificate_is_refused_and_the_message_names_it() {
        let no_certificate = "no certificate in PEM format (-----BEGIN CERTIFICATE-----)";
        for text in ["", "text", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            let expected =
                format!("invalid file FILE, which SSL_CERT_FILE names: {no_certificate}");
            assert_eq!(read_text(text), Err(expected), "{text}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let refused = read_text(&format!("{}{broken}", root(0))).unwrap_err();
        assert!(
            refused.starts_with("invalid file FILE, which SSL_CERT_FILE names: certificate 2: "),
            "{refused}"
        );
    }

    #[test]
    fn a_missing_file_is_refused_and_the_message_names_it() {
        let refused = read(Path::new("/nowhere/roots.pem")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "failed to read /nowhere/roots.pem, which SSL_CERT_FILE names"
        );
    }
}
