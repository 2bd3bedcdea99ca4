//! The migrations are built into the function; a new file must lead to a new build.
#![expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]

fn main() {
    println!("cargo:rerun-if-changed=../../infra/migrations");
}
