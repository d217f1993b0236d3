//! The benchmark of the scheduler, in small: what it counts and prints, not how fast this machine is.

use conductor_testkit::{Program, Workspace};

#[test]
fn the_rollout_benchmark_counts_every_call_on_both_sides() {
    let at = Workspace::new();
    let args = ["bench", "rollout", "--episodes", "20", "--in-flight", "50", "--median-ms", "5"];
    let bench = |more: &[&str]| {
        Program::new(env!("CARGO_BIN_EXE_conductor"), at.path()).args(args).args(more).run()
    };
    let report = bench(&["--json"]).expect_code(0).json();
    let steps = report["steps"].as_u64().expect("steps");
    assert!((20..=100).contains(&steps), "{report}");
    for part in ["ours", "peer"] {
        assert_eq!(report[part]["calls"], steps, "{part}: {report}");
        assert_eq!(report[part]["failed"], 0, "{part}: {report}");
        assert!(report[part]["seconds"].as_f64().expect("seconds") > 0.0);
    }
    assert_eq!(report["in_flight"]["episodes"], 50);
    assert!(report["ours"]["cpu_ms_per_call"].as_f64().expect("a time") > 0.0);
    let names: Vec<&str> = report["targets"]
        .as_array()
        .expect("targets")
        .iter()
        .filter_map(|target| target["name"].as_str())
        .collect();
    assert!(
        names.contains(&"times faster") && names.contains(&"processor time a call"),
        "{names:?}"
    );

    let table = bench(&["--no-peer", "--no-store"]).expect_code(0).stdout;
    assert!(table.contains("ours, all in flight at once") && table.contains("holds"), "{table}");
    assert!(!table.contains("the reference's schedule"), "{table}");
}

#[test]
fn the_math_benchmark_judges_its_own_pairs_and_a_files() {
    let at = Workspace::new();
    let bench = |more: &[&str]| {
        let args = ["bench", "math", "--no-peer", "--rounds", "1"];
        Program::new(env!("CARGO_BIN_EXE_conductor"), at.path()).args(args).args(more).run()
    };
    let report = bench(&["--json"]).expect_code(0).json();
    assert_eq!(report["ours"]["pairs"], 240, "{report}");
    // Two kinds of the twelve are wrong on purpose, one of them but for every third.
    let right = report["ours"]["right"].as_u64().expect("a count");
    assert!((200..=220).contains(&right), "{report}");
    assert_eq!(report["ours"]["failed"], 0, "{report}");

    let file = at.path().join("pairs.jsonl");
    std::fs::write(
        &file,
        "{\"gold\": \"1/2\", \"pred\": \"0.5\"}\n{\"gold\": \"2\", \"pred\": null}\n",
    )
    .expect("a file");
    let table = bench(&[&file.display().to_string()]).expect_code(0).stdout;
    assert!(table.contains("ours") && !table.contains("math-verify"), "{table}");
}
