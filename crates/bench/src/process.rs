//! Time and memory of processes, as Linux counts them.

use std::time::Duration;

/// Clock ticks a second in `/proc/<pid>/stat`: 100 on every Linux that Rust supports.
const TICKS: f64 = 100.0;

/// Memory of a process, MB.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Memory {
    /// Resident now: its own pages and those of the program file that it touched.
    pub resident: f64,
    /// The most that was ever resident.
    pub peak: f64,
    /// Of the resident pages, those that are its own.
    pub own: f64,
}

/// Processor time that a process has used; zero when it has ended.
pub fn cpu(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses and may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS)
}

/// Processor time that all processes of the machine have used.
pub fn cpu_of_all() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.map(|text| text.parse().unwrap_or(0.0)).collect();
    // user, nice, system; then idle, waiting; then interrupts.
    let busy = [0, 1, 2, 5, 6].into_iter().filter_map(|index| ticks.get(index)).sum::<f64>();
    Duration::from_secs_f64(busy / TICKS)
}

/// Memory of a process; zero when it has ended.
pub fn memory(process: u32) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mb = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    Memory { resident: mb("VmRSS"), peak: mb("VmHWM"), own: mb("RssAnon") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_uses_time() {
        let memory = memory(std::process::id());
        assert!(memory.resident > 0.1 && memory.peak >= memory.resident && memory.own < memory.resident, "{memory:?}");
        let mut sum = 0_u64;
        while cpu(std::process::id()).is_zero() {
            sum = sum.wrapping_mul(31).wrapping_add(1);
        }
        assert!(cpu_of_all() >= cpu(std::process::id()) && sum > 0);
        assert_eq!(cpu(u32::MAX), Duration::ZERO);
    }
}
