//! What an answer is worth: finding it in a text ([`extract`]), judging it ([`Grader`]), comparing answers in a
//! vote ([`Extractors`]), and shaping rewards within a group ([`shape`]).
//!
//! Finding and judging are apart: an answer that is not found is a failure with a name, never a guess. Unscorable
//! answers have no score at all; nothing here turns one into a zero. This crate knows nothing of models, pools or
//! tensors.

mod code;
mod decimal;
mod expression;
pub mod extract;
mod grade;
mod graders;
mod gym;
mod interpreter;
pub mod math;
mod pytext;
pub mod reasoning_gym;
pub mod shape;
#[cfg(test)]
mod tests;
mod votes;

pub use code::{Judging, Resources};
pub use grade::{Grader, GraderError};
pub use shape::{Credited, Member, Taken, evaluation_reward, shape_group};
pub use votes::Extractors;
