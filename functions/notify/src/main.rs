//! Entry point of the `notify` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_notify::run().await
}
