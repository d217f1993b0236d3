//! What a program must not reach: a folder with secrets, listeners, an environment variable. Names are another in each test
//! process, so that tests run side by side; the programs' sources are rewritten to them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use conductor_testkit::Workspace;
use conductor_types::seed::SplitMix;

/// The names that the programs have in them.
const FOLDER: &str = "/tmp/atk_canary";
const LEFT: &str = "atk_left";
const ABSTRACT: &str = "atk_listener";
const PORT: &str = "47631";
const BIND_PORT: &str = "47632";
const KEYS: [&str; 2] = ["0x41544B31", "0x41544B32"];

/// Everything that is watched.
pub struct Fixtures {
    /// Nothing in it may change.
    canary: Workspace,
    /// The folder that the program is started in.
    own: Workspace,
    names: Vec<(&'static str, String)>,
    tokens: Tokens,
    listeners: Vec<Listener>,
    pub bind_port: u16,
    was: BTreeMap<PathBuf, State>,
    left: String,
}

/// Random texts that stand in one place only.
#[derive(Debug, Clone)]
struct Tokens {
    secret: String,
    env: String,
    expected: Vec<String>,
}

enum Listener {
    Tcp(TcpListener),
    Udp(UdpSocket),
    Unix(UnixListener),
}

/// A file's contents, mode, and time of the last change.
type State = (Option<Vec<u8>>, u32, i64, i64);

impl Fixtures {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut random = SplitMix::new(seed());
        let mut token = |kind: &str| format!("ATK{kind}_{:016x}", random.next_u64());
        let tokens = Tokens {
            secret: token("SECRET"),
            env: token("ENV"),
            expected: (0..8).map(|_| token("EXP")).collect(),
        };
        let canary = Workspace::new();
        canary.write("secret.txt", format!("{}\n", tokens.secret));
        canary.write("write_me.txt", "untouched\n");
        canary.write("ATK_expected.json", format!("{:?}", tokens.expected));
        let socket = UnixListener::bind(canary.join("listener.sock")).expect("a socket");
        open_to_all(canary.path());
        let folder = canary.path().to_str().expect("a path that is text").to_owned();
        let hidden = format!("{ABSTRACT}_{unique}");
        let address = SocketAddr::from_abstract_name(&hidden).expect("a name");
        let (tcp, port) = listen();
        let mut listeners = vec![
            Listener::Tcp(tcp),
            Listener::Unix(socket),
            Listener::Unix(UnixListener::bind_addr(&address).expect("an abstract socket")),
        ];
        listeners.extend(UdpSocket::bind(("127.0.0.1", port)).map(Listener::Udp));
        listeners.extend(TcpListener::bind(("::1", port)).map(Listener::Tcp));
        listeners.extend(UdpSocket::bind(("::1", port)).map(Listener::Udp));
        for listener in &listeners {
            listener.never_wait();
        }
        let bind_port = free_port();
        let left = format!("{LEFT}_{unique}_");
        let number = std::process::id() << 4;
        let names = vec![
            (FOLDER, folder),
            (LEFT, left.clone()),
            (ABSTRACT, hidden),
            (PORT, port.to_string()),
            (BIND_PORT, bind_port.to_string()),
            (KEYS[0], format!("{:#x}", number | 1)),
            (KEYS[1], format!("{:#x}", number | 2)),
        ];
        let was = states(canary.path());
        Self { canary, own: Workspace::new(), names, tokens, listeners, bind_port, was, left }
    }

    /// Hands the program's own folder to whoever runs the program.
    pub fn give_to(&self, id: u32) {
        std::os::unix::fs::chown(self.own.path(), Some(id), Some(id)).expect("root may");
    }

    pub fn own_folder(&self) -> &Path {
        self.own.path()
    }

    pub fn env_token(&self) -> &str {
        &self.tokens.env
    }

    /// An output that nobody can guess.
    pub fn expected(&self, index: usize) -> &str {
        &self.tokens.expected[index % self.tokens.expected.len()]
    }

    /// A program's source with the names of these fixtures.
    pub fn rewritten(&self, source: &str) -> String {
        self.names.iter().fold(source.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// What was breached by a program of which this text tells (its output, above all), a sentence each.
    pub fn breaches(&self, told: &str) -> Vec<String> {
        let mut found = Vec::new();
        if told.contains("PWNED") {
            found.push("the program says that it got through".to_owned());
        }
        let secrets = [&self.tokens.secret, &self.tokens.env].into_iter();
        for token in secrets.chain(&self.tokens.expected) {
            if told.contains(token.as_str()) {
                found.push(format!("{token} got out"));
            }
        }
        let is = states(self.canary.path());
        if is != self.was {
            found.push(format!("the canary changed: {:?} were {:?}", is.keys(), self.was.keys()));
        }
        for listener in &self.listeners {
            if let Some(what) = listener.was_reached() {
                found.push(format!("{what} was reached"));
            }
        }
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let folders = ["/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue"].map(PathBuf::from);
        for folder in folders.into_iter().chain(home).chain([self.own.path().to_owned()]) {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            for name in entries.map(|entry| entry.file_name()) {
                if name.to_string_lossy().contains(&self.left) {
                    found.push(format!("{} was left", folder.join(name).display()));
                }
            }
        }
        let own = fs::read_dir(self.own.path()).expect("the own folder").count();
        if own > 0 {
            found.push(format!("{own} files were left in the folder of the program"));
        }
        found
    }
}

impl Listener {
    fn never_wait(&self) {
        match self {
            Self::Tcp(socket) => socket.set_nonblocking(true),
            Self::Udp(socket) => socket.set_nonblocking(true),
            Self::Unix(socket) => socket.set_nonblocking(true),
        }
        .expect("a socket");
    }

    fn was_reached(&self) -> Option<String> {
        let (what, result) = match self {
            Self::Tcp(socket) => ("a TCP port", socket.accept().map(drop)),
            Self::Udp(socket) => ("a UDP port", socket.recv(&mut [0; 64]).map(drop)),
            Self::Unix(socket) => ("a Unix socket", socket.accept().map(drop)),
        };
        match result {
            Ok(()) => Some(what.to_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => Some(format!("{what} ({error})")),
        }
    }
}

/// Whether a port that a program opened can be reached from outside.
pub fn can_connect(port: u16) -> bool {
    ["127.0.0.1", "::1"].iter().any(|host| {
        TcpStream::connect((*host, port)).is_ok_and(|mut stream| {
            let _ = stream.read(&mut [0; 1]);
            true
        })
    })
}

fn listen() -> (TcpListener, u16) {
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = socket.local_addr().expect("an address").port();
    (socket, port)
}

fn free_port() -> u16 {
    listen().1
}

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    now.as_nanos() as u64 ^ u64::from(std::process::id())
}

/// Whoever runs the program can reach the canary: only the sandbox stands between.
fn open_to_all(folder: &Path) {
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("our own file");
    };
    mode(folder, 0o777);
    for entry in fs::read_dir(folder).expect("our own folder").flatten() {
        mode(&entry.path(), 0o666);
    }
}

fn states(folder: &Path) -> BTreeMap<PathBuf, State> {
    let state = |path: &Path| {
        let about = fs::symlink_metadata(path).ok()?;
        let contents = if about.is_file() { fs::read(path).ok() } else { None };
        Some((contents, about.mode(), about.mtime(), about.mtime_nsec()))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .chain([folder.to_owned()])
        .filter_map(|path| Some((path.clone(), state(&path)?)))
        .collect()
}
