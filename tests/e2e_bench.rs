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
