//! Entry point of the `forecast` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_forecast::run().await
}
