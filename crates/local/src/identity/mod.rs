//! An OIDC issuer standing for Cognito: authorization code with PKCE, refresh, client credentials, user info, logout.
//!
//! Tokens carry Cognito's claims, so that functions and the web application cannot tell the difference: the ID token
//! has `aud`, the access token has `client_id` and no `aud`, both have `cognito:groups`. Cognito shows its pages on a
//! domain of its own; here everything is below the issuer. The only store is the signing key's file: sessions and
//! refresh tokens are signed by it and survive a restart; codes live in memory.

mod authorize;
mod clients;
mod code;
mod endpoints;
mod keys;
mod login;
mod token;
mod tokens;
mod users;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use tokio::sync::OnceCell;

pub use keys::KeyError;
pub use tokens::Tokens;
pub use users::{DEMO_USERS, DemoUser};

use code::Codes;
use keys::Keys;
use tokens::Session;

/// Path of the issuer on the public port.
pub const PATH: &str = "/_local/identity";

/// Client id of the web application, of tests and of command-line tools: public, so PKCE is its only proof.
pub const WEB_CLIENT: &str = clients::WEB;

/// Client id of the machine that logs in as itself: in the place of a parking operator's app.
pub const MACHINE_CLIENT: &str = clients::MACHINE.id;

/// Client id of the app of another operator.
pub const OTHER_MACHINE_CLIENT: &str = clients::OTHER_MACHINE.id;

/// The issuer.
pub struct Identity {
    issuer: String,
    key_file: PathBuf,
    keys: OnceCell<Arc<Keys>>,
    codes: Codes,
}

/// Why no token could be made.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No demo user has this name.
    #[error("there is no user {0:?}; there are admin, manager, agent and driver")]
    UnknownUser(String),
    /// The signing key is unusable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signing failed.
    #[error("a token cannot be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// The thread that makes the key died.
    #[error("the signing key was not made: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl Identity {
    /// An issuer of this address (`http://127.0.0.1:<port>/_local/identity`), its key kept below `directory`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, directory: &Path) -> Self {
        Self {
            issuer: issuer.into(),
            key_file: directory.join("identity").join("key.pem"),
            keys: OnceCell::new(),
            codes: Codes::default(),
        }
    }

    /// The `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The web application's client id.
    #[must_use]
    pub fn client_id(&self) -> &'static str {
        WEB_CLIENT
    }

    /// Who can log in.
    #[must_use]
    pub fn demo_users(&self) -> &'static [DemoUser] {
        &DEMO_USERS
    }

    /// The access token that a login of this user would give, for tests and for seeding.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn mint(&self, user: &str) -> Result<String, IdentityError> {
        Ok(self.mint_all(user).await?.access_token)
    }

    /// All tokens that a login of this user would give.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn mint_all(&self, user: &str) -> Result<Tokens, IdentityError> {
        let user = users::find(user).ok_or_else(|| IdentityError::UnknownUser(user.to_owned()))?;
        let session = Session::new(user, WEB_CLIENT, tokens::SCOPES.join(" "), None);
        Ok(session.issue(&self.issuer, &*self.keys().await?)?)
    }

    /// A token with any claims: for tests of those who check them, and for benches with more people than the demo has.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn sign(&self, claims: &serde_json::Value) -> Result<String, IdentityError> {
        Ok(self.keys().await?.sign(claims)?)
    }

    /// The signing key, made on first need.
    async fn keys(&self) -> Result<Arc<Keys>, IdentityError> {
        let make = || async {
            let path = self.key_file.clone();
            let keys = tokio::task::spawn_blocking(move || Keys::load_or_create(&path)).await??;
            Ok(Arc::new(keys))
        };
        self.keys.get_or_try_init(make).await.cloned()
    }
}

/// The issuer's routes, to be nested at [`PATH`].
pub fn router<S: Clone + Send + Sync + 'static>(identity: Arc<Identity>) -> Router<S> {
    endpoints::router(identity)
}
