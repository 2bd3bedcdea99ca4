//! Where webhooks may stand: on the public internet, so that nobody reaches our own network through us.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why an address is not one for a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPublic {
    /// It is no URL.
    #[error("this is not a URL")]
    NotAUrl,
    /// Something else than https.
    #[error("the address must start with https://")]
    NotHttps,
    /// A login in the address would end up in logs.
    #[error("the address must not contain a user name or password")]
    Login,
    /// The host is an address of a private or special network.
    #[error("the host must be on the public internet, unless the deployment names it in WebhookPrivateHosts")]
    Private,
}

/// Reads the address of a webhook. `allowed` names hosts that may be anything, plain http included: for tests and for systems beside us.
/// A name is checked again each time it is resolved, by [`is_public`].
///
/// # Errors
/// [`NotPublic`].
pub fn read(url: &str, allowed: &[String]) -> Result<Url, NotPublic> {
    let url = Url::parse(url).map_err(|_| NotPublic::NotAUrl)?;
    let host = url.host().ok_or(NotPublic::NotAUrl)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NotPublic::Login);
    }
    if allowed.iter().any(|name| *name == host.to_string()) && matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    if url.scheme() != "https" {
        return Err(NotPublic::NotHttps);
    }
    let public = match host {
        Host::Ipv4(address) => is_public(address.into()),
        Host::Ipv6(address) => is_public(address.into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name.contains('.') && ![".localhost", ".local", ".internal"].iter().any(|end| name.ends_with(end))
        }
    };
    if public { Ok(url) } else { Err(NotPublic::Private) }
}

/// Whether an address belongs to the public internet (the special-purpose registries of IANA: RFC 6890 and its successors).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Translation to IPv4 (RFC 6052), and 6to4 (RFC 3056): what is behind counts.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Protocol assignments, Teredo, ORCHID and documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // Everything else in use is global unicast.
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for public in
            ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "2001:db8::1",
            "2001::1",
            "::10.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn addresses_of_webhooks_are_https_on_the_public_internet() {
        assert!(read("https://hooks.example.org/parvis?x=1", &[]).is_ok());
        for (url, wanted) in [
            ("hooks", NotPublic::NotAUrl),
            ("mailto:a@b.fr", NotPublic::NotAUrl),
            ("http://hooks.example.org", NotPublic::NotHttps),
            ("ftp://hooks.example.org", NotPublic::NotHttps),
            ("https://user@hooks.example.org", NotPublic::Login),
            ("https://localhost/x", NotPublic::Private),
            ("https://db.internal/x", NotPublic::Private),
            ("https://169.254.169.254/latest/meta-data", NotPublic::Private),
            // Written otherwise, the same address: the URL standard reads all of these forms.
            ("https://2852039166/", NotPublic::Private),
            ("https://0x7f.1/", NotPublic::Private),
            ("https://[::1]/", NotPublic::Private),
            ("https://[::ffff:127.0.0.1]/", NotPublic::Private),
        ] {
            assert_eq!(read(url, &[]), Err(wanted), "{url}");
        }
        let allowed = ["127.0.0.1".to_owned()];
        assert!(read("http://127.0.0.1:9999/hook", &allowed).is_ok());
        assert_eq!(read("http://127.0.0.2:9999/hook", &allowed), Err(NotPublic::NotHttps));
    }
}
