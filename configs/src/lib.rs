//! Configuration of a run.
pub mod schema;
pub use schema::Config;
