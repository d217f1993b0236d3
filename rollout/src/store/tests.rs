use std::sync::Arc;

use super::*;

fn paid(number: u32, worker: &str) -> Paid {
    let request = format!("{{\"model\":\"m\",\"messages\":[{number}]}}");
    Paid {
        key: AnswerKey::of(worker, &request, None),
        worker: worker.into(),
        request,
        sample: None,
        answer: StoredAnswer {
            text: format!("answer {number} ✓"),
            usage: Usage {
                prompt_tokens: 10,
                completion_tokens: u64::from(number),
                cost_usd: 0.1 + 0.2,
                latency_ms: 12.5,
                ..Usage::default()
            },
        },
    }
}

#[tokio::test]
async fn what_is_put_is_found_by_every_later_reader_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/answers.sqlite");
    let (first, second) = (paid(1, "w"), paid(2, "w"));
    {
        let store = AnswerStore::open(&path).unwrap();
        assert_eq!(store.get(&first.key).await.unwrap(), None);
        store.put(first.clone()).await.unwrap();
        assert_eq!(store.get(&first.key).await.unwrap().as_ref(), Some(&first.answer));
        // Another process has the file open at the same time.
        let other = AnswerStore::open(&path).unwrap();
        assert_eq!(other.get(&first.key).await.unwrap().as_ref(), Some(&first.answer));
        other.put(second.clone()).await.unwrap();
        assert_eq!(store.get(&second.key).await.unwrap().as_ref(), Some(&second.answer));
    }
    let store = AnswerStore::open(&path).unwrap();
    assert_eq!(store.get(&first.key).await.unwrap(), Some(first.answer));
}

#[tokio::test]
async fn the_first_answer_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = AnswerStore::open(&folder.path().join("a.sqlite")).unwrap();
    let first = paid(1, "w");
    let mut later = first.clone();
    later.answer.text = "another".into();
    store.put(first.clone()).await.unwrap();
    store.put(later).await.unwrap();
    assert_eq!(store.get(&first.key).await.unwrap(), Some(first.answer));
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_write_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let mut puts = Vec::new();
    for worker in ["a", "b", "c"] {
        let store = Arc::new(AnswerStore::open(&path).unwrap());
        for number in 0..300 {
            let store = Arc::clone(&store);
            puts.push(tokio::spawn(async move { store.put(paid(number, worker)).await }));
        }
    }
    for put in puts {
        put.await.unwrap().unwrap();
    }
    let stats = stats(&path).unwrap();
    assert_eq!(stats.answers, 900);
    assert_eq!(stats.workers.iter().map(|w| w.answers).collect::<Vec<_>>(), [300; 3]);
}

#[tokio::test]
async fn a_store_can_be_looked_at_exported_and_thinned_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let store = AnswerStore::open(&path).unwrap();
    assert_eq!(format!("{:.1}", stats(&path).unwrap().cost_usd), "0.0");
    for (number, worker) in [(1, "a"), (2, "a"), (3, "b")] {
        store.put(paid(number, worker)).await.unwrap();
    }
    let held = stats(&path).unwrap();
    assert_eq!((held.answers, held.workers.len()), (3, 2));
    assert!((held.cost_usd - 0.9).abs() < 1e-9 && held.bytes > 0);
    assert_eq!((held.workers[0].prompt_tokens, held.workers[0].completion_tokens), (20, 3));

    let mut lines = Vec::new();
    assert_eq!(export(&path, Some("a"), &mut lines).unwrap(), 2);
    let lines = String::from_utf8(lines).unwrap();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["request"]["model"], "m");
        assert!(line["answer"].as_str().unwrap().starts_with("answer "));
    }

    assert_eq!(prune(&path, None, 3600).unwrap().answers, 0);
    assert_eq!(prune(&path, Some("b"), 0).unwrap().answers, 1);
    assert_eq!(store.get(&paid(3, "b").key).await.unwrap(), None);
    assert_eq!(stats(&path).unwrap().answers, 2);
}

#[test]
fn a_file_that_is_no_store_or_a_newer_one_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "not a database, and long enough to be taken for one".repeat(40))
        .unwrap();
    let before = std::fs::read(&text).unwrap();
    let error = AnswerStore::open(&text).unwrap_err().to_string();
    assert!(error.contains("move it aside") && error.contains("text"), "{error}");
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let newer = folder.path().join("newer");
    drop(AnswerStore::open(&newer).unwrap());
    let connection = Connection::open(&newer).unwrap();
    connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
    let error = AnswerStore::open(&newer).unwrap_err();
    assert!(matches!(error, StoreError::Version { found: 3, known: 2, .. }), "{error}");
}
