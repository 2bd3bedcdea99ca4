//! Entry point of the `payments` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_payments::run().await
}
