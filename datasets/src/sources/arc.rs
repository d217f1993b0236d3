//! ARC (arXiv 1803.05457): science questions of school examinations, with three to five options.

use std::path::Path;

use super::{Emit, science};
use crate::error::DataError;

pub(super) fn read(path: &Path, emit: &mut Emit) -> Result<(), DataError> {
    science::read(path, "arc", "ARC", emit)
}
