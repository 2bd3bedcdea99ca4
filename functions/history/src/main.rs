//! Entry point of the `history` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_history::run().await
}
