//! The machine that the figures are from.

use std::process::Command;

use serde::Serialize;

/// What figures depend on.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    memory_gb: f64,
    kernel: String,
    rustc: String,
    /// Load average of the last minute when the bench began: others' work.
    load_at_start: f64,
    at: String,
}

impl Machine {
    /// One line for people.
    pub fn text(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GB, Linux {}, {}; load at start {:.2}; {}\n",
            self.cpu, self.cores, self.memory_gb, self.kernel, self.rustc, self.load_at_start, self.at
        )
    }
}

/// This machine. What cannot be found out is said so: a figure is worth printing all the same.
pub fn describe() -> Machine {
    let memory_kb = field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    Machine {
        cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned()),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory_gb: memory_kb.unwrap_or(0.0) / 1024.0 / 1024.0,
        kernel: read("/proc/sys/kernel/osrelease"),
        rustc: rustc().unwrap_or_else(|| "rustc unknown".to_owned()),
        load_at_start: load(),
        at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    }
}

/// The load average of the last minute.
pub fn load() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn rustc() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
