//! The Lambda function `deliver`.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_deliver::run().await
}
