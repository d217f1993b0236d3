//! What stands in the body of a request, byte by byte: stored answers are found by it.

use conductor_configs::schema;
use conductor_rollout::pool::{OpenAi, Worker};
use conductor_testkit::provider::Provider;
use conductor_types::{Answer, WorkerError, WorkerErrorKind};
use serde_json::{Value, json};

use super::{ask, card, good, last_request, ledger, serve};

fn settings(base_url: &str, more: Value) -> schema::OpenAiWorker {
    let Value::Object(mut settings) = more else { panic!("settings are an object: {more}") };
    settings.extend([("base_url".into(), json!(base_url)), ("model".into(), json!("tiny"))]);
    serde_json::from_value(Value::Object(settings)).unwrap()
}

async fn asked(more: Value) -> (Result<Answer, WorkerError>, Provider) {
    let provider = serve(vec![good()]);
    let worker = OpenAi::new(card(), &settings(&provider.base_url(), more)).unwrap();
    (ask(&worker).await, provider)
}

async fn body(more: Value) -> String {
    let (answer, provider) = asked(more).await;
    answer.unwrap();
    String::from_utf8(last_request(&provider).body().to_vec()).unwrap()
}

const MESSAGES: &str = r#""messages":[{"role":"user","content":"Two and two?"}]"#;

#[tokio::test]
async fn settings_that_are_left_out_leave_the_bytes_as_they_were() {
    assert_eq!(
        body(json!({})).await,
        format!(r#"{{"model":"tiny",{MESSAGES},"temperature":0.0,"max_tokens":1024}}"#)
    );
    assert_eq!(
        body(json!({ "temperature": 0.5, "reasoning_effort": "low" })).await,
        format!(
            r#"{{"model":"tiny",{MESSAGES},"temperature":0.5,"max_tokens":1024,"reasoning_effort":"low"}}"#
        )
    );
}

#[tokio::test]
async fn a_reasoning_model_gets_its_own_name_for_the_length_and_no_temperature() {
    let field = json!({ "max_tokens_field": "max_completion_tokens" });
    assert_eq!(
        body(field).await,
        format!(r#"{{"model":"tiny",{MESSAGES},"max_completion_tokens":1024}}"#)
    );
    let both = json!({ "max_tokens_field": "max_completion_tokens", "temperature": 1.0 });
    assert_eq!(
        body(both).await,
        format!(r#"{{"model":"tiny",{MESSAGES},"temperature":1.0,"max_completion_tokens":1024}}"#)
    );
}

#[tokio::test]
async fn further_fields_follow_and_never_take_the_place_of_a_setting() {
    let extra = json!({ "max_tokens": 7, "extra_body": { "a": { "b": [1] }, "model": "other" } });
    assert_eq!(
        body(extra).await,
        format!(
            r#"{{"model":"tiny",{MESSAGES},"temperature":0.0,"max_tokens":7,"a":{{"b":[1]}}}}"#
        )
    );
}

#[tokio::test]
async fn a_begun_answer_is_sent_and_stands_in_front_once() {
    let sent = body(json!({ "prefill": "It is" })).await;
    assert!(sent.contains(r#"},{"role":"assistant","content":"It is"}],"#), "{sent}");
    for (prefill, whole) in [("It is", "It is 4."), ("So: ", "So: It is 4.")] {
        let (answer, _) = asked(json!({ "prefill": prefill })).await;
        assert_eq!(answer.unwrap().text, whole);
    }
}

#[tokio::test]
async fn a_call_that_surely_does_not_fit_is_not_sent() {
    // "Two and two?" has 12 characters: two tokens at the very least.
    let (answer, provider) = asked(json!({ "max_tokens": 10, "context_tokens": 11 })).await;
    let error = answer.unwrap_err();
    assert_eq!(provider.asked(), 0);
    assert_eq!(error.kind, WorkerErrorKind::Unavailable);
    assert!(error.message.contains("context_tokens = 11") && error.message.contains("not sent"));
    let (answer, provider) = asked(json!({ "max_tokens": 10, "context_tokens": 12 })).await;
    assert_eq!((answer.unwrap().text.as_str(), provider.asked()), ("It is 4.", 1));
}

#[tokio::test]
async fn answers_differ_by_sample_where_no_temperature_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path(), schema::Budget::default());
    let provider = serve(vec![good()]);
    let field = json!({ "max_tokens_field": "max_completion_tokens" });
    let worker = OpenAi::new(card(), &settings(&provider.base_url(), field)).unwrap();
    let worker = worker.keeping(ledger);
    assert_eq!(worker.card().name, "live");
    for sample in [0, 1, 1] {
        super::ask_sample(&worker, sample).await.unwrap();
    }
    assert_eq!(provider.asked(), 2);
}
