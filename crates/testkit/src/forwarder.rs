//! Plain MQTT for clients here, TLS with a device's certificate on the way to the broker.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// Files (PEM) of a client that a broker knows by its certificate.
#[derive(Debug, Clone, Deserialize)]
pub struct TlsFiles {
    /// The authority that signed the broker's certificate.
    pub ca: PathBuf,
    /// The client's certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Listens on a port of this machine and passes every connection on to a broker over TLS.
#[derive(Debug)]
pub(crate) struct Forwarder {
    /// `host:port` to connect to.
    pub(crate) address: String,
    listener: JoinHandle<()>,
}

impl Forwarder {
    /// Starts to listen.
    pub(crate) async fn start(broker: &str, files: &TlsFiles) -> anyhow::Result<Self> {
        let (host, _) = broker.rsplit_once(':').context("the broker's address is not host:port")?;
        let name = ServerName::try_from(host.to_owned())?;
        let connector = TlsConnector::from(Arc::new(client(files)?));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let broker = broker.to_owned();
        let listener = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass_on(near, broker.clone(), connector.clone(), name.clone()));
            }
        });
        Ok(Self { address, listener })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Until either side ends; a client notices that by itself and connects again.
async fn pass_on(mut near: TcpStream, broker: String, connector: TlsConnector, name: ServerName<'static>) {
    let far = async {
        let stream = TcpStream::connect(&broker).await?;
        stream.set_nodelay(true)?;
        connector.connect(name, stream).await
    };
    match far.await {
        Ok(mut far) => drop(tokio::io::copy_bidirectional(&mut near, &mut far).await),
        Err(error) => eprintln!("{broker}: {error}"),
    }
}

fn client(files: &TlsFiles) -> anyhow::Result<ClientConfig> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
    let mut authorities = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&read(&files.ca)?) {
        authorities.add(authority?)?;
    }
    let certificate = CertificateDer::pem_slice_iter(&read(&files.certificate)?).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(authorities).with_client_auth_cert(certificate, key)?)
}
