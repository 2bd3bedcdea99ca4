//! Puts the schemas of events and the texts into the library: a new file is enough, no list names them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let schemas = here.join("../../events/schemas");
    let texts = here.join("texts");
    let mut source = String::new();
    list(&mut source, "SCHEMAS", &schemas, "json", &[PathBuf::new()])?;
    list(&mut source, "TEXTS", &texts, "txt", &[PathBuf::from("fr"), PathBuf::from("en")])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("files.rs");
    fs::write(out, source)
}

/// A constant with name and content of each file in the folders, by name.
fn list(source: &mut String, name: &str, root: &Path, extension: &str, folders: &[PathBuf]) -> io::Result<()> {
    let mut files = Vec::new();
    for folder in folders {
        let directory = root.join(folder);
        println!("cargo:rerun-if-changed={}", directory.display());
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|found| found == extension) {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                files.push((folder.join(stem).to_string_lossy().replace('\\', "/"), path.canonicalize()?));
            }
        }
    }
    files.sort();
    let mut entries = String::new();
    for (name, path) in files {
        println!("cargo:rerun-if-changed={}", path.display());
        writeln!(entries, "    ({name:?}, include_str!({:?})),", path.display().to_string())
            .map_err(io::Error::other)?;
    }
    writeln!(source, "const {name}: &[(&str, &str)] = &[\n{entries}];").map_err(io::Error::other)
}
