//! The Lambda function `inbox`.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_inbox::run().await
}
