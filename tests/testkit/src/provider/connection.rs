//! One connection: requests in, replies out. It speaks just enough HTTP/1.1, and can be late, rude and wrong in ways
//! that a well-behaved server library would not let it be.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::ledger::{Settled, Tokens};
use super::reply::{self, Ending, Reply, Usage};
use super::{Request, Shared, Visit};

/// How much of a body that is not kept in memory is sent at once.
const PIECE: usize = 64 << 10;
/// A head that is longer is none.
const LONGEST_HEAD: usize = 64 << 10;

thread_local! {
    /// What comes in is read here first, so that a connection that waits holds no buffer of its own.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

/// Answers the requests of one connection, and says how it is to end.
pub(super) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> Ending {
    let mut wire = Wire { stream, ahead: Vec::new() };
    while let Some(request) = wire.request().await {
        if request.target() == ("GET", "/ledger") {
            let ledger = shared.ledger().to_json().to_string();
            if wire.send(&reply::response(200, &[], ledger.as_bytes())).await.is_err() {
                break;
            }
            continue;
        }
        let asked = reply::tokens(request.body().len() as u64);
        let (mut visit, reply) = shared.receive(request);
        if let Err(ending) = wire.play(reply, asked, &mut visit).await {
            return ending;
        }
    }
    Ending::Close
}

struct Wire<S> {
    stream: S,
    /// What came in and was not looked at yet.
    ahead: Vec<u8>,
}

/// An answer that does not come to its end leaves by `Err`.
type Played = Result<(), Ending>;

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// The next request; `None` where the other side is done or sends no HTTP.
    async fn request(&mut self) -> Option<Request> {
        let mut searched = 0;
        let head = loop {
            let unknown = &self.ahead[searched..];
            if let Some(at) = unknown.windows(4).position(|window| window == b"\r\n\r\n") {
                break searched + at;
            }
            searched = self.ahead.len().saturating_sub(3);
            if searched > LONGEST_HEAD || self.read().await? == 0 {
                return None;
            }
        };
        let end = head + 4 + content_length(&self.ahead[..head]);
        self.ahead.reserve_exact(end.saturating_sub(self.ahead.len()));
        while self.ahead.len() < end {
            if self.read().await? == 0 {
                return None;
            }
        }
        let rest = self.ahead.split_off(end);
        Request::new(std::mem::replace(&mut self.ahead, rest), head)
    }

    /// `asked` are the tokens of the request.
    async fn play(&mut self, mut reply: Reply, asked: u64, visit: &mut Visit<'_>) -> Played {
        loop {
            if let Some((bytes, settled)) = reply.whole(asked) {
                return self.finish(&bytes, visit, settled).await;
            }
            reply = match reply {
                Reply::After(pause, then) => {
                    self.wait(pause).await?;
                    *then
                }
                Reply::Drip(of, piece, pause) => match of.whole(asked) {
                    Some((bytes, settled)) => {
                        let mut left = bytes.as_slice();
                        while let Some((now, later)) = left.split_at_checked(piece.max(1)) {
                            self.send(now).await?;
                            self.wait(pause).await?;
                            left = later;
                        }
                        return self.finish(left, visit, settled).await;
                    }
                    None => *of,
                },
                Reply::Half(of, ending) => {
                    if let Some((bytes, _)) = of.whole(asked) {
                        self.send(&bytes[..middle_of_body(&bytes)]).await?;
                    }
                    return Err(self.ended(ending).await);
                }
                Reply::Nothing(ending) => return Err(self.ended(ending).await),
                Reply::Huge(length) => return self.huge(length, asked, visit).await,
                Reply::Endless(pause) => return self.endless(pause).await,
                Reply::Text(_) | Reply::Counted(..) | Reply::Status { .. } | Reply::Body(_) => {
                    unreachable!("these are whole")
                }
            };
        }
    }

    async fn huge(&mut self, length: u64, asked: u64, visit: &mut Visit<'_>) -> Played {
        let tokens = Tokens { prompt: asked, cached: 0, completion: reply::tokens(length) };
        let (start, end) = (reply::COMPLETION_START, reply::completion_end(&Usage::Tokens(tokens)));
        let around = (start.len() + end.len() + 2) as u64;
        let head = reply::head(200, &[], length + around);
        self.send(format!("{head}{start}\"").as_bytes()).await?;
        let text = vec![b'x'; PIECE];
        let mut left = length;
        while left > 0 {
            let piece = left.min(PIECE as u64);
            self.send(&text[..piece as usize]).await?;
            left -= piece;
        }
        self.finish(format!("\"{end}").as_bytes(), visit, Settled::Charged(tokens)).await
    }

    async fn endless(&mut self, pause: Duration) -> Played {
        let start = reply::COMPLETION_START;
        let head =
            "HTTP/1.1 200 Fake\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked";
        self.send(format!("{head}\r\n\r\n{:x}\r\n{start}\"\r\n", start.len() + 1).as_bytes())
            .await?;
        // One that takes its time sends little.
        let length = if pause.is_zero() { PIECE } else { 16 };
        let piece = format!("{length:x}\r\n{}\r\n", "x".repeat(length));
        loop {
            self.wait(pause).await?;
            self.send(piece.as_bytes()).await?;
        }
    }

    async fn ended(&mut self, ending: Ending) -> Ending {
        if ending == Ending::Stall {
            self.hung_up().await;
        }
        ending
    }

    /// A pause, which ends early where the other side does not wait for what comes after it.
    async fn wait(&mut self, pause: Duration) -> Played {
        if pause.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.hung_up() => Err(Ending::Close),
        }
    }

    /// Ends when the other side closes the connection. Requests that it sends ahead are kept.
    async fn hung_up(&mut self) {
        while self.read().await.is_some_and(|bytes| bytes > 0) {}
    }

    async fn send(&mut self, bytes: &[u8]) -> Played {
        self.stream.write_all(bytes).await.map_err(|_| Ending::Close)
    }

    /// The last bytes of an answer. The ledger is held while they leave: who has read the answer finds it there.
    async fn finish(&mut self, bytes: &[u8], visit: &mut Visit<'_>, settled: Settled) -> Played {
        let mut sent = 0;
        let finished = poll_fn(|context| {
            let mut ledger = visit.shared.ledger();
            while sent < bytes.len() {
                match ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[sent..]))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    more => sent += more,
                }
            }
            visit.settle(&mut ledger, settled);
            Poll::Ready(io::Result::Ok(()))
        });
        finished.await.map_err(|_| Ending::Close)
    }

    /// Takes in what is there and says how many bytes that was; `None` where the connection broke.
    async fn read(&mut self) -> Option<usize> {
        let Self { stream, ahead } = self;
        let read = poll_fn(|context| {
            SCRATCH.with_borrow_mut(|scratch| {
                let mut piece = ReadBuf::new(scratch);
                ready!(Pin::new(&mut *stream).poll_read(context, &mut piece))?;
                ahead.extend_from_slice(piece.filled());
                Poll::Ready(io::Result::Ok(piece.filled().len()))
            })
        });
        read.await.ok()
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let length = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.unwrap_or(0)
}

fn middle_of_body(response: &[u8]) -> usize {
    let head = response.windows(4).position(|window| window == b"\r\n\r\n");
    let body = head.map_or(0, |at| at + 4);
    body + (response.len() - body) / 2
}
