//! Tables whose keys a reader chooses: further fields of a live worker's requests, and skills by domain.

use conductor_configs::schema::WorkerKind;
use conductor_configs::{Config, ErrorKind, LoadRequest, load, load_str};
use serde_json::{Value, json};

fn text(extra_body: &str) -> String {
    format!(
        "[policy]\nmodel = \"m\"\n[tasks]\nsources = [{{ kind = \"jsonl\", path = \"t\" }}]\n\
         [[pool.workers]]\nname = \"a\"\nkind = \"openai\"\nbase_url = \"http://h/v1\"\nmodel = \"m\"\n{extra_body}\n"
    )
}

fn extra_body(config: &Config) -> Value {
    match &config.pool.workers[0].kind {
        WorkerKind::Openai(worker) => Value::Object(worker.extra_body.clone()),
        other => panic!("another kind: {other:?}"),
    }
}

const FIELDS: &str = "extra_body = { top_p = 0.95, top_k = 20, stop = [\"a\", 'b'], \
                      chat_template_kwargs = { enable_thinking = false, deep = [{ x = 1.0 }, {}] } }";

#[test]
fn every_type_but_dates_comes_through_and_goes_back() {
    let first = load_str("run.toml", &text(FIELDS)).unwrap();
    let expected = json!({
        "chat_template_kwargs": { "deep": [{ "x": 1.0 }, {}], "enable_thinking": false },
        "stop": ["a", "b"], "top_k": 20, "top_p": 0.95,
    });
    // As text, because the order counts: a stored answer is found by the request's bytes.
    assert_eq!(extra_body(&first.config).to_string(), expected.to_string());
    let second = load_str("resolved.toml", &first.to_toml()).unwrap();
    assert_eq!(first.config, second.config, "{}", first.to_toml());
    assert_eq!(extra_body(&second.config).to_string(), expected.to_string());
}

#[test]
fn the_order_in_the_file_makes_no_difference() {
    let one = text("extra_body = { a = 1, b = { d = 2, c = 3 } }");
    let other = text("[pool.workers.extra_body.b]\nc = 3\nd = 2\n[pool.workers.extra_body]\na = 1");
    let [one, other] = [one, other].map(|t| extra_body(&load_str("r.toml", &t).unwrap().config));
    assert_eq!(one.to_string(), other.to_string());
}

#[test]
fn each_value_is_shown_with_its_origin() {
    let resolved = load_str("run.toml", &text(FIELDS)).unwrap();
    let row = |key: &str| {
        let key = format!("pool.workers[0].extra_body.{key}");
        let table = resolved.table();
        let row = table.iter().find(|row| row.key == key).unwrap_or_else(|| panic!("{key}"));
        format!("{} {}", row.text(), row.origin)
    };
    assert_eq!(row("top_p"), "0.95 file run.toml:10");
    assert_eq!(row("chat_template_kwargs.enable_thinking"), "false file run.toml:10");
    assert_eq!(row("chat_template_kwargs.deep[0].x"), "1.0 file run.toml:10");
    assert_eq!(row("stop"), "[\"a\",\"b\"] file run.toml:10");
    let without = load_str("run.toml", &text("")).unwrap().table();
    let row = without.iter().find(|row| row.key == "pool.workers[0].extra_body").unwrap();
    assert_eq!(format!("{} {}", row.text(), row.origin), "{} default");
}

#[test]
fn an_argument_can_hold_one() {
    let workers = "pool.workers=[{ name = \"a\", kind = \"openai\", base_url = \"http://h/v1\", model = \"m\", \
                   extra_body = { seed = 7 } }]";
    let request = LoadRequest {
        preset: Some("local-pool".into()),
        sets: vec![workers.into(), "reward.cost_weight=0".into()],
        ..LoadRequest::default()
    };
    assert_eq!(extra_body(&load(&request).unwrap().config), json!({ "seed": 7 }));
}

#[test]
fn what_json_cannot_hold_is_refused_where_it_stands() {
    for (value, kind, key) in [
        ("{ a = nan }", ErrorKind::OutOfRange, "a"),
        ("{ a = { b = [1, -inf] } }", ErrorKind::OutOfRange, "a.b[1]"),
        ("{ a = 99999999999999999999 }", ErrorKind::OutOfRange, "a"),
        ("{ a = [2026-01-01] }", ErrorKind::WrongType, "a[0]"),
        ("{ a = 12:00:00 }", ErrorKind::WrongType, "a"),
    ] {
        let errors = load_str("run.toml", &text(&format!("extra_body = {value}"))).unwrap_err();
        assert_eq!(errors.len(), 1, "{value}: {errors}");
        let error = errors.iter().next().unwrap();
        assert_eq!(
            (error.kind, error.key.as_str()),
            (kind, &*format!("pool.workers[0].extra_body.{key}"))
        );
        assert_eq!(error.locations.len(), 1, "{errors}");
    }
    let errors = load_str("run.toml", &text("extra_body = 5")).unwrap_err().to_string();
    assert!(errors.contains("expected a table, got an integer"), "{errors}");
}

#[test]
fn skills_by_domain_are_shares() {
    let simulated = |keys: &str| {
        let text =
            text("").replace("kind = \"openai\"\nbase_url = \"http://h/v1\"\nmodel = \"m\"", keys);
        load_str("run.toml", &text)
    };
    let config =
        simulated("kind = \"simulated\"\nskill = { math = 0.75, \"a.b\" = 1 }").unwrap().config;
    let WorkerKind::Simulated(worker) = &config.pool.workers[0].kind else { panic!("{config:?}") };
    assert_eq!(
        worker.skill.iter().map(|(d, s)| (d.as_str(), *s)).collect::<Vec<_>>(),
        [("a.b", 1.0), ("math", 0.75)]
    );
    for (skill, message) in [
        (
            "{ math = 1.2 }",
            "`pool.workers[0].skill.math`: expected at least 0 and at most 1, got 1.2",
        ),
        ("{ math = \"high\" }", "`pool.workers[0].skill.math`: expected a number, got a string"),
        ("0.5", "`pool.workers[0].skill`: expected a table, got a float"),
    ] {
        let errors =
            simulated(&format!("kind = \"simulated\"\nskill = {skill}")).unwrap_err().to_string();
        assert!(errors.contains(message), "{errors}");
    }
}
