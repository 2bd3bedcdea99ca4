//! `parvis __function <context>`: this process is a sandbox of one function.

use std::{io::Read as _, process::ExitCode};

use crate::lambda::probe;

/// Runs the function until its host goes away.
pub(super) fn run(context: &str) -> ExitCode {
    end_with_host();
    // A sandbox works on one event at a time, so one thread is enough and the smallest.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(context, &error),
    };
    let result = runtime.block_on(async {
        match context {
            "announce" => parvis_announce::run().await,
            "bookings" => parvis_bookings::run().await,
            "deliver" => parvis_deliver::run().await,
            "forecast" => parvis_forecast::run().await,
            "history" => parvis_history::run().await,
            "inbox" => parvis_inbox::run().await,
            "ingest" => parvis_ingest::run().await,
            "ledger" => parvis_ledger::run().await,
            "migrate" => parvis_migrate::run().await,
            "mqtt-auth" => parvis_mqtt_auth::run().await,
            "notify" => parvis_notify::run().await,
            "occupancy" => parvis_occupancy::run().await,
            "payments" => parvis_payments::run().await,
            "train" => parvis_train::run().await,
            "probe" => probe::run().await,
            unknown => Err(format!("this program does not contain the function {unknown:?}").into()),
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(context, &*error),
    }
}

fn fail(context: &str, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{context}: {error}");
    ExitCode::FAILURE
}

/// Ends this process when its standard input closes. The host holds the other end and never writes, so that happens when the host
/// stops this sandbox or ends, even by `kill -9`; without it sandboxes would stay behind.
fn end_with_host() {
    std::thread::spawn(|| {
        let mut byte = [0];
        loop {
            match std::io::stdin().read(&mut byte) {
                Ok(1..) => {}
                Ok(0) => std::process::exit(0),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => std::process::exit(1),
            }
        }
    });
}
