//! Room for unpacked tests: however many programs are judged at once, their tests take no more memory than this.

use conductor_types::TestCases;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::{JoinError, spawn_blocking};

use super::prepare::{self, BadTests, Prepared};
use super::{Question, cases};

/// What the tests of all programs that are being judged may hold together, in KiB: about twice the longest set.
const MOST_KIB: u32 = 512 << 10;

/// Read in less time than another thread takes to begin.
const FEW_BYTES: u64 = 16 << 10;

/// One for the whole process, as its memory is.
static ROOM: Semaphore = Semaphore::const_new(MOST_KIB as usize);

/// The tests of one question, as the task has them.
pub(super) struct Tests {
    public: TestCases,
    private: TestCases,
    func_name: Option<String>,
}

/// The share of the room that is held as long as the tests are.
pub(super) type Share = SemaphorePermit<'static>;

impl Tests {
    pub(super) fn of(question: &Question<'_>) -> Self {
        Self {
            public: question.public_test_cases.clone(),
            private: question.private_test_cases.clone(),
            func_name: question.metadata.func_name.clone(),
        }
    }

    /// Unpacks them once there is room. A set may have hundreds of megabytes, and unpacking it here would hold up whoever else
    /// waits on this thread.
    pub(super) async fn prepared(self) -> Result<Result<(Prepared, Share), BadTests>, JoinError> {
        if let Some(bytes) = self.few_bytes() {
            let share =
                ROOM.acquire_many(share_kib(bytes)).await.expect("the room is never closed");
            let Self { public, private, func_name } = self;
            let prepared = prepare::prepare(public, private, func_name);
            return Ok(prepared.map(|prepared| (prepared, share)));
        }
        let sized = move || (cases::size(&self.public) + cases::size(&self.private), self);
        let (bytes, tests) = spawn_blocking(sized).await?;
        let share = ROOM.acquire_many(share_kib(bytes)).await.expect("the room is never closed");
        let Self { public, private, func_name } = tests;
        let prepared = spawn_blocking(|| prepare::prepare(public, private, func_name)).await?;
        Ok(prepared.map(|prepared| (prepared, share)))
    }
}

impl Tests {
    /// Their size, where they are there as they are and so few that another thread would take longer to be asked.
    fn few_bytes(&self) -> Option<u64> {
        let is_list = |cases: &TestCases| matches!(cases, TestCases::List(_));
        let bytes = (is_list(&self.public) && is_list(&self.private))
            .then(|| cases::size(&self.public) + cases::size(&self.private));
        bytes.filter(|&bytes| bytes < FEW_BYTES)
    }
}

/// What is longer than all room takes all of it, and is refused when it is decoded.
fn share_kib(bytes: u64) -> u32 {
    u32::try_from(bytes / 1024 + 1).unwrap_or(MOST_KIB).min(MOST_KIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_is_more_than_all_room() {
        assert_eq!((share_kib(0), share_kib(1 << 20)), (1, 1025));
        assert_eq!((share_kib(1 << 30), share_kib(u64::MAX)), (MOST_KIB, MOST_KIB));
    }
}
