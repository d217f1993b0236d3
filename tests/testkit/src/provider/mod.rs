//! A provider of chat completions on loopback that plays a script: the one fake server of all tests.
//!
//! A script sees each request with its number and decides what happens to it: a good answer, a slow one, a wrong one, or
//! one of the ways in which networks and services fail ([`Reply`]). The provider keeps a [`Ledger`] of what it would
//! charge, which a test holds against what the program says it paid.
//!
//! It runs on a thread with a runtime of its own, so it serves tests with and without a runtime, and time that a test has
//! paused does not stand still here.

mod connection;
mod latency;
mod ledger;
mod reply;
mod request;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

pub use latency::Latency;
pub use ledger::{Charges, Ledger, Prices, Tokens};
pub use reply::{Ending, Reply, Usage};
pub use request::{Request, body_hash};

use ledger::Settled;

/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 16_384;

/// What a provider does besides playing its script.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What it charges.
    pub prices: Prices,
    /// Whether it keeps every request, for [`Provider::requests`].
    pub keep_requests: bool,
    /// The port, for one that comes back where another was; 0 lets the system choose.
    pub port: u16,
}

/// A running provider. With the value go its port and all connections.
pub struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

type Script = Box<dyn Fn(usize, &Request) -> Reply + Send + Sync>;

/// What all connections of a provider share.
struct Shared {
    script: Script,
    options: Options,
    ledger: Mutex<Ledger>,
    kept: Mutex<Vec<Request>>,
}

/// A request under way. Dropped without a word, it is unfinished.
struct Visit<'s> {
    shared: &'s Shared,
    body: u64,
    since: f64,
    settled: bool,
}

impl Provider {
    /// Starts a provider that charges nothing and keeps no requests. `script` decides on each request; they are counted
    /// from 0.
    pub fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(Options::default(), script)
    }

    /// One that gives these replies in turn, the last one again and again.
    pub fn replies(replies: Vec<Reply>) -> Self {
        Self::start(in_turn(replies))
    }

    /// Starts a provider with options.
    ///
    /// # Panics
    /// Where the system gives no thread or no port.
    pub fn with(
        options: Options,
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::new(options, script));
        let (stop, stopped) = oneshot::channel();
        let (sender, listening) = mpsc::channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async move {
                    let listener = listen(options.port).expect("a port on loopback");
                    let _ = sender.send(listener.local_addr().expect("its address"));
                    tokio::select! {
                        () = accept(listener, shared) => {}
                        _ = stopped => {}
                    }
                });
            }
        });
        let address = listening.recv().expect("a provider that runs");
        Self { address, shared, running: Some((stop, thread)) }
    }

    /// What goes into `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where its ledger can be read as JSON.
    pub fn ledger_url(&self) -> String {
        format!("http://{}/ledger", self.address)
    }

    /// Its host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests came so far.
    pub fn asked(&self) -> usize {
        self.shared.ledger().requests
    }

    /// What it has charged, and what else it counted.
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger().clone()
    }

    /// Every request so far.
    ///
    /// # Panics
    /// Where the provider was not told to keep them.
    pub fn requests(&self) -> Vec<Request> {
        assert!(self.shared.options.keep_requests, "a provider with keep_requests");
        self.shared.kept().clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            // A panic of the script was reported where it happened.
            let _ = thread.join();
        }
    }
}

/// A script that gives these replies in turn, the last one again and again.
///
/// # Panics
/// Where there is no reply.
pub fn in_turn(replies: Vec<Reply>) -> impl Fn(usize, &Request) -> Reply + Send + Sync + 'static {
    assert!(!replies.is_empty(), "at least one reply");
    move |number, _| replies[number.min(replies.len() - 1)].clone()
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the one before may not be forgotten yet.
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&shared)));
        } else {
            // Too many open files, most likely: some will be closed.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn converse(mut stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    if connection::serve(&mut stream, &shared).await == Ending::Reset {
        let _ = stream.set_zero_linger();
    }
}

impl Shared {
    fn new(
        options: Options,
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self { script: Box::new(script), options, ledger: Mutex::default(), kept: Mutex::default() }
    }

    /// Counts a request and asks the script what is to be done with it. What waits for its answer holds the request no
    /// longer.
    fn receive(&self, request: Request) -> (Visit<'_>, Reply) {
        let number = self.ledger().receive();
        let visit =
            Visit { shared: self, body: request.hash(), since: ledger::now(), settled: false };
        let reply = (self.script)(number, &request);
        if self.options.keep_requests {
            self.kept().push(request);
        }
        (visit, reply)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Request>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit<'_> {
    fn settle(&mut self, ledger: &mut Ledger, settled: Settled) {
        self.settled = true;
        ledger.settle(self.body, self.since, settled, self.shared.options.prices);
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let shared = self.shared;
            self.settle(&mut shared.ledger(), Settled::Unfinished);
        }
    }
}
