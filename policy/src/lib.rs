//! conductor-policy
