//! Entry point of the `occupancy` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_occupancy::run().await
}
