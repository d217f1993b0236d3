//! Requests in, answers out.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{DataSet, Fault, HubFile, Seen, Shared, lock};

/// Answers the requests of one connection.
pub(super) fn serve(stream: &TcpStream, host: &'static str, shared: &Shared) {
    let mut wire = Wire { stream, ahead: Vec::new(), shared };
    while let Some(seen) = wire.request(host) {
        lock(&shared.seen).push(seen.clone());
        let answer = if host == "hub" { of_hub(&seen, shared) } else { of_cdn(&seen, shared) };
        let fault = shared.fault(host, &seen.target);
        match wire.send(answer, &seen, fault.as_ref()) {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
    }
}

/// What is right to answer.
struct Answer {
    status: u16,
    headers: Vec<String>,
    kind: &'static str,
    body: Vec<u8>,
    /// Whether a part of it may be asked for.
    has_ranges: bool,
}

impl Answer {
    fn new(status: u16, headers: Vec<String>, kind: &'static str, body: Vec<u8>) -> Self {
        Self { status, headers, kind, body, has_ranges: false }
    }

    fn refusal(status: u16, code: &str) -> Self {
        let headers = if code.is_empty() { vec![] } else { vec![format!("X-Error-Code: {code}")] };
        let body = format!("{{\"error\":\"{code}\"}}").into_bytes();
        Self::new(status, headers, "application/json", body)
    }

    fn file(headers: Vec<String>, content: &[u8]) -> Self {
        let new = Self::new(200, headers, "binary/octet-stream", content.to_vec());
        Self { has_ranges: true, ..new }
    }
}

fn of_hub(seen: &Seen, shared: &Shared) -> Answer {
    let sets = lock(&shared.sets);
    let path = seen.target.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches('/').splitn(6, '/').collect();
    let (owner, name, verb, revision, file) = match parts[..] {
        ["api", "datasets", owner, name, "revision", revision] => {
            (owner, name, "list", revision, "")
        }
        ["datasets", owner, name, "resolve", revision, file] => {
            (owner, name, "file", revision, file)
        }
        _ => return Answer::refusal(404, ""),
    };
    let repository = format!("{owner}/{name}");
    let Some(set) = sets.iter().find(|set| set.repository == repository) else {
        // The hub does not tell who is nobody that there is no such set.
        return Answer::refusal(if seen.token.is_some() { 404 } else { 401 }, "RepoNotFound");
    };
    if revision != "main" && revision != set.commit {
        return Answer::refusal(404, "RevisionNotFound");
    }
    if verb == "list" {
        // A gate does not hide what there is.
        let body = set.info().to_string().into_bytes();
        return Answer::new(200, Vec::new(), "application/json; charset=utf-8", body);
    }
    match (&set.gate, &seen.token) {
        (Some(_), None) => return Answer::refusal(401, "GatedRepo"),
        (Some(_), Some(token)) if token == "revoked" => return Answer::refusal(401, ""),
        (Some(gate), Some(token)) if token != gate => return Answer::refusal(403, "GatedRepo"),
        _ => {}
    }
    match set.files.iter().find(|known| known.path == file) {
        Some(file) => resolve(set, file, shared),
        None => Answer::refusal(404, "EntryNotFound"),
    }
}

fn resolve(set: &DataSet, file: &HubFile, shared: &Shared) -> Answer {
    let sum = file.sum();
    let mut headers = vec![format!("X-Repo-Commit: {}", set.commit)];
    if !file.large {
        headers.push(format!("ETag: \"{sum}\""));
        return Answer::file(headers, &file.content);
    }
    headers.push(format!("X-Linked-ETag: \"{sum}\""));
    headers.push(format!("X-Linked-Size: {}", file.content.len()));
    headers.push(format!("Location: http://{}/{sum}?file={}", shared.cdn, file.path));
    Answer::new(302, headers, "text/plain", b"Found. Redirecting".to_vec())
}

fn of_cdn(seen: &Seen, shared: &Shared) -> Answer {
    let sets = lock(&shared.sets);
    let sum = seen.target.trim_start_matches('/').split('?').next().unwrap_or_default();
    let file = sets.iter().flat_map(|set| &set.files).find(|file| file.large && file.sum() == sum);
    match file {
        Some(file) => Answer::file(vec!["ETag: \"another-tag\"".into()], &file.content),
        None => Answer::refusal(403, ""),
    }
}

struct Wire<'a> {
    stream: &'a TcpStream,
    ahead: Vec<u8>,
    shared: &'a Shared,
}

