//! Entry point of the `migrate` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_migrate::run().await
}
