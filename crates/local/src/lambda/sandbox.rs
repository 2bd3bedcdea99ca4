//! One sandbox: a child process that runs one function, one invocation at a time.
//!
//! The child's standard input is a pipe that only the host holds open. However the host ends (even by `kill -9`), the pipe
//! closes, and the child's `__function` entry ends the process; so no sandbox outlives its host, without any unsafe call.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    process::{Child, Command},
    sync::{Notify, mpsc, oneshot, watch},
};

use super::logs::Logs;

/// How long a sandbox may take to end by itself once its input is closed.
const GRACE: Duration = Duration::from_secs(2);

/// One event on its way to a function.
pub(super) struct Invocation {
    pub request_id: String,
    pub payload: Bytes,
    pub deadline_ms: u64,
    pub function_arn: String,
    pub reply: oneshot::Sender<Reply>,
    /// Told when the function has taken the event: from then on its timeout runs.
    pub taken: oneshot::Sender<()>,
}

/// What a function answered.
pub(super) enum Reply {
    Response(Bytes),
    Error(Bytes),
}

/// The host's handle of a running child.
pub(super) struct Sandbox {
    pub id: String,
    pub function: String,
    /// The child's process id.
    pub process_id: Option<u32>,
    events: mpsc::Sender<Invocation>,
    /// The receiving end, taken by each `next` request in turn.
    pub(super) next: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    /// The invocation the function is working on.
    pub(super) current: Mutex<Option<(String, oneshot::Sender<Reply>)>>,
    /// What the function reported about a failed initialisation.
    init_error: Mutex<Option<String>>,
    stop: Arc<Notify>,
    kill: Arc<Notify>,
    expected_end: Arc<AtomicBool>,
    ended: watch::Receiver<Option<String>>,
}

impl Sandbox {
    /// Starts the child. `on_end` is called once it has ended, with whether that was expected.
    pub fn spawn(
        id: String,
        function: &parvis_sam::Function,
        binary: &Path,
        environment: BTreeMap<String, String>,
        logs: &Logs,
        on_end: impl FnOnce(&str, bool) + Send + 'static,
    ) -> std::io::Result<Arc<Self>> {
        let mut child = Command::new(binary)
            .args(["__function", &function.context])
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(stdout) = child.stdout.take() {
            logs.follow(&function.context, stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            logs.follow(&function.context, stderr);
        }
        let (events, next) = mpsc::channel(1);
        let (ended_sender, ended) = watch::channel(None);
        let sandbox = Arc::new(Self {
            id,
            function: function.logical_id.to_string(),
            process_id: child.id(),
            events,
            next: tokio::sync::Mutex::new(next),
            current: Mutex::default(),
            init_error: Mutex::default(),
            stop: Arc::default(),
            kill: Arc::default(),
            expected_end: Arc::default(),
            ended,
        });
        let (stop, kill, expected) = (sandbox.stop.clone(), sandbox.kill.clone(), sandbox.expected_end.clone());
        tokio::spawn(async move {
            let how = supervise(child, &stop, &kill).await;
            // First the fact, then its consequences: whoever registers the sandbox late finds it ended.
            ended_sender.send_replace(Some(how.clone()));
            on_end(&how, expected.load(Ordering::Relaxed));
        });
        Ok(sandbox)
    }

    /// Lays an event ready for the child's next request. A sandbox out of the idle pool has none waiting, so there is room.
    pub fn dispatch(&self, invocation: Invocation) {
        // Were there no room, the reply's sender drops with the invocation, which its caller sees.
        drop(self.events.try_send(invocation));
    }

    /// Waits for the child's end and tells how it ended.
    pub async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        let how = ended.wait_for(Option::is_some).await;
        how.ok().and_then(|how| how.clone()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// Whether the child runs, as far as is known.
    pub fn is_alive(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Kills the child at once, as a crash does.
    pub fn kill(&self) {
        self.kill.notify_one();
    }

    /// Ends the child in peace; it is killed if it does not end in time.
    pub fn stop(&self) {
        self.expected_end.store(true, Ordering::Relaxed);
        self.stop.notify_one();
    }

    pub fn set_init_error(&self, detail: String) {
        *self.init_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(detail);
    }

    pub fn init_error(&self) -> Option<String> {
        self.init_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Waits for the child's end, bringing it about when asked.
async fn supervise(mut child: Child, stop: &Notify, kill: &Notify) -> String {
    let lifeline = child.stdin.take();
    let status = tokio::select! {
        status = child.wait() => status,
        () = kill.notified() => end_by_force(&mut child).await,
        () = stop.notified() => {
            drop(lifeline);
            match tokio::time::timeout(GRACE, child.wait()).await {
                Ok(status) => status,
                Err(_) => end_by_force(&mut child).await,
            }
        }
    };
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

async fn end_by_force(child: &mut Child) -> std::io::Result<ExitStatus> {
    child.start_kill()?;
    child.wait().await
}
