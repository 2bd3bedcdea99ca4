//! The program itself: `parvis` started, killed, stopped, and its tools beside it.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use parvis_local::stack::{Endpoints, announced};

const PARVIS: &str = env!("CARGO_BIN_EXE_parvis");

/// A stack in a process of its own; killed when the test ends.
struct Program(Child);

impl Program {
    /// Starts `parvis` on free ports and waits until it has announced itself.
    fn start(data_dir: &Path) -> (Self, Endpoints) {
        let child = parvis(data_dir, &[]).spawn().unwrap();
        let (mut program, started) = (Self(child), Instant::now());
        let own = program.0.id();
        loop {
            if let Ok(announcement) = announced(data_dir)
                && announcement.process_id == own
            {
                return (program, announcement.endpoints);
            }
            assert!(program.0.try_wait().unwrap().is_none(), "parvis ended before it stood");
            assert!(started.elapsed() < Duration::from_secs(60), "parvis did not start within a minute");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as the kernel does when memory runs out.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Ends it as systemd and Docker do.
    fn terminate(mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Ended already in most tests.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn parvis(data_dir: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(PARVIS);
    command
        .args(["--port", "0", "--mqtt-port", "0", "--ws-port", "0", "--no-demo", "--data-dir"])
        .arg(data_dir)
        .args(more);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn dlq(data_dir: &Path, arguments: &[&str]) -> Output {
    Command::new(PARVIS).arg("dlq").args(arguments).arg("--data-dir").arg(data_dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Sends a message through SQS's own protocol.
async fn send(endpoints: &Endpoints, queue: &str, body: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/000000000000/{queue}", endpoints.sqs);
    let request = reqwest::Client::new()
        .post(&endpoints.sqs)
        .header("x-amz-target", "AmazonSQS.SendMessage")
        .json(&serde_json::json!({ "QueueUrl": url, "MessageBody": body }));
    assert!(request.send().await.unwrap().status().is_success());
}

/// Processes whose command line names a directory: sandboxes do not, so their parent is looked at too.
fn sandboxes_of(parent: u32) -> Vec<u32> {
    let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let parent_of = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse::<u32>().ok()?;
        (parent_of == parent).then_some(pid)
    });
    children.collect()
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_left_running() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (program, endpoints) = Program::start(&data);
    let children = sandboxes_of(program.0.id());
    assert!(!children.is_empty());
    // A body that is no envelope stays where it is until somebody looks at it.
    send(&endpoints, "IngestDeadLetterQueue", "not an envelope").await;
    program.kill();
    let gone = || children.iter().all(|pid| is_gone(*pid));
    let started = Instant::now();
    while !gone() && started.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(gone(), "processes are left behind");

    let (program, _) = Program::start(&data);
    let list = dlq(&data, &["list"]);
    assert!(text(&list.stdout).contains("bad_envelope"), "{}", text(&list.stderr));
    assert!(program.terminate().success());
    assert!(announced(&data).is_err());
}

/// Whether a process has ended; one that only waits to be collected by its parent has.
fn is_gone(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[tokio::test]
async fn dead_letters_are_listed_shown_and_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (_program, endpoints) = Program::start(&data);
    let good = r#"{"payload":"eyJzdGF0dXMiOiJmcmVlIn0=","topic":"parking/Zone_A/place_3","received_at":1768730400000}"#;
    send(&endpoints, "IngestDeadLetterQueue", good).await;
    send(&endpoints, "IngestDeadLetterQueue", "what is this").await;

    let list = text(&dlq(&data, &["list"]).stdout);
    assert_eq!(list.lines().count(), 2, "{list}");
    let line = list.lines().find(|line| line.contains("parking/Zone_A/place_3")).unwrap();
    assert!(line.contains("too_many_attempts"), "{line}");
    let id = line.split_whitespace().next().unwrap();
    // Looked at, and still there.
    let shown = text(&dlq(&data, &["show", id]).stdout);
    assert!(shown.contains(r#"{"status":"free"}"#), "{shown}");

    let redriven = dlq(&data, &["redrive", "--all"]);
    let said = text(&redriven.stderr);
    assert!(
        redriven.status.success() && said.contains("1 messages sent again") && said.contains("names no topic"),
        "{said}"
    );
    // It is still malformed (no timestamp), so ingest puts it here again, now with a reason of its own.
    let started = Instant::now();
    loop {
        let list = text(&dlq(&data, &["list"]).stdout);
        if let Some(line) = list.lines().find(|line| line.contains("place_3")) {
            assert!(!line.contains("too_many_attempts"), "{line}");
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{list}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let unknown = dlq(&data, &["show", "nothing"]);
    assert!(!unknown.status.success() && text(&unknown.stderr).contains("parvis dlq list"));
}

#[test]
fn a_busy_port_and_a_busy_directory_are_told_with_a_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (_program, endpoints) = Program::start(&data);
    let second = parvis(&data, &[]).stderr(Stdio::piped()).output().unwrap();
    let said = text(&second.stderr);
    assert!(!second.status.success() && said.contains("another parvis") && said.contains("--data-dir"), "{said}");

    let port = endpoints.api.rsplit(':').next().unwrap();
    let third = Command::new(PARVIS)
        .args(["--port", port, "--mqtt-port", "0", "--ws-port", "0", "--ephemeral"])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = text(&third.stderr);
    assert!(!third.status.success() && said.contains(port) && said.contains("--port"), "{said}");
}

#[test]
fn tools_say_when_no_stack_is_running() {
    let directory = tempfile::tempdir().unwrap();
    let list = dlq(directory.path(), &["list"]);
    let said = text(&list.stderr);
    assert!(!list.status.success() && said.contains("no stack is running"), "{said}");
}
