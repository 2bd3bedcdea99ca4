//! The command line of `parvis`.

mod dlq;
mod function;
mod pages;
mod provider;
mod samples;
mod up;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

/// Parvis on this machine: the whole platform in one program.
#[derive(Debug, Parser)]
#[command(name = "parvis", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: up::UpArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the whole platform (the default)
    Up(Box<up::UpArgs>),
    /// Look at the messages that could not be processed, and send them again
    Dlq(dlq::DlqArgs),
    /// Simulate parking sensors over MQTT
    Simulate(samples::SimulateHere),
    /// Serve the payment provider that moves no money
    Provider(provider::ProviderArgs),
    /// Replay a CSV file of car-park occupancy over MQTT
    Replay(samples::ReplayHere),
    /// Say what forecasts of a CSV file would have been worth
    Backtest(parvis_backtest::Arguments),
}

/// Runs the program on its arguments.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    // Before anything else: this is what a cold start of a function waits for.
    if let [_, command, context] = &arguments[..]
        && command == "__function"
    {
        return function::run(&context.to_string_lossy());
    }
    let cli = Cli::parse_from(arguments);
    // For every HTTPS client below. Nobody can have chosen another one in this program.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let command = cli.command.unwrap_or_else(|| Command::Up(Box::new(cli.up)));
    let result = runtime.block_on(async {
        match command {
            Command::Up(arguments) => up::run(*arguments).await,
            Command::Dlq(arguments) => dlq::run(arguments).await,
            Command::Simulate(arguments) => samples::simulate(arguments).await,
            Command::Provider(arguments) => provider::run(arguments).await,
            Command::Replay(arguments) => samples::replay(arguments).await,
            // Pure computation; nothing else runs in this process meanwhile.
            Command::Backtest(arguments) => arguments.run(&mut std::io::stdout().lock()),
        }
    });
    // Threads that still block (a DNS look-up, a file) must not hold up the end.
    runtime.shutdown_background();
    result.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("parvis: {error:#}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_stack_is_meant() {
        let cli = Cli::try_parse_from(["parvis", "--port", "9999", "--no-demo"]).unwrap();
        assert!(cli.command.is_none());
        assert!(Cli::try_parse_from(["parvis", "--port", "9999", "dlq", "list"]).is_err());
        assert!(matches!(Cli::try_parse_from(["parvis", "up", "--ephemeral"]).unwrap().command, Some(Command::Up(_))));
    }
}
