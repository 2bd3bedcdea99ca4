//! The writer as the environment of a function describes it.

use chrono_tz::Tz;
use parvis_kit::env::{EnvError, optional, parsed, required};
use parvis_notices::catalog::CatalogError;
use parvis_notices::compose::{House, Writer};
use parvis_notices::token::LinkKey;
use parvis_notices::{Catalog, Language, TextError, Texts};

/// The writer cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// A schema.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The secret is too short to keep anybody out.
    #[error("NOTIFY_KEY must have at least 16 bytes")]
    ShortKey,
}

/// Reads `WEBHOOK_PRIVATE_HOSTS`: the hosts, between commas, that webhooks may name although they are not on the public internet.
#[must_use]
pub fn webhook_private_hosts() -> Vec<String> {
    let hosts = optional("WEBHOOK_PRIVATE_HOSTS").unwrap_or_default();
    hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

/// Reads `NOTIFY_LANGUAGE`, `DEFAULT_TIMEZONE`, `WEB_URL`, `API_URL` and `NOTIFY_KEY`.
///
/// # Errors
/// [`ConfigError`].
pub fn writer_from_env() -> Result<Writer, ConfigError> {
    let house = House {
        language: parsed("NOTIFY_LANGUAGE", Language::French)?,
        timezone: parsed("DEFAULT_TIMEZONE", Tz::Europe__Paris)?,
        web_url: optional("WEB_URL").map(|url| format!("{}/", url.trim_end_matches('/'))),
        api_url: optional("API_URL").map(|url| url.trim_end_matches('/').to_owned()),
        links: LinkKey::new(required("NOTIFY_KEY")?).ok_or(ConfigError::ShortKey)?,
    };
    Ok(Writer { catalog: Catalog::load()?, texts: Texts::load()?, house })
}
