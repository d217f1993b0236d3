//! Questions that hold more than text: their parts reach the endpoint as they were given.

use conductor_configs::schema::Budget;
use conductor_rollout::execute::{RunOptions, run};
use conductor_rollout::pool::{OpenAi, Pool, Worker};
use conductor_testkit::provider::{Provider, Reply};
use conductor_types::{Grading, Outcome, Part, Step, Task, WorkerErrorKind, Workflow};

use super::*;

/// Keys in an order that no writer of JSON would choose, a field that nobody knows, and a number with a fraction of nothing.
const IMAGE: &str = r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"},"a":1.0}"#;
const TEXT: &str = r#"{"text":"Two and \"two\"?","type":"text"}"#;

fn part(json: &str) -> Part {
    serde_json::from_str(json).unwrap()
}

fn sent(provider: &Provider) -> String {
    String::from_utf8(last_request(provider).body().to_vec()).unwrap()
}

#[tokio::test]
async fn parts_stand_in_the_body_as_they_were_given() {
    let provider = serve(vec![good()]);
    let worker = OpenAi::new(card(), &settings(&provider.base_url())).unwrap();
    ask_parts(&worker, &[part(TEXT), part(IMAGE)], 0).await.unwrap();
    let expected = format!(
        r#"{{"model":"tiny","messages":[{{"role":"user","content":[{TEXT},{IMAGE}]}}],"temperature":0.5,"max_tokens":77}}"#
    );
    assert_eq!(sent(&provider), expected);
    // And a question of text alone has the bytes that it always had.
    ask(&worker).await.unwrap();
    let expected = r#"{"model":"tiny","messages":[{"role":"user","content":"Two and two?"}],"temperature":0.5,"max_tokens":77}"#;
    assert_eq!(sent(&provider), expected);
}

#[tokio::test]
async fn a_step_of_a_workflow_frames_the_parts_and_leaves_them_alone() {
    let provider = serve(vec![good()]);
    let worker: Arc<dyn Worker> =
        Arc::new(OpenAi::new(card(), &settings(&provider.base_url())).unwrap());
    let pool = Pool::from_workers(vec![worker]).unwrap();
    let task = Task {
        id: "t".into(),
        domain: "sums".into(),
        prompt: "Two and two?".into(),
        parts: vec![part(TEXT), part(IMAGE)],
        grading: Grading::Exact { gold: "4".into() },
        constraint: None,
    };
    let options =
        RunOptions { part: "test", seed: 0, sample: 0, last_nonempty: false, before: None };
    let workflow = Workflow {
        steps: vec![Step::new(0, "Count.", Vec::new()), Step::new(0, "Check.", vec![0])],
    };
    let outcome = run(&pool, &task, workflow, options).await;
    assert!(matches!(outcome, Outcome::Ran { .. }), "{outcome:?}");
    for request in provider.requests() {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        assert!(body.contains(&format!("}},{TEXT},{IMAGE},{{")), "{body}");
        let content = request.json()["messages"][0]["content"].as_array().unwrap().clone();
        let words = |at: usize| content[at]["text"].as_str().unwrap();
        assert_eq!((content.len(), words(0).ends_with("<question>\n")), (4, true), "{body}");
        assert!(words(3).starts_with("\n</question>\n"), "{body}");
    }
    let last = last_request(&provider);
    let rest = last.json()["messages"][0]["content"][3]["text"].as_str().unwrap().to_owned();
    assert!(rest.contains("It is 4.") && rest.ends_with("Your part: Check."), "{rest}");
}

#[tokio::test]
async fn a_stored_answer_belongs_to_its_image() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path(), Budget::default());
    let provider = serve(vec![good()]);
    let worker = stored(&provider, 0.0, &ledger);
    let other = IMAGE.replace("iVBORw0KGgo=", "iVBORw0KGgp=");
    // The same message in words each time.
    for (parts, asked) in [
        (vec![part(TEXT), part(IMAGE)], 1),
        (vec![part(TEXT), part(&other)], 2),
        (vec![part(IMAGE), part(TEXT)], 3),
        (vec![], 4),
        (vec![part(TEXT), part(IMAGE)], 4),
        (vec![part(TEXT), part(&other)], 4),
    ] {
        ask_parts(&worker, &parts, 0).await.unwrap();
        assert_eq!(provider.asked(), asked, "{parts:?}");
    }
}

/// The message with what a template may add, 5,000 tokens for each image, and the longest answer.
#[tokio::test]
async fn a_budget_reserves_what_images_may_cost() {
    let worst = |images: f64| (12.0 + 256.0 + images * 5000.0) * 2e-6 + 77.0 * 10e-6;
    let two = [part(TEXT), part(IMAGE), part(IMAGE)];
    for (limit, allowed) in [(worst(2.0) * 0.999, false), (worst(2.0) * 1.001, true)] {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path(), Budget { run_usd: Some(limit), ..Budget::default() });
        let provider = serve(vec![good()]);
        let answer = ask_parts(&stored(&provider, 0.0, &ledger), &two, 0).await;
        assert_eq!(provider.asked(), usize::from(allowed), "{answer:?}");
        if !allowed {
            assert_eq!(answer.unwrap_err().kind, WorkerErrorKind::BudgetReached);
        }
    }
}

#[tokio::test]
async fn where_the_endpoint_counts_nothing_an_image_counts_as_configured() {
    let body = "{\"choices\":[{\"message\":{\"content\":\"It is 4.\"}}]}";
    let provider = serve(vec![Reply::body(body)]);
    let mut settings = settings(&provider.base_url());
    settings.image_tokens = 300;
    let worker = OpenAi::new(card(), &settings).unwrap();
    let usage = ask_parts(&worker, &[part(TEXT), part(IMAGE)], 0).await.unwrap().usage;
    assert_eq!((usage.prompt_tokens, usage.estimated), (304, true));
}
