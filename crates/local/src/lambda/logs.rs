//! What functions print: one file per function, and the terminal if asked.

use std::{
    collections::HashMap,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// A log above this size is set aside (as `<function>.log.1`) when the stack starts.
const ROTATE_ABOVE: u64 = 16 * 1024 * 1024;

/// The logs of all functions. Cheap to clone.
#[derive(Clone)]
pub(super) struct Logs(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    verbose: bool,
    files: Mutex<HashMap<String, Arc<Mutex<std::fs::File>>>>,
}

impl Logs {
    pub fn new(directory: &Path, verbose: bool) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Self(Arc::new(Inner { directory: directory.to_owned(), verbose, files: Mutex::default() })))
    }

    /// Copies what a sandbox prints until it ends.
    pub fn follow(&self, function: &str, output: impl AsyncRead + Unpin + Send + 'static) {
        let (logs, function) = (self.clone(), function.to_owned());
        tokio::spawn(async move {
            let mut lines = BufReader::new(output);
            let mut line = Vec::new();
            while let Ok(1..) = lines.read_until(b'\n', &mut line).await {
                logs.write(&function, &line);
                line.clear();
            }
        });
    }

    /// Appends one line. A log that cannot be written must not stop the function, so that is only reported.
    pub fn write(&self, function: &str, line: &[u8]) {
        if self.0.verbose {
            let mut terminal = std::io::stderr().lock();
            drop(write!(terminal, "{function}: ").and_then(|()| terminal.write_all(line)));
        }
        let written =
            self.file(function).and_then(|file| file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line));
        if let Err(error) = written {
            tracing::warn!(function, %error, "cannot write the function's log");
        }
    }

    fn file(&self, function: &str) -> std::io::Result<Arc<Mutex<std::fs::File>>> {
        let mut files = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(function) {
            return Ok(file.clone());
        }
        let path = self.0.directory.join(format!("{function}.log"));
        if path.metadata().is_ok_and(|metadata| metadata.len() > ROTATE_ABOVE) {
            std::fs::rename(&path, path.with_extension("log.1"))?;
        }
        let file = Arc::new(Mutex::new(std::fs::File::options().create(true).append(true).open(path)?));
        files.insert(function.to_owned(), file.clone());
        Ok(file)
    }
}
