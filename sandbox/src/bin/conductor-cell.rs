//! The server of cells by itself, for the tests of this crate and for programs that cannot begin with it.

fn main() {
    conductor_sandbox::serve_if_asked();
}
