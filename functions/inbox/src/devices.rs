//! Devices: registered with SNS, which gives each an endpoint that letters can be published to.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::operation::create_platform_endpoint::CreatePlatformEndpointError;
use aws_sdk_sns::operation::delete_endpoint::DeleteEndpointError;
use aws_sdk_sns::operation::set_endpoint_attributes::SetEndpointAttributesError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whose messaging a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DevicePlatform {
    /// Google's (Firebase Cloud Messaging).
    Fcm,
    /// Apple's.
    Apns,
}

/// Why a device cannot be registered or forgotten.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// This deployment has no application for the platform.
    #[error("push to these devices is not offered here")]
    NotOffered,
    /// SNS does not take the token.
    #[error("this is no token of a device")]
    BadToken,
    /// SNS could not register it.
    #[error("SNS could not register a device")]
    Register(#[from] Box<SdkError<CreatePlatformEndpointError>>),
    /// SNS could not turn it on again.
    #[error("SNS could not turn a device on")]
    TurnOn(#[from] Box<SdkError<SetEndpointAttributesError>>),
    /// SNS could not forget it.
    #[error("SNS could not forget a device")]
    Forget(#[from] Box<SdkError<DeleteEndpointError>>),
}

/// The platform applications of this deployment; cheap to clone.
#[derive(Clone, Debug)]
pub struct Devices {
    client: Client,
    fcm: Option<String>,
    apns: Option<String>,
}

impl Devices {
    /// Devices of the platform applications with these ARNs; push is not offered to platforms without one.
    #[must_use]
    pub const fn new(client: Client, fcm: Option<String>, apns: Option<String>) -> Self {
        Self { client, fcm, apns }
    }

    const fn application(&self, platform: DevicePlatform) -> Option<&String> {
        match platform {
            DevicePlatform::Fcm => self.fcm.as_ref(),
            DevicePlatform::Apns => self.apns.as_ref(),
        }
    }

    /// The platforms that push is offered to.
    #[must_use]
    pub fn offered(&self) -> Vec<DevicePlatform> {
        let all = [DevicePlatform::Fcm, DevicePlatform::Apns];
        all.into_iter().filter(|platform| self.application(*platform).is_some()).collect()
    }

    /// Registers a device by its token and gives the ARN of its endpoint, the same one for the same token. One that SNS had turned off
    /// is turned on again.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn endpoint_of(&self, platform: DevicePlatform, token: &str) -> Result<String, DeviceError> {
        let application = self.application(platform).ok_or(DeviceError::NotOffered)?;
        let create = self.client.create_platform_endpoint().platform_application_arn(application).token(token);
        let endpoint = match create.send().await {
            Ok(created) => created.endpoint_arn.ok_or(DeviceError::BadToken)?,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreatePlatformEndpointError::is_invalid_parameter_exception) =>
            {
                return Err(DeviceError::BadToken);
            }
            Err(error) => return Err(Box::new(error).into()),
        };
        let turn_on = self.client.set_endpoint_attributes().endpoint_arn(&endpoint).attributes("Enabled", "true");
        turn_on.attributes("Token", token).send().await.map_err(Box::new)?;
        Ok(endpoint)
    }

    /// Takes a device away.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub async fn forget(&self, endpoint: &str) -> Result<(), DeviceError> {
        self.client.delete_endpoint().endpoint_arn(endpoint).send().await.map_err(Box::new)?;
        Ok(())
    }
}
