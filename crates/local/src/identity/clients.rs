//! The clients that the issuer knows.

use http::Uri;

/// The web application (and every other public client): no secret, PKCE required.
pub const WEB: &str = "parvis-web";

/// A machine that logs in as itself (client credentials), for integrations.
pub struct Machine {
    /// Client id.
    pub id: &'static str,
    /// Client secret; printed, no secret on the local stack.
    pub secret: &'static str,
    /// Scopes it may ask for.
    pub scopes: &'static [&'static str],
}

/// The first machine client.
pub const MACHINE: Machine = Machine {
    id: "parvis-machine",
    secret: "parvis-machine-demo",
    scopes: &["parvis/read", "parvis/write", "parvis/park"],
};

/// Another operator's app: it sees nothing of what the first one sells.
pub const OTHER_MACHINE: Machine =
    Machine { id: "parvis-machine-2", secret: "parvis-machine-2-demo", scopes: &["parvis/park"] };

/// All machine clients.
pub static MACHINES: [Machine; 2] = [MACHINE, OTHER_MACHINE];

/// Whether tokens may be sent to this address: a loopback address of any port, or the very host through which the
/// browser reached the issuer (a phone in the same network). Anything else could be an attacker's page, so it is
/// refused and never redirected to.
#[must_use]
pub fn redirect_allowed(redirect: &str, own_host: Option<&str>) -> bool {
    let Ok(uri) = redirect.parse::<Uri>() else { return false };
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    if redirect.contains('#') || authority.as_str().contains('@') {
        return false;
    }
    matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]")
        || own_host.is_some_and(|own| own.eq_ignore_ascii_case(authority.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_get_tokens() {
        for redirect in [
            "http://localhost:5173/callback",
            "http://127.0.0.1:8080/",
            "http://[::1]:1/x",
            "http://192.168.1.9:8080/callback",
        ] {
            assert!(redirect_allowed(redirect, Some("192.168.1.9:8080")), "{redirect}");
        }
        for redirect in [
            "https://evil.example/callback",
            "http://localhost@evil.example/",
            "http://localhost.evil.example/",
            "javascript:alert(1)",
            "/callback",
            "http://localhost/#x",
            "http://192.168.1.9:9999/",
        ] {
            assert!(!redirect_allowed(redirect, Some("192.168.1.9:8080")), "{redirect}");
        }
    }
}