impl Wire<'_> {
    /// The next request, none of which has a body; `None` where the other side is done.
    fn request(&mut self, host: &'static str) -> Option<Seen> {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(read) if read > 0 => self.ahead.extend_from_slice(&piece[..read]),
                _ => return None,
            }
        };
        let head = String::from_utf8_lossy(&self.ahead[..end]).into_owned();
        self.ahead.drain(..end + 4);
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (given, value) = line.split_once(':')?;
                given.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let token = header("authorization");
        let token = token.map(|value| value.trim_start_matches("Bearer ").to_owned());
        let target = head.split(' ').nth(1)?.to_owned();
        Some(Seen { host, target, range: header("range"), token })
    }

    /// Sends an answer, spoilt by the fault. Hands back whether the connection goes on.
    fn send(&mut self, answer: Answer, seen: &Seen, fault: Option<&Fault>) -> io::Result<bool> {
        let answer = match fault {
            Some(Fault::Status(status, headers, body)) => {
                let body = body.clone().into_bytes();
                Answer::new(*status, headers.clone(), "text/plain", body)
            }
            Some(Fault::Page) => {
                let page = "<!DOCTYPE html><title>Sign in</title>";
                Answer::new(200, Vec::new(), "text/html; charset=utf-8", page.into())
            }
            Some(Fault::Loop) => {
                let location = vec![format!("Location: {}", seen.target)];
                Answer::new(302, location, "text/plain", Vec::new())
            }
            _ => answer,
        };
        let mut answer = part(answer, seen, fault);
        match fault {
            Some(Fault::Corrupt) => {
                let middle = answer.body.len() / 2;
                answer.body[middle] ^= 1;
            }
            Some(Fault::Longer(more)) => answer.body.extend_from_slice(more),
            _ => {}
        }
        self.stream.write_all(head(&answer).as_bytes())?;
        let body = &answer.body;
        match fault {
            Some(Fault::Truncated(bytes)) => {
                self.stream.write_all(&body[..body.len().min(*bytes)])?;
                Ok(false)
            }
            Some(Fault::Reset(bytes)) => {
                self.stream.write_all(&body[..body.len().min(*bytes)])?;
                // What was sent is to arrive before the reset.
                std::thread::sleep(Duration::from_millis(50));
                rustix::net::sockopt::set_socket_linger(self.stream, Some(Duration::ZERO))?;
                Ok(false)
            }
            Some(Fault::Stalled(bytes)) => {
                self.stream.write_all(&body[..body.len().min(*bytes)])?;
                while !self.shared.is_over() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(false)
            }
            Some(Fault::Drip(bytes, pause)) => {
                for piece in body.chunks((*bytes).max(1)) {
                    self.stream.write_all(piece)?;
                    std::thread::sleep(*pause);
                }
                Ok(true)
            }
            _ => self.stream.write_all(body).map(|()| true),
        }
    }
}

/// The part of a file that was asked for.
fn part(mut answer: Answer, seen: &Seen, fault: Option<&Fault>) -> Answer {
    let range = seen.range.as_deref().filter(|_| answer.has_ranges && fault != Some(&Fault::Whole));
    let Some((from, to)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
    else {
        return answer;
    };
    let all = answer.body.len();
    let from: usize = from.parse().unwrap_or(0);
    if from >= all {
        let range = vec![format!("Content-Range: bytes */{all}")];
        return Answer::new(416, range, "text/plain", Vec::new());
    }
    let last = to.parse::<usize>().map_or(all - 1, |to| to.min(all - 1));
    answer.status = 206;
    answer.body = answer.body[from..=last].to_vec();
    let said = if fault == Some(&Fault::WrongRange) { 0 } else { from };
    answer.headers.push(format!("Content-Range: bytes {said}-{last}/{all}"));
    answer
}

fn head(answer: &Answer) -> String {
    let (status, kind, length) = (answer.status, answer.kind, answer.body.len());
    let mut head =
        format!("HTTP/1.1 {status} Fake\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
    for header in &answer.headers {
        let _ = write!(head, "{header}\r\n");
    }
    head.push_str("\r\n");
    head
}
