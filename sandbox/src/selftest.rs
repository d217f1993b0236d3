//! Hostile programs that are run at every start: what holds is tried, not believed.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::StartError;
use crate::job::{Ending, Form, Input, Job, Limits, Mode, Output, Program, Ran};
use crate::sandbox::Sandbox;

const PROGRAMS: &str = include_str!("selftest.py");

/// Enough for the interpreter, little enough that a bomb is soon over.
const LIMITS: Limits = Limits {
    // Much, for a machine that is busy with other things.
    time: Duration::from_secs(20),
    memory_bytes: 96 << 20,
    output_bytes: 256 << 10,
};

/// What the programs attack.
struct Fixtures {
    folder: tempfile::TempDir,
    tcp: std::net::TcpListener,
    udp: std::net::UdpSocket,
    /// Its name; it only has to listen.
    name: String,
    _listener: UnixListener,
}

const SECRET: &str = "conductor-self-test-secret";

impl Fixtures {
    fn new() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("conductor-self-test-").tempdir()?;
        // Open to everyone, so that it is the sandbox that keeps programs away.
        let mode = std::os::unix::fs::PermissionsExt::from_mode;
        std::fs::set_permissions(folder.path(), mode(0o777))?;
        let secret = folder.path().join("secret.txt");
        std::fs::write(&secret, SECRET)?;
        std::fs::set_permissions(&secret, mode(0o666))?;
        let tcp = std::net::TcpListener::bind("127.0.0.1:0")?;
        tcp.set_nonblocking(true)?;
        let udp = std::net::UdpSocket::bind(tcp.local_addr()?)?;
        udp.set_nonblocking(true)?;
        let name =
            folder.path().file_name().map_or_else(String::new, |n| n.to_string_lossy().into());
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        Ok(Self { folder, tcp, udp, name, _listener: listener })
    }

    fn substitute(&self, program: &str) -> String {
        let port = self.tcp.local_addr().map_or(0, |address| address.port());
        program
            .replace("CANARY", &self.folder.path().display().to_string())
            .replace("PORT", &port.to_string())
            .replace("NAME", &self.name)
    }

    /// What was seen from outside; `None` where nothing was.
    fn breach(&self) -> Option<&'static str> {
        let secret = std::fs::read_to_string(self.folder.path().join("secret.txt"));
        if secret.ok().as_deref() != Some(SECRET) {
            return Some("a file of the machine was changed");
        }
        let entries = std::fs::read_dir(self.folder.path()).map_or(0, Iterator::count);
        if entries != 1 {
            return Some("a file was made on the machine");
        }
        if self.tcp.accept().is_ok() || self.udp.recv(&mut [0; 8]).is_ok() {
            return Some("a socket of the machine was reached");
        }
        None
    }
}

/// Runs them all, once in this process for each way to run programs; how many there are.
pub(crate) async fn run(sandbox: &Sandbox, way: String) -> Result<usize, StartError> {
    static HELD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let known = |held: &BTreeSet<String>| held.contains(&way);
    if known(&HELD.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(programs().count());
    }
    let count = run_all(sandbox).await?;
    HELD.lock().unwrap_or_else(PoisonError::into_inner).insert(way);
    Ok(count)
}

fn programs() -> impl Iterator<Item = &'static str> {
    PROGRAMS.split("\n#: ").skip(1)
}

async fn run_all(sandbox: &Sandbox) -> Result<usize, StartError> {
    let failed = |what: String| StartError::SelfTest { level: sandbox.level(), what };
    let fixtures = Fixtures::new().map_err(|error| StartError::Server {
        reason: format!("the self-test cannot be set up: {error}"),
    })?;
    let programs: Vec<&str> = programs().collect();
    let mut running = tokio::task::JoinSet::new();
    for program in &programs {
        let (head, source) = program.split_once('\n').unwrap_or((program, ""));
        let (name, wanted) = head.split_once(" | ").unwrap_or((head, "any"));
        let (name, wanted) = (name.to_owned(), wanted.to_owned());
        let source = fixtures.substitute(source);
        let sandbox = sandbox.clone();
        running.spawn(async move {
            let mut limits = LIMITS;
            if wanted == "time_limit" {
                limits.time = Duration::from_millis(100);
            }
            let (ran, output) = one(&sandbox, source, limits).await;
            (name, wanted, ran, output)
        });
    }
    while let Some(done) = running.join_next().await {
        let (name, wanted, ran, output) =
            done.map_err(|error| StartError::Server { reason: error.to_string() })?;
        if let Some(at) = output.find("PWNED") {
            let line = output[at..].lines().next().unwrap_or_default();
            return Err(failed(format!("a program that {name} got through ({line})")));
        }
        if output.contains(SECRET) {
            return Err(failed(format!("a program that {name} has read a file of the machine")));
        }
        if name == "is honest" && output != "7\n" {
            return Err(failed(format!(
                "an honest program wrote {output:?} and ended as {:?}",
                ran.ending
            )));
        }
        let ended = match &ran.ending {
            Ending::Finished | Ending::Stopped => "finished",
            Ending::Fault { cause, .. } => cause.as_str(),
            Ending::BadTests { detail } | Ending::Broken { detail } => {
                return Err(StartError::Server {
                    reason: format!("no program can be run: {detail}"),
                });
            }
        };
        if wanted != "any" && !wanted.split(' ').any(|wanted| wanted == ended) {
            return Err(failed(format!(
                "a program that {name} ended as {:?}, not {wanted}",
                ran.ending
            )));
        }
    }
    fixtures.breach().map_or(Ok(programs.len()), |what| Err(failed(what.to_owned())))
}

async fn one(sandbox: &Sandbox, source: String, limits: Limits) -> (Ran, String) {
    let function = source.contains("def solve(");
    let (form, input) = if function {
        (Form::Function { name: "solve".into() }, Input::Call("[1]".into()))
    } else {
        (Form::Stdin, Input::Stdin(b"3 4\n".as_slice().into()))
    };
    let job =
        Job { program: Program { source, form }, inputs: vec![input], limits, mode: Mode::Native };
    let mut said = String::new();
    let ran = sandbox
        .run(&job, &mut |_, output| {
            if let Output::Stdout(bytes) = output {
                said.push_str(&String::from_utf8_lossy(&bytes));
            }
            ControlFlow::Continue(())
        })
        .await;
    (ran, said)
}
