//! The server of cells by itself, for the tests of this crate: see `before_everything` in sandbox.rs.

use conductor_sandbox as _;

fn main() {
    eprintln!("conductor-cell: the sandbox starts it; by itself it does nothing");
    std::process::exit(2);
}
