//! Entry point of the `ingest` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_ingest::run().await
}
