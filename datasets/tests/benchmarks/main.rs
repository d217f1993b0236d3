//! Every benchmark's loader on small invented files of its forms.

mod answers;
mod choices;
mod forms;
mod programs;
#[path = "../common/read.rs"]
mod read;

use std::path::Path;

use read::all;
use serde_json::json;

const STEPS: &str = "First work it out step by step, in few words. Then write";

#[test]
fn a_source_that_is_not_there_names_the_command_that_brings_it() {
    let absent = Path::new("no/such/file.parquet");
    let error = all("math500", absent, json!({})).unwrap_err();
    assert!(
        error.contains("cannot open no/such/file.parquet")
            && error.contains("`conductor data fetch math500`"),
        "{error}"
    );
    let error = all("leetcode", absent, json!({})).unwrap_err();
    assert!(!error.contains("fetch"), "{error}");
}
