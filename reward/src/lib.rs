//! conductor-reward
