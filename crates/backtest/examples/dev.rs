//! Development only.
use clap::Parser;
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    arguments: parvis_backtest::Arguments,
}
fn main() -> anyhow::Result<()> {
    Cli::parse().arguments.run(&mut std::io::stdout().lock())
}
