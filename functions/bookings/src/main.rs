//! Entry point of the `bookings` function.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    parvis_bookings::run().await
}
