//! Feeds the workflow parser whatever libFuzzer comes up with.
#![no_main]

mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = check::check(data);
});
