//! The words that every room of Conductor shares: tasks, workflows, calls, verdicts, episodes,
//! events and seeds, and the small traits through which one room reaches another.
//!
//! This crate knows nothing of files, networks, processes or tensors.

pub mod account;
pub mod chat;
pub mod constraint;
pub mod content;
pub mod episode;
pub mod event;
pub mod grading;
pub mod judge;
pub mod seed;
pub mod task;
pub mod verdict;
pub mod worker;
pub mod workflow;

pub use chat::{ChatMessage, Completion, FinishReason, Role, SampleRequest, Sampler, SamplerError};
pub use constraint::Constraint;
pub use content::Part;
pub use episode::{Call, Episode, EpisodeId, Outcome, RewardParts, Usage};
pub use event::{Event, Phase, RunEvent};
pub use grading::{CodeMetadata, Grading, MathConvention, TestCase, TestCases, TestType};
pub use judge::{Judge, JudgeFuture, JudgeRequest};
pub use task::{Split, Task};
pub use verdict::{Graded, Unscorable, Verdict, WrongCause};
pub use worker::{
    Answer, AnswerExtractor, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
};
pub use workflow::{Access, AccessKind, Step, Workflow, WorkflowError, WorkflowErrorKind};
