//! Configuration of a run: one TOML file, laid over a preset and the defaults, under the environment and `--set`.
//!
//! [`load`] gives a [`Resolved`] configuration, in which every value knows where it comes from, or every error at
//! once, each with its line. The [`schema`] is the only place where a key, its type, its limits and its text are
//! written down: the walk that finds errors, `configs/schema.json` and `docs/configuration.md` are made from it.
//! Values that are valid on their own and cannot work together are found here too, not at step 400.
//!
//! This crate opens no file but the configuration itself, looks at no environment variable that it is not handed,
//! and prints nothing.

mod checks;
mod errors;
mod generate;
mod keys;
mod load;
mod mask;
mod presets;
mod problem;
mod resolved;
pub mod schema;
mod shape;
mod source;
mod suggest;
mod tree;
mod walk;

pub use checks::built_in_examples;
pub use errors::{ConfigError, ConfigErrors, Location};
pub use generate::{reference, schema_json};
pub use load::{ENV_PREFIX, LoadRequest, load, load_str, load_text};
pub use presets::{PRESETS, Preset, preset};
pub use problem::ErrorKind;
pub use resolved::{Resolved, Row};
pub use schema::Config;
pub use source::Origin;
