//! The public ports, and what is said when one is taken.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr, TcpListener},
};

use anyhow::anyhow;

/// Takes a port; 0 takes any.
pub(super) fn take(bind: IpAddr, port: u16, purpose: &str, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(SocketAddr::new(bind, port)).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "port {port} ({purpose}) is in use by another program; stop it, or choose another port with {option}"
        ),
        ErrorKind::PermissionDenied => {
            anyhow!("port {port} ({purpose}) needs more rights; choose one above 1023 with {option}")
        }
        _ => anyhow!(error).context(format!("cannot listen on {bind}:{port} ({purpose}); see {option}")),
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_busy_port_is_named_with_its_option() {
        let bind = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let taken = take(bind, 0, "HTTP", "--port").unwrap();
        let port = taken.local_addr().unwrap().port();
        let message = take(bind, port, "MQTT", "--mqtt-port").unwrap_err().to_string();
        assert!(
            message.contains(&port.to_string()) && message.contains("MQTT") && message.contains("--mqtt-port"),
            "{message}"
        );
    }
}
