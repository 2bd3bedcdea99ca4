//! The host: which sandboxes there are, and which one takes the next event.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{extract::DefaultBodyLimit, serve::ListenerExt as _};
use bytes::Bytes;
use parvis_sam::{Function, LogicalId};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, oneshot},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    InvokeError, MAX_PAYLOAD_BYTES, environment, invoke_api,
    logs::Logs,
    runtime_api,
    sandbox::{Invocation, Reply, Sandbox},
    usage::{Meter, Usage},
};
use crate::faults::Faults;

/// Time a new sandbox may take until it asks for its first event, as in AWS.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// What a host needs.
#[derive(Debug)]
pub struct Config {
    /// The template's functions.
    pub functions: BTreeMap<LogicalId, Function>,
    /// The program that understands `__function <context>`.
    pub binary: PathBuf,
    /// Most sandboxes of a function that reserves no concurrency.
    pub concurrency: usize,
    /// Directory of the functions' logs.
    pub logs: PathBuf,
    /// Whether the logs go to the terminal too.
    pub verbose: bool,
    /// Region the functions believe to be in.
    pub region: String,
    /// Faults asked for.
    pub faults: Arc<Faults>,
}

/// Runs the template's functions. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    functions: BTreeMap<LogicalId, Slot>,
    binary: PathBuf,
    logs: Logs,
    region: String,
    faults: Arc<Faults>,
    address: SocketAddr,
    registry: Arc<Registry>,
    services: RwLock<Arc<BTreeMap<String, String>>>,
    counter: AtomicU64,
    stopping: CancellationToken,
    /// Outlives `stopping`: sandboxes still answer while they are being stopped.
    serving: CancellationToken,
}

/// A function and its sandboxes.
struct Slot {
    function: Function,
    permits: Semaphore,
    idle: Mutex<Vec<Arc<Sandbox>>>,
    meter: Meter,
}

/// All living sandboxes by id.
#[derive(Default)]
pub(super) struct Registry(RwLock<HashMap<String, Arc<Sandbox>>>);

impl Registry {
    pub fn get(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Enters the sandbox that `spawn` starts. Nobody looks anything up meanwhile: its process may ask for its first event
    /// before this thread goes on, and the runtime panics when it is refused.
    fn enter(&self, spawn: impl FnOnce() -> std::io::Result<Arc<Sandbox>>) -> std::io::Result<Arc<Sandbox>> {
        let mut sandboxes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let sandbox = spawn()?;
        sandboxes.insert(sandbox.id.clone(), sandbox.clone());
        Ok(sandbox)
    }

    fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn all(&self) -> Vec<Arc<Sandbox>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Slot {
    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Sandbox>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// Opens the loopback listener of the Runtime and Invoke APIs. No sandbox is started before its function is invoked.
    ///
    /// # Errors
    /// When the listener or the directory of the logs cannot be had.
    pub async fn start(config: Config) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let slot = |function: Function| {
            let most = function.reserved_concurrency.map_or(config.concurrency, |most| most as usize).max(1);
            Slot { function, permits: Semaphore::new(most), idle: Mutex::default(), meter: Meter::default() }
        };
        let host = Self(Arc::new(Inner {
            functions: config.functions.into_iter().map(|(id, function)| (id, slot(function))).collect(),
            binary: config.binary,
            logs: Logs::new(&config.logs, config.verbose)?,
            region: config.region,
            faults: config.faults,
            address: listener.local_addr()?,
            registry: Arc::default(),
            services: RwLock::default(),
            counter: AtomicU64::new(1),
            stopping: CancellationToken::new(),
            serving: CancellationToken::new(),
        }));
        let router = runtime_api::router(host.0.registry.clone())
            .merge(invoke_api::router(host.clone()))
            .layer(DefaultBodyLimit::disable());
        let end = host.0.serving.clone();
        tokio::spawn(async move {
            // Events and answers are small writes on kept-alive connections: waiting to fill a packet would cost 40 ms each.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            tokio::select! {
                served = async { axum::serve(listener, router).await } => {
                    if let Err(error) = served {
                        tracing::error!(%error, "the Lambda endpoint stopped serving");
                    }
                }
                () = end.cancelled() => {}
            }
        });
        Ok(host)
    }

    /// Where the Invoke API is: `http://127.0.0.1:<port>`, the value of `AWS_ENDPOINT_URL_LAMBDA`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Environment of sandboxes started from now on, above the template's: endpoints of the local services and the like.
    pub fn set_services(&self, services: BTreeMap<String, String>) {
        *self.0.services.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(services);
    }

