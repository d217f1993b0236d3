//! conductor-testkit
