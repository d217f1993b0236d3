//! `OpenBookQA` (arXiv 1809.02789): science questions with four options.

use std::path::Path;

use super::{Emit, science};
use crate::error::DataError;

pub(super) fn read(path: &Path, emit: &mut Emit) -> Result<(), DataError> {
    science::read(path, "openbookqa", "OpenBookQA", emit)
}
