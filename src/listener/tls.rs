// SPDX-License-Identifier: Apache-2.0

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use super::{ClientCertificates, ListenerError, Peer, TlsConfig};

/// The TLS side of a listener: certificates that follow their files.
#[derive(Debug)]
pub(super) struct Tls {
    config: TlsConfig,
    current: ArcSwap<ServerConfig>,
    /// Digest of the files as they were last looked at; `None` if they could not be read.
    seen: Mutex<Option<[u8; 32]>>,
}

impl Tls {
    pub(super) async fn load(config: TlsConfig) -> Result<Self, ListenerError> {
        let files = Files::read(&config).await?;
        let current = ArcSwap::from_pointee(files.build(&config)?);
        Ok(Self { config, current, seen: Mutex::new(Some(files.digest())) })
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }

    /// Takes new certificates into use when the files change, for ever.
    pub(super) async fn follow_files(&self, interval: Duration) {
        let certificate = self.config.certificate.display();
        loop {
            tokio::time::sleep(interval).await;
            match self.reload().await {
                Ok(false) => {}
                Ok(true) => tracing::info!(%certificate, "new certificates are in use"),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "new certificates cannot be used, the old ones stay");
                }
            }
        }
    }

    /// Looks at the files; says whether new certificates are in use. Files that
    /// cannot be used are an error once, until they change again.
    pub(super) async fn reload(&self) -> Result<bool, ListenerError> {
        let mut seen = self.seen.lock().await;
        let files = Files::read(&self.config).await;
        let digest = files.as_ref().ok().map(Files::digest);
        if *seen == digest {
            return Ok(false);
        }
        *seen = digest;
        self.current.store(Arc::new(files?.build(&self.config)?));
        Ok(true)
    }
}

/// The bytes of all files that a TLS configuration names.
struct Files {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    authorities: Option<Vec<u8>>,
}

impl Files {
    async fn read(config: &TlsConfig) -> Result<Self, ListenerError> {
        let authorities = match &config.client_certificates {
            ClientCertificates::Ignored => None,
            ClientCertificates::Optional { ca } | ClientCertificates::Required { ca } => {
                Some(read(ca).await?)
            }
        };
        Ok(Self {
            certificate: read(&config.certificate).await?,
            key: Zeroizing::new(read(&config.key).await?),
            authorities,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for file in
            [&self.certificate, &*self.key, self.authorities.as_ref().unwrap_or(&Vec::new())]
        {
            digest.update(Sha256::digest(file));
        }
        digest.finalize().into()
    }

    fn build(&self, config: &TlsConfig) -> Result<ServerConfig, ListenerError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificate =
            |source| ListenerError::Certificate { path: config.certificate.clone(), source };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|source| ListenerError::Key { path: config.key.clone(), source })?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(ListenerError::Tls)?
            .with_client_cert_verifier(self.client_verifier(config, provider)?)
            .with_single_cert(chain, key)
            .map_err(|source| ListenerError::Pair {
                certificate: config.certificate.clone(),
                key: config.key.clone(),
                source,
            })?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(server)
    }

    fn client_verifier(
        &self,
        config: &TlsConfig,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, ListenerError> {
        let (ca, is_required) = match &config.client_certificates {
            ClientCertificates::Ignored => return Ok(WebPkiClientVerifier::no_client_auth()),
            ClientCertificates::Optional { ca } => (ca, false),
            ClientCertificates::Required { ca } => (ca, true),
        };
        let mut roots = RootCertStore::empty();
        for authority in
            CertificateDer::pem_slice_iter(self.authorities.as_deref().unwrap_or_default())
        {
            let authority = authority
                .map_err(|source| ListenerError::Certificate { path: ca.clone(), source })?;
            roots.add(authority).map_err(ListenerError::Tls)?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let builder = if is_required { builder } else { builder.allow_unauthenticated() };
        let verifier = builder
            .build()
            .map_err(|source| ListenerError::Authority { path: ca.clone(), source })?;
        Ok(verifier)
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, ListenerError> {
    tokio::fs::read(path)
        .await
        .map_err(|source| ListenerError::File { path: path.to_owned(), source })
}

/// What a finished handshake tells about the other end.
pub(super) fn peer(address: SocketAddr, tls: &ServerConnection) -> Peer {
    let leaf = tls.peer_certificates().and_then(<[_]>::first);
    Peer {
        address,
        is_tls: true,
        server_name: tls.server_name().map(str::to_ascii_lowercase),
        certificate_names: leaf.map(|leaf| names(leaf)).unwrap_or_default().into(),
    }
}

/// The names (SAN) in a certificate that has been verified. A name with other
/// than visible ASCII is left out: it could pass for another one.
fn names(certificate: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(certificate) else {
        return Vec::new();
    };
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(format!("dns:{}", name.to_ascii_lowercase())),
        GeneralName::URI(uri) => Some(format!("uri:{uri}")),
        GeneralName::RFC822Name(address) => Some(format!("email:{address}")),
        _ => None,
    });
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic())).collect()
}
