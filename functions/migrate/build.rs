//! The migrations are built into the function; a new file must lead to a new build.

fn main() {
    println!("cargo:rerun-if-changed=../../infra/migrations");
}
