//! Entry point of the `ledger` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_ledger::run().await
}
