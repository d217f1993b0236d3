//! conductor-checkpoints
