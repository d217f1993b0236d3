//! Fetching from a hub of our own that answers as the real one does, rightly and wrongly.

mod dev_data;
mod faults;
mod folders;
mod lab;
mod offline;
mod stored;
