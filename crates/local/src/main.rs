//! `parvis`: the embedded stack and its tools.

use std::process::ExitCode;

fn main() -> ExitCode {
    parvis_local::cli::main(std::env::args_os())
}
