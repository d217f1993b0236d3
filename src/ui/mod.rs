//! What a person sees. Commands hand over data; how it looks is decided here.

pub mod error;
pub mod events;
pub mod fetching;
pub mod input;
pub mod money;
pub mod output;
pub mod report;
pub mod rewards;
pub mod style;
pub mod table;

pub use money::{dollars, spending};
pub use output::{Page, plain, print, print_json, print_json_list, print_line};
pub use style::Style;
pub use table::Table;
