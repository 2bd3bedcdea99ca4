//! What of a program's output says why it failed.

use std::collections::VecDeque;

/// What a line holds that names a failure: of cargo's test runner, of a test itself, of vitest.
const MARKS: [&str; 4] = [" ... FAILED", "panicked at ", " FAIL ", "AssertionError"];
/// Lines after such a line that belong to it: what was expected and what there was.
const FOLLOWING: usize = 3;
/// Lines that a log can show at its end without pushing out the summary.
const MOST: usize = 20;
/// The end of the output, for programs that name their failures in another way.
const LAST: usize = 10;
/// Characters of a line that are shown.
const WIDTH: usize = 300;

/// The lines of a program that are worth repeating.
#[derive(Debug, Default)]
pub struct Heard {
    named: Vec<String>,
    following: usize,
    last: VecDeque<String>,
}

impl Heard {
    /// Listens to one more line.
    pub fn line(&mut self, line: String) {
        let line: String = line.chars().take(WIDTH).collect();
        if names_a_failure(&line) {
            self.following = FOLLOWING + 1;
        }
        if self.following > 0 && self.named.len() < MOST && !line.trim().is_empty() {
            self.following -= 1;
            self.named.push(line.clone());
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// What named failures, or else the end.
    pub fn told(self) -> String {
        let lines = if self.named.is_empty() { self.last.into() } else { self.named };
        lines.join("\n")
    }
}

fn names_a_failure(line: &str) -> bool {
    // rustc and cargo begin their lines so.
    line.starts_with("error") || MARKS.iter().any(|mark| line.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(output: &str) -> String {
        let mut heard = Heard::default();
        output.lines().for_each(|line| heard.line(line.to_owned()));
        heard.told()
    }

    #[test]
    fn a_failed_test_is_named_however_much_follows() {
        let many = "test many::others ... ok\n".repeat(500);
        let output = format!(
            "test model::error_of_names ... ok\ntest model::keeps_promises ... FAILED\n{many}\nfailures:\n
thread 'model::keeps_promises' panicked at tests/model.rs:131:5:\nassertion `left == right` failed\n  left: 1\n right: 0\n{many}"
        );
        let told = told(&output);
        for part in ["model::keeps_promises ... FAILED", "panicked at tests/model.rs:131:5", "left: 1", "right: 0"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("error_of_names"), "{told}");
        assert!(told.lines().count() <= MOST, "{told}");
    }

    #[test]
    fn a_program_that_names_nothing_is_heard_to_its_end() {
        let output: String = (1..=50).map(|line| format!("line {line}\n")).collect();
        assert_eq!(told(&output).lines().count(), LAST);
        assert!(told(&output).ends_with("line 50"));
    }
}
