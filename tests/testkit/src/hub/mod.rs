//! A hub of data sets that answers as Hugging Face's does, and can be late, rude and wrong by script: the list of files
//! with lengths and sums, files with their tags and ranges, large files by redirect to a second address, and gates.

mod fault;
mod wire;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub use fault::Fault;

/// A data set.
#[derive(Debug, Clone)]
pub struct DataSet {
    /// Owner and name.
    pub repository: String,
    /// The commit that `main` stands for.
    pub commit: String,
    /// Its files.
    pub files: Vec<HubFile>,
    /// The token that is let in; open to all where there is none.
    pub gate: Option<String>,
    /// Its licence's label.
    pub license: Option<String>,
    /// Whether the list has neither lengths nor sums, as some mirrors' do.
    pub plain_list: bool,
}

/// A file of a data set.
#[derive(Debug, Clone)]
pub struct HubFile {
    /// Its path.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
    /// Whether it is kept as a large file: by SHA-256, at another address.
    pub large: bool,
}

impl DataSet {
    /// An open one without files.
    pub fn new(repository: &str) -> Self {
        Self {
            repository: repository.into(),
            commit: hex(Sha1::digest(repository)),
            files: Vec::new(),
            gate: None,
            license: None,
            plain_list: false,
        }
    }

    /// With a large file.
    #[must_use]
    pub fn large(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.with(path, content.into(), true)
    }

    /// With a small file, which git itself keeps.
    #[must_use]
    pub fn small(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.with(path, content.into(), false)
    }

    /// Only for who has this token.
    #[must_use]
    pub fn gated(mut self, token: &str) -> Self {
        self.gate = Some(token.into());
        self
    }

    fn with(mut self, path: &str, content: Vec<u8>, large: bool) -> Self {
        self.files.push(HubFile { path: path.into(), content, large });
        self
    }

    fn info(&self) -> Value {
        let files: Vec<Value> = self.files.iter().map(|file| file.info(self.plain_list)).collect();
        let tags: Vec<String> = self.license.iter().map(|name| format!("license:{name}")).collect();
        json!({
            "id": self.repository, "sha": self.commit, "private": false, "siblings": files, "tags": tags,
            "gated": if self.gate.is_some() { json!("auto") } else { json!(false) },
        })
    }
}

impl HubFile {
    /// The SHA-256 of a large file, git's name of a small one.
    pub fn sum(&self) -> String {
        if self.large {
            return hex(Sha256::digest(&self.content));
        }
        let head = format!("blob {}\0", self.content.len());
        hex(Sha1::new().chain_update(head).chain_update(&self.content).finalize())
    }

    fn info(&self, plain: bool) -> Value {
        let mut info = json!({ "rfilename": self.path });
        if !plain {
            info["size"] = self.content.len().into();
            // Of a large file git keeps a pointer, which has a name of its own.
            info["blobId"] = if self.large { "0".repeat(40) } else { self.sum() }.into();
            if self.large {
                let (size, pointer) = (self.content.len(), 134);
                info["lfs"] = json!({ "sha256": self.sum(), "size": size, "pointerSize": pointer });
            }
        }
        info
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in bytes.as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// One request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// "hub" or "cdn".
    pub host: &'static str,
    /// The path with its query.
    pub target: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The token that was sent.
    pub token: Option<String>,
}

/// A hub at an address of this machine, with a second address for large files. It goes with the value.
#[derive(Debug)]
pub struct FakeHub {
    hub: SocketAddr,
    shared: Arc<Shared>,
}

/// Faults that are due, by what must stand in "host target"; `None` for as many as there are requests.
type Due = Vec<(String, Option<usize>, Fault)>;

#[derive(Debug)]
struct Shared {
    sets: Mutex<Vec<DataSet>>,
    due: Mutex<Due>,
    seen: Mutex<Vec<Seen>>,
    cdn: SocketAddr,
    over: AtomicBool,
}

impl FakeHub {
    /// Begins to answer.
    pub fn start(sets: Vec<DataSet>) -> Self {
        let hub = TcpListener::bind("127.0.0.1:0").expect("a free port");
        // Another host, so that it shows whether a token is kept from it.
        let cdn = TcpListener::bind("127.0.0.2:0").expect("a second address of this machine");
        let shared = Arc::new(Shared {
            sets: Mutex::new(sets),
            due: Mutex::default(),
            seen: Mutex::default(),
            cdn: cdn.local_addr().expect("bound"),
            over: AtomicBool::new(false),
        });
        let address = hub.local_addr().expect("bound");
        for (listener, host) in [(hub, "hub"), (cdn, "cdn")] {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || listen(&listener, host, &shared));
        }
        Self { hub: address, shared }
    }

    /// What `HF_ENDPOINT` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.hub)
    }

    /// The next requests whose "host target" holds `what` are answered so, one after the other.
    pub fn then(&self, what: &str, faults: impl IntoIterator<Item = Fault>) {
        let due = faults.into_iter().map(|fault| (what.to_owned(), Some(1), fault));
        lock(&self.shared.due).extend(due);
    }

    /// All requests whose "host target" holds `what` are answered so.
    pub fn always(&self, what: &str, fault: Fault) {
        lock(&self.shared.due).push((what.to_owned(), None, fault));
    }

    /// Ends all faults.
    pub fn heal(&self) {
        lock(&self.shared.due).clear();
    }

    /// Changes what it has.
    pub fn change(&self, change: impl FnOnce(&mut Vec<DataSet>)) {
        change(&mut lock(&self.shared.sets));
    }

    /// Requests so far; they are forgotten.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.shared.seen))
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        for address in [self.hub, self.shared.cdn] {
            // Wakes the listener, which then sees that it is over.
            let _ = TcpStream::connect(address);
        }
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// The fault that this request meets, if any.
    fn fault(&self, host: &str, target: &str) -> Option<Fault> {
        let name = format!("{host} {target}");
        let mut due = lock(&self.due);
        let at = due.iter().position(|(what, _, _)| name.contains(what.as_str()))?;
        match due[at].1 {
            Some(_) => Some(due.remove(at).2),
            None => Some(due[at].2.clone()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(listener: &TcpListener, host: &'static str, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.is_over() {
            return;
        }
        let shared = Arc::clone(shared);
        std::thread::spawn(move || wire::serve(&stream, host, &shared));
    }
}
