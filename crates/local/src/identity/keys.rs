//! The issuer's signing key: RSA 2048, made on first need, kept in the data directory.

use std::{io::Write, path::Path};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use rsa::{
    RsaPrivateKey,
    pkcs8::{EncodePrivateKey, LineEnding},
    rand_core::OsRng,
};
use serde::Serialize;

const BITS: usize = 2048;

/// Why there is no usable key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the signing key's file: {0}")]
    File(#[from] std::io::Error),
    /// The key cannot be made.
    #[error("the signing key: {0}")]
    Rsa(#[from] rsa::Error),
    /// The key cannot be written as PEM.
    #[error("the signing key's PEM: {0}")]
    Pem(#[from] rsa::pkcs8::Error),
    /// The file is not a key.
    #[error("the signing key is unusable: {0}")]
    Jwt(#[from] jsonwebtoken::errors::Error),
}

/// The key pair, ready to sign and to be published.
pub struct Keys {
    kid: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: JwkSet,
}

impl Keys {
    /// Reads the key, or makes it (some hundred milliseconds, so off the async threads).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match std::fs::read(path) {
            Ok(pem) => Self::from_pem(&pem),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let pem = RsaPrivateKey::new(&mut OsRng, BITS)?.to_pkcs8_pem(LineEnding::LF)?;
                write_private(path, pem.as_bytes())?;
                Self::from_pem(pem.as_bytes())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let signing = EncodingKey::from_rsa_pem(pem)?;
        let mut jwk = Jwk::from_encoding_key(&signing, Algorithm::RS256)?;
        // Named by its content (RFC 7638), so that a key made anew is never mistaken for the old one in a cache.
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifying = DecodingKey::from_jwk(&jwk)?;
        Ok(Self { kid, signing, verifying, public: JwkSet { keys: vec![jwk] } })
    }

    /// A signed token.
    ///
    /// # Errors
    /// The claims do not serialise.
    pub fn sign(&self, claims: &impl Serialize) -> jsonwebtoken::errors::Result<String> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &self.signing)
    }

    /// The key with which the issuer checks its own tokens.
    #[must_use]
    pub fn verifying(&self) -> &DecodingKey {
        &self.verifying
    }

    /// The key set to publish.
    #[must_use]
    pub fn public(&self) -> &JwkSet {
        &self.public
    }
}

/// Written beside and renamed, so that a killed process leaves no half key; readable by the owner only.
fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let draft = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("identity/key.pem");
        let first = Keys::load_or_create(&path).unwrap();
        let again = Keys::load_or_create(&path).unwrap();
        assert_eq!(first.kid, again.kid);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let published = serde_json::to_string(first.public()).unwrap();
        assert!(published.contains(r#""use":"sig""#) && !published.contains(r#""d":"#), "{published}");
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        std::fs::write(&path, "not a key").unwrap();
        assert!(matches!(Keys::load_or_create(&path), Err(KeyError::Jwt(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"not a key");
    }
}
