//! `conductor pool check` and `conductor pool prices`, against endpoints that play scripts.

use std::time::Duration;

use conductor_testkit::provider::{Ending, Options, Provider, Reply, Usage};
use conductor_testkit::recording::answers;
use conductor_testkit::workspace::sums;
use conductor_testkit::{Outcome, Program, Skill, Workspace};
use serde_json::{Value, json};

const KEY: &str = "sk-never-shown";

fn conductor(at: &Workspace, args: &[&str]) -> Outcome {
    program(at, args).run()
}

fn program(at: &Workspace, args: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_conductor"), at.path()).args(args)
}

/// A live worker with the model `m` and a price, and further keys, one a line.
fn live(name: &str, base_url: &str, keys: &str) -> String {
    format!(
        "[[pool.workers]]\nname = \"{name}\"\nkind = \"openai\"\nbase_url = \"{base_url}\"\nmodel = \"m\"\n\
         timeout_secs = 5.0\ninput_usd_per_million = 100.0\noutput_usd_per_million = 200.0\n{keys}\n\n"
    )
}

/// A workspace whose `run.toml` has these workers.
fn workspace(workers: &str) -> Workspace {
    let at = Workspace::new();
    at.write_tasks("tasks.jsonl", &sums(10));
    at.write(
        "run.toml",
        format!(
            "[run]\nname = \"test\"\n\n[tasks]\nsources = [{{ kind = \"jsonl\", path = \"tasks.jsonl\" }}]\n\n\
             {workers}[policy]\nmodel = \"models/tiny\"\n"
        ),
    );
    at
}

/// What the check says of its only worker, which is live and talks to this endpoint.
fn checked(endpoint: &Provider, keys: &str, code: i32) -> Value {
    let at = workspace(&live("w", &endpoint.base_url(), keys));
    let check = ["pool", "check", "run.toml", "--json"];
    conductor(&at, &check).expect_code(code).json()["workers"][0].clone()
}

/// Answers chat requests with `reply`, and has no list of models.
fn chat(reply: Reply) -> Provider {
    listing(&[], reply)
}

/// Answers chat requests with `reply`, and lists these models, where there are any.
fn listing(models: &[&str], reply: Reply) -> Provider {
    let data: Vec<Value> = models.iter().map(|id| json!({ "id": id })).collect();
    let list = json!({ "object": "list", "data": data }).to_string().into_bytes();
    let options = Options { keep_requests: true, ..Options::default() };
    Provider::with(options, move |_, request| match request.target().1 {
        "/v1/models" if data.is_empty() => status(404, &[], "no list"),
        "/v1/models" => Reply::body(list.clone()),
        _ => reply.clone(),
    })
}

fn status(status: u16, headers: &[&str], body: &str) -> Reply {
    let headers = headers.iter().map(|&line| line.to_owned()).collect();
    Reply::Status { status, headers, body: body.into() }
}

fn ready() -> Reply {
    Reply::Counted("ready".into(), Usage::tokens(10, 5))
}

fn remarks(worker: &Value) -> String {
    worker["remarks"].to_string()
}

#[test]
fn a_live_worker_is_asked_once_and_its_price_is_told() {
    let endpoint = listing(&["m"], ready());
    let at = workspace(&live("w", &endpoint.base_url(), "requests_per_minute = 30.0"));
    let report = conductor(&at, &["pool", "check", "run.toml", "--json"]).expect_code(0).json();
    let worker = &report["workers"][0];
    assert_eq!(worker["state"], "ok");
    assert!(worker["latency_ms"].as_f64().unwrap() > 0.0, "{worker}");
    assert_eq!(worker["usage"]["prompt_tokens"], 10);
    assert_eq!(worker["requests_per_minute"], 30.0);
    assert_eq!(worker["remarks"], json!([]));
    // Ten tokens at 100 and five at 200 dollars a million.
    assert!((report["cost_usd"].as_f64().unwrap() - 0.002).abs() < 1e-12, "{report}");

    let requests = endpoint.requests();
    let chats: Vec<_> =
        requests.iter().filter(|r| r.target().1 == "/v1/chat/completions").collect();
    assert_eq!(chats.len(), 1, "{requests:?}");
    assert_eq!(chats[0].json()["max_tokens"], 16);
    assert_eq!(chats[0].question(), "Reply with the word ready.");
    assert!(!at.join("runs").exists(), "no store is made");

    let table = conductor(&at, &["pool", "check", "run.toml"]).expect_code(0);
    assert!(table.stdout.contains("The check cost $0.002000."), "{table}");
}

