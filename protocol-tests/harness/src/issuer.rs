//! An issuer of tokens, with keys behind a URL.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A key that tokens are signed with (ES256), and its name.
pub struct SigningKey {
    pub(crate) name: String,
    pub(crate) key: EncodingKey,
}

impl SigningKey {
    /// A new key of this name.
    ///
    /// # Panics
    /// When the system has no random bytes.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let pair = KeyPair::generate().expect("the system has random bytes");
        Self { name: name.to_owned(), key: EncodingKey::from_ec_der(&pair.serialize_der()) }
    }

    /// The key's public half, as it stands in a key set.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).expect("a key of P-256");
        jwk.common.key_id = Some(self.name.clone());
        serde_json::to_value(jwk).expect("a key is JSON")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The text of a key set.
#[must_use]
pub fn key_set(keys: &[&SigningKey]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
    json!({ "keys": keys }).to_string()
}

/// How an issuer answers when it is asked for its keys.
#[derive(Debug, Clone)]
pub enum Says {
    /// It answers 200 with this key set.
    Keys(String),
    /// It answers 503.
    ComeBack,
    /// It does not answer, and keeps the connection open until the test sets another answer.
    Nothing,
}

/// A server that gives out a key set, as an identity provider does.
#[derive(Debug)]
pub struct Issuer {
    address: SocketAddr,
    scheme: &'static str,
    says: watch::Sender<Says>,
    asked: Arc<watch::Sender<u64>>,
    certificate: String,
    serving: JoinHandle<()>,
}

impl Issuer {
    /// An issuer that speaks HTTP.
    pub async fn start(says: Says) -> Self {
        Self::begin(says, None, String::new()).await
    }

    /// An issuer that speaks HTTPS, with a self-signed certificate.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn with_a_certificate(says: Says) -> Self {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("valid names");
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .expect("they belong together");
        Self::begin(says, Some(TlsAcceptor::from(Arc::new(config))), cert.pem()).await
    }

    async fn begin(says: Says, tls: Option<TlsAcceptor>, certificate: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (says, asked) = (watch::Sender::new(says), Arc::new(watch::Sender::new(0)));
        let (listening, counting) = (says.clone(), Arc::clone(&asked));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (says, asked, tls) = (listening.subscribe(), Arc::clone(&counting), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(stream, says, &asked).await,
                        // A client that does not trust the certificate goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream, says, &asked).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, scheme, says, asked, certificate, serving }
    }

    /// The URL of the issuer's keys.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}/keys.json", self.scheme, self.address)
    }

    /// Writes the issuer's certificate to a file, for the servers that are to trust it.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write_certificate(&self, path: &Path) {
        std::fs::write(path, &self.certificate).expect("a file of the test's own");
    }

    /// Sets how the issuer answers from now on.
    pub fn says(&self, says: Says) {
        self.says.send_replace(says);
    }

    /// How often the issuer was asked for its keys.
    #[must_use]
    pub fn asked(&self) -> u64 {
        *self.asked.borrow()
    }

    /// Waits until the issuer has been asked this often for its keys.
    ///
    /// # Panics
    /// When it is not asked in time.
    pub async fn was_asked(&self, times: u64) {
        let mut asked = self.asked.subscribe();
        let waited =
            tus_lab::wait::bounded("the issuer is asked", asked.wait_for(|asked| *asked >= times)).await;
        waited.expect("the sender lives as long as the issuer");
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    mut says: watch::Receiver<Says>,
    asked: &watch::Sender<u64>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    asked.send_modify(|asked| *asked += 1);
    let said = says.wait_for(|says| !matches!(says, Says::Nothing)).await.map(|says| says.clone());
    let text = match said {
        Ok(Says::Keys(text)) => {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len())
        }
        _ => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    // A client that gave up is no failure of the test.
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}
