//! conductor-trainer