#[test]
fn a_missing_key_is_that_workers_state_and_stops_no_other() {
    let endpoint = chat(ready());
    let with_key = live("closed", &endpoint.base_url(), "api_key_env = \"ABSENT_KEY\"");
    let at = workspace(&(with_key + &live("open", &endpoint.base_url(), "")));
    let report = conductor(&at, &["pool", "check", "run.toml", "--json"]).expect_code(2).json();
    assert_eq!(report["workers"][0]["state"], "misconfigured");
    assert!(report["workers"][0]["message"].as_str().unwrap().contains("ABSENT_KEY"), "{report}");
    assert_eq!(report["workers"][1]["state"], "ok");
    let open = ["pool", "check", "run.toml", "--worker", "open"];
    let _ = conductor(&at, &open).expect_code(0);
    let unknown = ["pool", "check", "run.toml", "--worker", "opne"];
    let _ = conductor(&at, &unknown).expect_code(2).expect_stderr(&["\"opne\"", "closed, open"]);
}

#[test]
fn refusals_are_told_from_failures_and_the_key_is_never_shown() {
    let words = format!("the key {KEY} is not known");
    for (reply, state, words) in [
        (status(401, &[], &words), "refused", "check the key"),
        (status(403, &[], &words), "refused", "check the key"),
        (status(404, &[], "no such model"), "refused", "check base_url"),
        (status(503, &[], "busy"), "unreachable", "503"),
        (status(429, &["Retry-After: 9"], "slow down"), "throttled", "429"),
        (Reply::Nothing(Ending::Close), "unreachable", "broke"),
        (Reply::body("<html>"), "bad_answer", "chat completion"),
    ] {
        let endpoint = chat(reply);
        let at = workspace(&live("w", &endpoint.base_url(), "api_key_env = \"TEST_POOL_KEY\""));
        for json in [true, false] {
            let args = ["pool", "check", "run.toml"];
            let outcome = program(&at, &args)
                .args(json.then_some("--json"))
                .env("TEST_POOL_KEY", KEY)
                .run()
                .expect_code(3);
            assert!(!outcome.to_string().contains(KEY), "{outcome}");
            if json {
                let worker = &outcome.json()["workers"][0];
                assert_eq!(worker["state"], state, "{worker}");
                assert!(worker["message"].as_str().unwrap().contains(words), "{worker}");
            }
        }
        let chats =
            |r: &&conductor_testkit::provider::Request| r.target().1.ends_with("/completions");
        assert_eq!(endpoint.requests().iter().filter(chats).count(), 2, "no retries: {state}");
    }
}

#[test]
fn an_address_where_nothing_listens_is_unreachable() {
    let at = workspace(&live("w", "http://127.0.0.1:9/v1", ""));
    let report = conductor(&at, &["pool", "check", "run.toml", "--json"]).expect_code(3).json();
    assert_eq!(report["workers"][0]["state"], "unreachable");
    assert_eq!(report["workers"][0]["latency_ms"], Value::Null);
}

#[test]
fn workers_are_asked_at_once_and_a_slow_one_is_waited_for_aloud_until_its_own_limit() {
    let silent = chat(Reply::Nothing(Ending::Stall));
    let late = chat(ready().after(Duration::from_secs(2)));
    let workers = live("silent", &silent.base_url(), "").replace("= 5.0", "= 3.0")
        + &live("late", &late.base_url(), "")
        + &live("late too", &late.base_url(), "");
    let at = workspace(&workers);
    let start = std::time::Instant::now();
    let outcome = conductor(&at, &["pool", "check", "run.toml", "--json"]).expect_code(3);
    // Three seconds by itself, seven one after another.
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    let outcome = outcome.expect_stderr(&["waiting for silent"]);
    let states: Vec<Value> =
        (0..3).map(|i| outcome.json()["workers"][i]["state"].clone()).collect();
    assert_eq!(states, ["timeout", "ok", "ok"]);
}

#[test]
fn limits_of_the_endpoint_are_shown_beside_the_configured_ones() {
    let body = br#"{"choices": [{"message": {"content": "ready"}}]}"#;
    let headers = [
        "x-ratelimit-limit-requests: 60",
        "x-ratelimit-remaining-requests: 59",
        "x-ratelimit-reset-requests: 1s",
    ];
    let endpoint = chat(status(200, &headers, std::str::from_utf8(body).unwrap()));
    let worker = checked(&endpoint, "requests_per_minute = 600.0", 0);
    assert_eq!(worker["requests"], json!({ "limit": 60.0, "left": 59.0, "resets_in_secs": 1.0 }));
    let remarks = remarks(&worker);
    assert!(remarks.contains("above the endpoint's own limit of 60"), "{remarks}");
    assert!(remarks.contains("no token counts"), "{remarks}");
    let at = workspace(&live("w", &endpoint.base_url(), "requests_per_minute = 600.0"));
    let table = conductor(&at, &["pool", "check", "run.toml"]).expect_code(0).stdout;
    assert!(table.contains("600; it says 59 of 60 left, whole in 1 s"), "{table}");
}

