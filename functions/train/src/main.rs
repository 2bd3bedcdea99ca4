//! Entry point of the `train` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_train::run().await
}