    /// A function's logical id by logical id, physical name, context or ARN.
    #[must_use]
    pub fn find(&self, reference: &str) -> Option<LogicalId> {
        let name = reference.rsplit(':').find(|part| *part != "$LATEST")?;
        let is = |slot: &Slot| {
            [slot.function.logical_id.as_str(), &slot.function.name, &slot.function.context].contains(&name)
        };
        self.0.functions.iter().find(|(_, slot)| is(slot)).map(|(id, _)| id.clone())
    }

    /// Runs a function on an event and gives its answer. Waits while all sandboxes that the function may have are busy.
    ///
    /// The invocation goes on even if the caller stops waiting for it.
    ///
    /// # Errors
    /// See [`InvokeError`]: only one of its cases is the function's own word.
    pub async fn invoke(&self, function: impl AsRef<str>, payload: impl Into<Bytes>) -> Result<Bytes, InvokeError> {
        let (function, payload) = (function.as_ref(), payload.into());
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(InvokeError::PayloadTooLarge(payload.len()));
        }
        let Some((id, _)) = self.0.functions.get_key_value(function) else {
            return Err(InvokeError::UnknownFunction(function.to_owned()));
        };
        let (host, id) = (self.clone(), id.clone());
        // In a task of its own, because a caller that goes away must not take the sandbox out of the pool for good.
        tokio::spawn(async move { host.run(&id, payload).await }).await.unwrap_or(Err(InvokeError::ShuttingDown))
    }

    async fn run(&self, id: &LogicalId, payload: Bytes) -> Result<Bytes, InvokeError> {
        let slot = self.0.functions.get(id).ok_or_else(|| InvokeError::UnknownFunction(id.to_string()))?;
        let _permit = tokio::select! {
            permit = slot.permits.acquire() => permit.map_err(|_| InvokeError::ShuttingDown)?,
            () = self.0.stopping.cancelled() => return Err(InvokeError::ShuttingDown),
        };
        if self.0.stopping.is_cancelled() {
            return Err(InvokeError::ShuttingDown);
        }
        let sandbox = match take_idle(slot) {
            Some(sandbox) => sandbox,
            None => self.spawn(slot)?,
        };
        let outcome = self.run_in(&sandbox, slot, payload).await;
        if sandbox.is_alive()
            && !matches!(
                outcome,
                Err(InvokeError::Timeout { .. } | InvokeError::Crashed { .. } | InvokeError::Init { .. })
            )
        {
            slot.idle().push(sandbox);
        }
        outcome
    }

    fn spawn(&self, slot: &Slot) -> Result<Arc<Sandbox>, InvokeError> {
        let function = &slot.function;
        let id = format!("{}-{}", function.context, self.0.counter.fetch_add(1, Ordering::Relaxed));
        let services = self.0.services.read().unwrap_or_else(PoisonError::into_inner).clone();
        let environment = environment::of_sandbox(function, &services, self.0.address, &id, &self.0.region);
        let (registry, name, sandbox_id) = (self.0.registry.clone(), function.logical_id.clone(), id.clone());
        let on_end = move |how: &str, expected: bool| {
            registry.remove(&sandbox_id);
            if expected {
                tracing::debug!(function = %name, sandbox = sandbox_id, how, "sandbox stopped");
            } else {
                tracing::warn!(function = %name, sandbox = sandbox_id, how, "sandbox ended; see the function's log");
            }
        };
        let spawned =
            self.0.registry.enter(|| Sandbox::spawn(id, function, &self.0.binary, environment, &self.0.logs, on_end));
        spawned.map_err(|source| InvokeError::Spawn {
            function: function.logical_id.to_string(),
            source: Arc::new(source),
        })
    }

    async fn run_in(&self, sandbox: &Arc<Sandbox>, slot: &Slot, payload: Bytes) -> Result<Bytes, InvokeError> {
        let function = slot.function.logical_id.to_string();
        let limit = slot.function.timeout;
        let (reply, mut answer) = oneshot::channel();
        let (taken, taking) = oneshot::channel();
        let deadline = SystemTime::now() + limit;
        sandbox.dispatch(Invocation {
            request_id: Uuid::new_v4().to_string(),
            payload,
            deadline_ms: deadline
                .duration_since(UNIX_EPOCH)
                .map_or(0, |at| u64::try_from(at.as_millis()).unwrap_or(u64::MAX)),
            function_arn: format!("arn:aws:lambda:{}:000000000000:function:{}", self.0.region, slot.function.name),
            reply,
            taken,
        });
        tokio::select! {
            _ = taking => {}
            how = sandbox.ended() => {
                return Err(InvokeError::Init { function, detail: sandbox.init_error().unwrap_or(how) });
            }
            () = tokio::time::sleep(INIT_LIMIT) => {
                sandbox.kill();
                return Err(InvokeError::Init { function, detail: format!("no event asked for within {INIT_LIMIT:?}") });
            }
        }
        if let Some(after) = self.0.faults.take_kill(&function) {
            let victim = sandbox.clone();
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                victim.kill();
            });
        }
        let started = Instant::now();
        let outcome = tokio::select! {
            // An answer that arrived counts, even if the process ended right behind it.
            biased;
            reply = &mut answer => match reply {
                Ok(Reply::Response(payload)) => Ok(payload),
                Ok(Reply::Error(payload)) => Err(function_error(function, payload)),
                Err(_) => Err(InvokeError::Crashed { function, detail: sandbox.ended().await }),
            },
            how = sandbox.ended() => Err(InvokeError::Crashed { function, detail: how }),
            () = tokio::time::sleep(limit) => {
                sandbox.kill();
                Err(InvokeError::Timeout { function, limit })
            }
        };
        slot.meter.invoked(started.elapsed());
        outcome
    }

    /// Kills one sandbox of a function, a busy one if there is one; false when the function has none.
    pub fn kill_one(&self, function: impl AsRef<str>) -> bool {
        let busy = |sandbox: &Arc<Sandbox>| sandbox.current.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let mut sandboxes: Vec<_> =
            self.0.registry.all().into_iter().filter(|sandbox| sandbox.function == function.as_ref()).collect();
        sandboxes.sort_by_key(|sandbox| !busy(sandbox));
        sandboxes.first().inspect(|sandbox| sandbox.kill()).is_some()
    }

    /// Ends the idle sandboxes of a function that will not be needed for long.
    pub fn retire(&self, function: impl AsRef<str>) {
        if let Some(slot) = self.0.functions.get(function.as_ref()) {
            slot.idle().drain(..).for_each(|sandbox| sandbox.stop());
        }
    }

    /// What every function has used since the start.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<LogicalId, Usage> {
        self.0.functions.iter().map(|(id, slot)| (id.clone(), slot.meter.snapshot())).collect()
    }

    /// How many sandboxes a function has.
    #[must_use]
    pub fn sandboxes(&self, function: impl AsRef<str>) -> usize {
        self.0.registry.all().iter().filter(|sandbox| sandbox.function == function.as_ref()).count()
    }

    /// Process ids of a function's sandboxes, for measuring them.
    #[must_use]
    pub fn process_ids(&self, function: impl AsRef<str>) -> Vec<u32> {
        let of =
            |sandbox: &Arc<Sandbox>| (sandbox.function == function.as_ref()).then_some(sandbox.process_id).flatten();
        self.0.registry.all().iter().filter_map(of).collect()
    }

    /// Refuses new invocations and lets every sandbox end, without waiting for it.
    pub fn abandon(&self) {
        self.0.stopping.cancel();
        self.0.registry.all().iter().for_each(|sandbox| sandbox.stop());
        self.0.serving.cancel();
    }

    /// Refuses new invocations, ends every sandbox and waits for it. Idempotent.
    pub async fn shutdown(&self) {
        self.0.stopping.cancel();
        for slot in self.0.functions.values() {
            slot.idle().clear();
        }
        let sandboxes = self.0.registry.all();
        sandboxes.iter().for_each(|sandbox| sandbox.stop());
        for sandbox in sandboxes {
            sandbox.ended().await;
        }
        self.0.serving.cancel();
    }
}

/// The most recently used idle sandbox that still lives.
fn take_idle(slot: &Slot) -> Option<Arc<Sandbox>> {
    let mut idle = slot.idle();
    std::iter::from_fn(|| idle.pop()).find(|sandbox| sandbox.is_alive())
}

fn function_error(function: String, payload: Bytes) -> InvokeError {
    let error: serde_json::Value = serde_json::from_slice(&payload).unwrap_or_default();
    let text = |name: &str| error.get(name).and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned();
    InvokeError::Function { function, error_type: text("errorType"), message: text("errorMessage"), payload }
}