#[test]
fn a_model_that_reasons_longer_than_the_check_is_well_unless_its_own_limit_is_as_short() {
    let body = json!({
        "choices": [{ "finish_reason": "length", "message": { "content": "" } }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 16 },
    });
    let endpoint = chat(Reply::body(body.to_string()));
    let worker = checked(&endpoint, "max_tokens = 4000", 0);
    assert!(remarks(&worker).contains("max_tokens = 4000"), "{worker}");
    // What it thought is paid: 10 and 16 tokens.
    assert!((worker["usage"]["cost_usd"].as_f64().unwrap() - 0.0042).abs() < 1e-12, "{worker}");
    let worker = checked(&endpoint, "max_tokens = 8", 3);
    assert_eq!(worker["state"], "bad_answer");
    assert!(worker["message"].as_str().unwrap().contains("max_tokens = 8"), "{worker}");
}

#[test]
fn a_model_that_is_not_listed_is_named_with_the_nearest() {
    let endpoint = listing(&["mm", "other"], ready());
    let found = remarks(&checked(&endpoint, "", 0));
    assert!(found.contains(r#"does not list the model \"m\", did you mean \"mm\"?"#), "{found}");
    assert!(found.contains("perhaps with another model"), "{found}");
    assert_eq!(remarks(&checked(&listing(&["m"], ready()), "", 0)), "[]");
}

#[test]
fn recorded_workers_are_held_against_the_tasks() {
    let recorded = |name: &str, file: &str| {
        format!(
            "[[pool.workers]]\nname = \"{name}\"\nkind = \"recorded\"\nrecording = \"{file}\"\n\n"
        )
    };
    let vote = "[[pool.workers]]\nname = \"vote\"\nkind = \"vote\"\n\n";
    let at = workspace(&(recorded("good", "answers.parquet") + vote));
    let skill = [Skill::new("good", 0.01, &[("small", 0.9), ("large", 0.9)])];
    at.write("answers.jsonl", answers(&skill, &sums(10)));
    let import = ["pool", "import", "--answers", "answers.jsonl", "--tasks", "tasks.jsonl"];
    let _ = program(&at, &import).args(["--out", "answers.parquet"]).run().expect_code(0);
    let report = conductor(&at, &["pool", "check", "run.toml", "--json"]).expect_code(0).json();
    let worker = &report["workers"][0];
    assert_eq!((&worker["state"], &worker["tasks_answered"]), (&"ok".into(), &10.into()));
    assert_eq!(report["cost_usd"], 0.0);

    // More tasks than were recorded, then a recording that is not there.
    at.write_tasks("tasks.jsonl", &sums(12));
    let few = conductor(&at, &["pool", "check", "run.toml"]).expect_code(2).stdout;
    assert!(few.contains("10/12") && few.contains("only_recorded"), "{few}");
    let only = ["pool", "check", "run.toml", "--set", "tasks.only_recorded=true"];
    let _ = conductor(&at, &only).expect_code(0);
    std::fs::remove_file(at.join("answers.parquet")).unwrap();
    let absent = conductor(&at, &["pool", "check", "run.toml"]).expect_code(2).stdout;
    assert!(
        absent.contains("misconfigured good: ") && absent.contains("answers.parquet"),
        "{absent}"
    );
}

#[test]
fn settings_that_the_schema_forbids_stop_the_check_before_any_call() {
    let endpoint = chat(ready());
    let at = workspace(&live("w", &endpoint.base_url(), "concurrency = 0"));
    let _ = conductor(&at, &["pool", "check", "run.toml"])
        .expect_code(2)
        .expect_stderr(&["concurrency"]);
    assert!(endpoint.requests().is_empty());
}

#[test]
fn prices_are_listed_in_the_order_of_the_pool_or_the_cheapest_first() {
    let dear = live("dear", "https://host/v1", "cached_input_usd_per_million = 10.0");
    let free =
        live("free", "https://host/v1", "").replace("= 100.0", "= 0.0").replace("= 200.0", "= 0.0");
    let recorded =
        "[[pool.workers]]\nname = \"old\"\nkind = \"recorded\"\nrecording = \"absent.parquet\"\n\n";
    let at = workspace(&format!("{recorded}{dear}{free}"));
    let args = ["pool", "prices", "run.toml", "--prompt-tokens", "2000", "--answer-tokens", "1000"];
    let report = program(&at, &args).args(["--json"]).run().expect_code(0).json();
    let names = |report: &Value| {
        let workers = report["workers"].as_array().unwrap();
        workers.iter().map(|w| w["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&report), ["old", "dear", "free"]);
    let dear = &report["workers"][1];
    // 2000 tokens at 100 and 1000 at 200 dollars a million.
    assert!((dear["call_usd"].as_f64().unwrap() - 0.4).abs() < 1e-12, "{dear}");
    assert_eq!(dear["cached_input_usd_per_million"], 10.0);
    assert_eq!(report["workers"][0]["call_usd"], Value::Null);

    let sorted = program(&at, &args).args(["--json", "--cheapest-first"]).run().json();
    assert_eq!(names(&sorted), ["free", "dear", "old"]);
    let table = conductor(&at, &args).expect_code(0).stdout;
    assert!(table.contains("\"old\" has no price") && table.contains("\"free\" has a price of 0"));
}
