//! Databases as the tests need them: real ones, and ones that are not there.

use parvis_kit::postgres::Database;
pub use parvis_test_postgres::database;
use sqlx::postgres::PgConnectOptions;

/// A database that nobody answers for.
pub fn away() -> Database {
    at_port(1)
}

/// A database that takes connections and then says nothing, as one that is paused or overloaded.
pub async fn silent() -> Database {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    at_port(port)
}

fn at_port(port: u16) -> Database {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("nobody");
    Database::with_options(options, "occupancy-test")
}
