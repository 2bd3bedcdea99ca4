//! Entry point of the `mqtt-auth` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_mqtt_auth::run().await
}
