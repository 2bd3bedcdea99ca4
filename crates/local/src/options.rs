//! How a stack is started.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};

use crate::faults::Faults;

/// Most sandboxes of one function, unless the template reserves another number.
const CONCURRENCY: usize = 8;

/// How a stack is started. [`Options::default`] is what `parvis` does without arguments.
#[derive(Debug, Clone)]
pub struct Options {
    /// The template; none for `template.yaml` of the working directory or above, else the repository's own.
    pub template: Option<PathBuf>,
    /// Values for the template's parameters, over its defaults.
    pub parameters: BTreeMap<String, String>,
    /// Variables for every function, over the template's.
    pub environment: BTreeMap<String, String>,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Keep everything in a temporary directory instead, deleted at the end.
    pub ephemeral: bool,
    /// Address on which the public ports listen.
    pub bind: IpAddr,
    /// HTTP: API, web application, login. 0 for any free port, as with the other two.
    pub port: u16,
    /// MQTT.
    pub mqtt_port: u16,
    /// MQTT over WebSocket.
    pub ws_port: u16,
    /// Whether the simulator drives the field project's lot of 24 spaces.
    pub demo: bool,
    /// Whether the default place is created.
    pub seed: bool,
    /// Whether functions' logs go to the terminal.
    pub verbose: bool,
    /// Whether progress is shown.
    pub progress: bool,
    /// The program that understands `__function <context>`; see [`Options::function_binary`].
    pub function_binary: Option<PathBuf>,
    /// Most sandboxes of one function, unless the template reserves another number.
    pub concurrency: usize,
    /// Faults asked for; a test keeps its own handle.
    pub faults: Arc<Faults>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            template: None,
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
            data_dir: PathBuf::from(".parvis"),
            ephemeral: false,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            mqtt_port: 1883,
            ws_port: 9001,
            demo: true,
            seed: true,
            verbose: false,
            progress: true,
            function_binary: None,
            concurrency: CONCURRENCY,
            faults: Arc::default(),
        }
    }
}

impl Options {
    /// For tests: free ports, a temporary directory, no demo, no progress.
    #[must_use]
    pub fn for_tests() -> Self {
        Self { ephemeral: true, port: 0, mqtt_port: 0, ws_port: 0, demo: false, progress: false, ..Self::default() }
    }

    /// Gives a template parameter another value.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl ToString) -> Self {
        self.parameters.insert(name.to_owned(), value.to_string());
        self
    }

    /// The template's path.
    ///
    /// # Errors
    /// When there is none.
    pub fn template_path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.template {
            return Ok(path.clone());
        }
        let working = std::env::current_dir().context("the working directory cannot be read")?;
        let above = working.ancestors().map(|directory| directory.join("template.yaml")).find(|path| path.is_file());
        let own = || {
            Some(Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?.join("template.yaml"))
                .filter(|path| path.is_file())
        };
        above.or_else(own).context("there is no template.yaml here or above; name it with --template")
    }

    /// The program that runs the functions: the one given, `PARVIS_BIN`, this very program if it is `parvis`, else the `parvis` that
    /// cargo puts beside a test's directory.
    ///
    /// # Errors
    /// When none of these exists.
    pub fn function_binary(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = self.function_binary.clone().or_else(|| std::env::var_os("PARVIS_BIN").map(PathBuf::from)) {
            if !path.is_file() {
                bail!("{} does not exist (it was named to run the functions)", path.display());
            }
            return Ok(path);
        }
        let own = std::env::current_exe().context("the path of this program cannot be read")?;
        if own.file_stem().is_some_and(|name| name == "parvis") {
            return Ok(own);
        }
        let built =
            own.ancestors().skip(1).take(2).map(|directory| directory.join("parvis")).find(|path| path.is_file());
        built.context("the program that runs the functions is not built: cargo build -p parvis-local")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repositorys_template_is_found_from_anywhere_in_it() {
        assert!(Options::default().template_path().unwrap().ends_with("template.yaml"));
    }

    #[test]
    fn a_binary_that_was_named_must_exist() {
        let options = Options { function_binary: Some("/nowhere/parvis".into()), ..Options::for_tests() };
        assert!(options.function_binary().unwrap_err().to_string().contains("/nowhere/parvis"));
    }
}
