//! Lets every linked program find libtorch at run time without `LD_LIBRARY_PATH`.
//!
//! Shared by each package that links libtorch (the binary, `policy` and `trainer`), because a build
//! script's link arguments reach only the targets of its own package.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Some(libtorch) = std::env::var_os("LIBTORCH").map(PathBuf::from) else {
        return;
    };
    let lib = libtorch.join("lib");
    println!("cargo:rerun-if-changed={}", lib.display());
    let message = match lib.canonicalize() {
        Ok(lib) => format!("rustc-link-arg=-Wl,-rpath,{}", lib.display()),
        Err(error) => {
            format!("warning=no libtorch at {}: {error}; run `make setup`", lib.display())
        }
    };
    println!("cargo:{message}");
}
