//! Platform applications, and the endpoints of devices that are registered with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Functions, Service,
    model::Refusal,
    query::{Parameters, element},
};

/// The application for devices with Google's messaging that every local stack has.
pub const FCM_APPLICATION: &str = "arn:aws:sns:eu-west-3:000000000000:app/GCM/parvis-local";
/// The one for Apple's.
pub const APNS_APPLICATION: &str = "arn:aws:sns:eu-west-3:000000000000:app/APNS/parvis-local";

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Endpoint {
    arn: String,
    application: String,
    token: String,
    enabled: bool,
    user_data: String,
}

impl Endpoint {
    fn set(&mut self, attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
        for (name, value) in attributes {
            match (name.as_str(), value.as_str()) {
                ("Enabled", "true" | "false") => self.enabled = value == "true",
                ("Token", token) => token.clone_into(&mut self.token),
                ("CustomUserData", data) => data.clone_into(&mut self.user_data),
                _ => return Err(Refusal::invalid(format!("Attributes Reason: {name}={value}"))),
            }
        }
        Ok(())
    }
}

/// What is registered.
#[derive(Debug, Default)]
pub(super) struct Devices {
    applications: BTreeSet<String>,
    endpoints: BTreeMap<String, Endpoint>,
}

impl Devices {
    /// With the applications of every local stack and what was registered before.
    pub(super) fn new(remembered: &[String]) -> Self {
        let endpoints = remembered.iter().filter_map(|text| serde_json::from_str::<Endpoint>(text).ok());
        Self {
            applications: [FCM_APPLICATION, APNS_APPLICATION].map(str::to_owned).into(),
            endpoints: endpoints.map(|endpoint| (endpoint.arn.clone(), endpoint)).collect(),
        }
    }

    /// The endpoint of a token: the one that it has already, or a new one.
    fn register(
        &mut self,
        application: &str,
        token: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<Endpoint, Refusal> {
        if !self.applications.contains(application) {
            return Err(Refusal::not_found("PlatformApplication"));
        }
        if token.is_empty() {
            return Err(Refusal::invalid("Token"));
        }
        let same = |endpoint: &&Endpoint| endpoint.application == application && endpoint.token == token;
        if let Some(known) = self.endpoints.values().find(same) {
            let mut wanted = known.clone();
            wanted.set(attributes)?;
            if wanted == *known {
                return Ok(wanted);
            }
            let arn = &known.arn;
            return Err(Refusal::invalid(format!(
                "Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
            )));
        }
        let mut endpoint = Endpoint {
            arn: format!("{}/{}", application.replacen(":app/", ":endpoint/", 1), Uuid::new_v4()),
            application: application.to_owned(),
            token: token.to_owned(),
            enabled: true,
            user_data: String::new(),
        };
        endpoint.set(attributes)?;
        self.endpoints.insert(endpoint.arn.clone(), endpoint.clone());
        Ok(endpoint)
    }
}

impl<F: Functions> Service<F> {
    /// Credentials are not looked at: nothing leaves this machine.
    pub(super) fn create_platform_application(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let (platform, name) = (parameters.require("Platform")?, parameters.require("Name")?);
        let account = FCM_APPLICATION.split("app/").next().unwrap_or_default();
        let arn = format!("{account}app/{platform}/{name}");
        self.0.devices.write().unwrap_or_else(PoisonError::into_inner).applications.insert(arn.clone());
        Ok(element("PlatformApplicationArn", &arn))
    }

    pub(super) async fn create_platform_endpoint(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let (application, token) = (parameters.require("PlatformApplicationArn")?, parameters.require("Token")?);
        let mut attributes = parameters.map("Attributes");
        if let Some(data) = parameters.get("CustomUserData") {
            attributes.insert("CustomUserData".to_owned(), data.to_owned());
        }
        let endpoint = {
            let mut devices = self.0.devices.write().unwrap_or_else(PoisonError::into_inner);
            devices.register(application, token, &attributes)?
        };
        self.remember_device(&endpoint).await?;
        Ok(element("EndpointArn", &endpoint.arn))
    }

    pub(super) async fn set_endpoint_attributes(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let arn = parameters.require("EndpointArn")?;
        let changed = {
            let mut devices = self.0.devices.write().unwrap_or_else(PoisonError::into_inner);
            let endpoint = devices.endpoints.get_mut(arn).ok_or_else(|| Refusal::not_found("Endpoint"))?;
            endpoint.set(&parameters.map("Attributes"))?;
            endpoint.clone()
        };
        self.remember_device(&changed).await?;
        Ok(String::new())
    }

    pub(super) fn get_endpoint_attributes(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let endpoint = self.endpoint(parameters.require("EndpointArn")?)?;
        let enabled = endpoint.enabled.to_string();
        let attributes = [("Enabled", &enabled), ("Token", &endpoint.token), ("CustomUserData", &endpoint.user_data)];
        let entry = |(name, value): (&str, &String)| {
            format!("<entry>{}{}</entry>", element("key", name), element("value", value))
        };
        Ok(format!("<Attributes>{}</Attributes>", attributes.map(entry).concat()))
    }

    /// Deleting what is not there is no error.
    pub(super) async fn delete_endpoint(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let arn = parameters.require("EndpointArn")?;
        self.0.devices.write().unwrap_or_else(PoisonError::into_inner).endpoints.remove(arn);
        self.0.outbox.forget_device(arn.to_owned()).await.map_err(|error| Refusal::internal(&error))?;
        Ok(String::new())
    }

    /// Whether a device can be published to.
    pub(super) fn check_device(&self, arn: &str) -> Result<(), Refusal> {
        if self.endpoint(arn)?.enabled {
            Ok(())
        } else {
            Err(Refusal::client("EndpointDisabled", "Endpoint is disabled"))
        }
    }

    fn endpoint(&self, arn: &str) -> Result<Endpoint, Refusal> {
        let devices = self.0.devices.read().unwrap_or_else(PoisonError::into_inner);
        devices.endpoints.get(arn).cloned().ok_or_else(|| Refusal::not_found("Endpoint"))
    }

    async fn remember_device(&self, endpoint: &Endpoint) -> Result<(), Refusal> {
        let definition = serde_json::to_string(endpoint).map_err(|error| Refusal::internal(&error))?;
        let kept = self.0.outbox.remember_device(endpoint.arn.clone(), definition).await;
        kept.map_err(|error| Refusal::internal(&error))
    }
}
