//! conductor-rollout
