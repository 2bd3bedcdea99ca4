//! Entry point of the `announce` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_announce::run().await
}
