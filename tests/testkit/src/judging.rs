//! A conversation with `conductor grade`: cases in, verdicts out, one at a time or many.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// A running `conductor grade`.
#[derive(Debug)]
pub struct Judging {
    child: Child,
    cases: Option<ChildStdin>,
    verdicts: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

/// Why no verdict came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoVerdict {
    /// Not within the time.
    Late,
    /// The program ended: its exit code, and what it wrote to standard error.
    Ended(Option<i32>, String),
}

impl Judging {
    /// Starts a command, which is `conductor grade --jsonl` with options.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        let mut errors = child.stderr.take().expect("a pipe");
        let (sender, verdicts) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.expect("standard output is text");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = errors.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let cases = child.stdin.take();
        Self { child, cases, verdicts, stderr: Some(stderr) }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Hands over a case. That nobody reads it is told by the verdict that does not come.
    pub fn send(&mut self, case: &Value) {
        if let Some(pipe) = &mut self.cases {
            let _ = pipe.write_all(format!("{case}\n").as_bytes()).and_then(|()| pipe.flush());
        }
    }

    /// The next verdict, as its line.
    pub fn line(&mut self, within: Duration) -> Result<String, NoVerdict> {
        match self.verdicts.recv_timeout(within) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(NoVerdict::Late),
            Err(RecvTimeoutError::Disconnected) => {
                let (code, stderr) = self.wait();
                Err(NoVerdict::Ended(code, stderr))
            }
        }
    }

    /// The verdict on one case.
    ///
    /// # Panics
    /// Where none comes, or it is no JSON.
    pub fn ask(&mut self, case: &Value, within: Duration) -> Value {
        self.send(case);
        let line = self.line(within).unwrap_or_else(|none| panic!("no verdict: {none:?}"));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Ends the input, so that the program ends once all verdicts are out.
    pub fn end_input(&mut self) {
        self.cases = None;
    }

    /// Ends the input and waits for the end: the exit code and standard error.
    ///
    /// # Panics
    /// Where it is asked for twice.
    pub fn wait(&mut self) -> (Option<i32>, String) {
        self.end_input();
        let status = self.child.wait().expect("the program's end");
        let stderr = self.stderr.take().map(|reader| reader.join().expect("standard error"));
        (status.code(), stderr.unwrap_or_default())
    }
}

impl Drop for Judging {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A case with tests on standard input: pairs of input and expected output.
pub fn stdin_case(id: &str, program: &str, tests: &[(&str, &str)]) -> Value {
    code_case(id, program, "stdin", tests)
}

/// A case with calls of `function`: pairs of arguments, a line of JSON each, and the expected value as JSON.
pub fn function_case(id: &str, program: &str, function: &str, tests: &[(&str, &str)]) -> Value {
    let mut case = code_case(id, program, "functional", tests);
    case["task"]["metadata"] = json!({ "func_name": function });
    case
}

fn code_case(id: &str, program: &str, testtype: &str, tests: &[(&str, &str)]) -> Value {
    let tests: Vec<Value> = tests
        .iter()
        .map(|(input, output)| json!({ "input": input, "output": output, "testtype": testtype }))
        .collect();
    json!({
        "id": id,
        "task": { "kind": "code", "public_test_cases": [], "private_test_cases": tests },
        "answer": format!("```python\n{program}\n```"),
    })
}
