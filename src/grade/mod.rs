//! Judging a stream of cases: one a line in, one verdict a line out, in the same order.

mod case;
mod lines;
mod stream;
mod task;
mod verdict;

pub use stream::{Options, grade_all};
