//! Benchmarks whose answers are numbers, expressions or short texts.

use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::{DataType, Field, Fields};
use conductor_types::Grading;
use serde_json::{Value, json};

use crate::STEPS;
use crate::forms::{Folder, number, texts};
use crate::read::all;

#[test]
fn gsm8k_takes_the_number_behind_the_marks() {
    let folder = Folder::new();
    let rows = [
        json!({"question": "Ann has 1,000 pens and buys 200.", "answer": "1000 + 200 = <<1000+200=1200>>1200\n#### 1,200"}),
        json!({"question": "And -5?", "answer": "#### -5"}),
    ];
    let tasks = all("gsm8k", &folder.lines("t.jsonl", &rows), json!({})).unwrap();
    assert_eq!(tasks[0].id, "gsm8k/test/0");
    assert_eq!(tasks[0].domain, "gsm8k");
    assert_eq!(tasks[0].grading, number("1200", 0.0));
    assert_eq!(
        tasks[0].prompt,
        format!(
            "Ann has 1,000 pens and buys 200.\n\n{STEPS} the final number alone, without units, between <answer> and </answer>."
        )
    );
    assert_eq!(tasks[1].grading, number("-5", 0.0));
    let part = json!({"part": "train"});
    assert_eq!(all("gsm8k", &folder.array("t.json", &rows), part).unwrap()[1].id, "gsm8k/train/1");
    let columns =
        vec![("question", texts(&["q"])), ("answer", texts(&["#### 7"])), ("other", texts(&["x"]))];
    let table = folder.table("t.parquet", columns);
    assert_eq!(all("gsm8k", &table, json!({})).unwrap()[0].grading, number("7", 0.0));

    for (row, words) in [
        (json!({"question": "q", "answer": "twelve"}), "ends with #### and a number"),
        (json!({"question": "q", "answer": "#### twelve"}), "`gold` that is a number"),
        (json!({"question": " ", "answer": "#### 1"}), "a question that is not empty"),
        (json!({"question": "q"}), "missing field `answer`"),
    ] {
        let error = all("gsm8k", &folder.lines("bad.jsonl", &[row]), json!({})).unwrap_err();
        assert!(error.contains("bad.jsonl:1: ") && error.contains(words), "{error}");
    }
    let table = folder.table("bad.parquet", vec![("question", texts(&["q"]))]);
    let error = all("gsm8k", &table, json!({})).unwrap_err();
    assert!(
        error.contains("bad.parquet, row 1") && error.contains("missing field `answer`"),
        "{error}"
    );
}

#[test]
fn math500_has_subjects_and_levels() {
    let folder = Folder::new();
    let row = |level: Value, id: &str| json!({"problem": "Solve $x^2 = 2$, $x > 0$.", "answer": "\\sqrt{2}", "subject": "Algebra", "level": level, "unique_id": id});
    let path = folder.lines("m.jsonl", &[row(json!(1), "test/algebra/1.json"), row(json!(5), "b")]);
    let tasks = all("math500", &path, json!({})).unwrap();
    assert_eq!(tasks[0].id, "math500/test/algebra/1.json");
    assert!(matches!(&tasks[0].grading, Grading::Math { gold, .. } if gold == "\\sqrt{2}"));
    assert!(tasks[0].prompt.contains("as one LaTeX expression"), "{}", tasks[0].prompt);
    let domain = |by: &str| all("math500", &path, json!({"domain": by})).unwrap()[1].domain.clone();
    assert_eq!(
        [domain("benchmark"), domain("subject"), domain("difficulty")],
        ["math500", "math500/Algebra", "math500/5"]
    );
    assert_eq!(all("math500", &path, json!({"levels": [5]})).unwrap().len(), 1);
    let error = all("math500", &path, json!({"levels": [3]})).unwrap_err();
    assert!(error.contains("holds no task") && error.contains("options"), "{error}");
    let bad = folder.lines("bad.jsonl", &[row(json!(9), "c")]);
    let error = all("math500", &bad, json!({})).unwrap_err();
    assert!(error.contains("a number from 1 to 5, found \"9\""), "{error}");
    let nameless = json!({"problem": "p", "answer": "1", "unique_id": " "});
    let nameless = folder.lines("nameless.jsonl", &[nameless]);
    assert!(all("math500", &nameless, json!({})).unwrap_err().contains("a unique_id that is not"));
    let without = json!({"problem": "p", "answer": "1", "unique_id": "d"});
    let without = folder.lines("without.jsonl", &[without]);
    let error = all("math500", &without, json!({"domain": "subject"})).unwrap_err();
    assert!(error.contains("a subject of the question"), "{error}");
}

#[test]
fn aime_comes_in_many_forms() {
    let folder = Folder::new();
    for (row, id, gold) in [
        (json!({"id": "I-1", "problem": "p", "answer": "70", "solution": ""}), "y/I-1", "70"),
        (json!({"id": 3, "problem": "p", "expected_answer": "073"}), "y/3", "73"),
        (json!({"ID": "2024-II-4", "Problem": "p", "Answer": 33}), "y/2024-II-4", "33"),
        (
            json!({"problem": "p", "answer": "5", "year": 2024, "aime_number": 1, "problem_number": 7}),
            "y/2024-1-7",
            "5",
        ),
        (json!({"question": "p", "answer": 204.0}), "y/0", "204"),
        (
            json!({"id": 1, "problem": "p", "solution": "No \\boxed{1}; \\boxed{809}."}),
            "y/1",
            "809",
        ),
        (
            json!({"id": 1, "unique_id": 2, "question": "p", "problem": "p", "answer": "0"}),
            "y/1",
            "0",
        ),
    ] {
        let path = folder.array("a.json", &[row]);
        let tasks = all("aime", &path, json!({"name": "y"})).unwrap();
        assert_eq!((tasks[0].id.as_str(), tasks[0].domain.as_str()), (id, "y"));
        assert_eq!(tasks[0].grading, number(gold, 0.0));
        assert!(tasks[0].prompt.contains("an integer from 0 to 999"));
    }
    for answer in [json!("1000"), json!("-1"), json!("1/2"), json!(2.5), json!("x"), json!(null)] {
        let path = folder.lines("a.jsonl", &[json!({"problem": "p", "answer": answer})]);
        let error = all("aime", &path, json!({})).unwrap_err();
        assert!(error.contains("a.jsonl:1: expected `answer`"), "{error}");
    }
    let path = folder.lines("c.jsonl", &[json!({"id": 4, "question": "p", "answer": -1})]);
    let tasks = all("amc", &path, json!({"name": "amc23"})).unwrap();
    assert_eq!((tasks[0].id.as_str(), &tasks[0].grading), ("amc23/4", &number("-1", 0.0)));
}

#[test]
fn rlpr_keeps_short_answers() {
    let folder = Folder::new();
    let row = |gold: &str| {
        json!({"prompt": [{"role": "system", "content": "Think in tags."}, {"role": "user", "content": "How fast?"}],
               "reward_model": {"ground_truth": gold, "style": "rule"}, "extra_info": {"index": 4}})
    };
    let long = "x".repeat(31);
    let path = folder.lines("r.jsonl", &[row("3 m/s"), row(&long), row(&long[1..])]);
    let tasks = all("rlpr", &path, json!({})).unwrap();
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["rlpr/0", "rlpr/2"]);
    assert_eq!(tasks[0].grading, Grading::Fuzzy { gold: "3 m/s".into() });
    assert!(tasks[0].prompt.starts_with("How fast?\n\nFirst work it out"), "{}", tasks[0].prompt);
    assert_eq!(all("rlpr", &path, json!({"max_gold_chars": 31})).unwrap().len(), 3);

    let message = Fields::from(vec![
        Field::new("content", DataType::Utf8, true),
        Field::new("role", DataType::Utf8, true),
    ]);
    let messages = StructArray::new(
        message.clone(),
        vec![texts(&["Think in tags.", "How fast?"]), texts(&["system", "user"])],
        None,
    );
    let prompt = arrow_array::ListArray::new(
        Arc::new(Field::new("item", DataType::Struct(message), true)),
        arrow_buffer::OffsetBuffer::from_lengths([2]),
        Arc::new(messages),
        None,
    );
    let model = StructArray::try_from(vec![("ground_truth", texts(&["3 m/s"]))]).unwrap();
    let table = folder.table(
        "r.parquet",
        vec![("prompt", Arc::new(prompt) as ArrayRef), ("reward_model", Arc::new(model))],
    );
    assert_eq!(all("rlpr", &table, json!({})).unwrap(), tasks[..1]);
}

#[test]
fn theoremqa_has_pictures_by_choice() {
    let folder = Folder::new();
    let row = |picture: Value| json!({"Question": "How many?", "Answer": [1, 2], "Answer_type": "list of integer", "Picture": picture, "id": "me/sums_1.json", "field": "Math"});
    let png = b"\x89PNG\r\n\x1a\n0000";
    folder.file("images/a.png", png);
    let path = folder.array("t.json", &[row(json!("images/a.png"))]);
    assert!(all("theoremqa", &path, json!({})).unwrap_err().contains("holds no task"));
    let plain = all("theoremqa", &path, json!({"pictures": "text_only"})).unwrap();
    assert_eq!(plain[0].id, "theoremqa/me/sums_1");
    assert_eq!(plain[0].grading, number("[1,2]", 0.0));
    assert!(plain[0].parts.is_empty());
    let keys = json!({"pictures": "attach", "domain": "subject"});
    let with = all("theoremqa", &path, keys).unwrap();
    assert_eq!(with[0].domain, "theoremqa/Math");
    assert_eq!(with[0].parts[0].text(), Some(with[0].prompt.as_str()));
    let url = "data:image/png;base64,iVBORw0KGgowMDAw";
    assert_eq!(with[0].parts[1].0, json!({"type": "image_url", "image_url": {"url": url}}));
    assert_eq!(with[0].prompt, plain[0].prompt);

    let inside = StructArray::try_from(vec![
        ("bytes", Arc::new(arrow_array::BinaryArray::from(vec![&png[..]])) as ArrayRef),
        ("path", texts(&["a.png"])),
    ]);
    let table = folder.table(
        "t.parquet",
        vec![
            ("Question", texts(&["How many?"])),
            ("Answer", texts(&["[1,2]"])),
            ("Answer_type", texts(&["list of integer"])),
            ("Picture", Arc::new(inside.unwrap()) as ArrayRef),
        ],
    );
    let hub = all("theoremqa", &table, json!({"pictures": "attach"})).unwrap();
    assert_eq!((&hub[0].parts, &hub[0].grading), (&with[0].parts, &with[0].grading));
}

#[test]
fn countdown_names_its_numbers() {
    let folder = Folder::new();
    let path = folder.lines("c.jsonl", &[json!({"target": 98, "nums": [44, 19, 35]})]);
    let tasks = all("countdown", &path, json!({})).unwrap();
    assert_eq!(tasks[0].id, "countdown/0");
    assert_eq!(tasks[0].grading, Grading::Countdown { numbers: vec![44, 19, 35], target: 98 });
    assert!(tasks[0].prompt.starts_with("Reach 98 with the numbers 44, 19, 35."));
    for row in [
        json!({"target": 1, "nums": []}),
        json!({"target": 1, "nums": vec![1; 65]}),
        json!({"target": 1, "nums": [-1]}),
        json!({"target": 1.5, "nums": [1]}),
        json!({"target": 1}),
        json!({"target": 1, "nums": [1], "numbers": [2]}),
    ] {
        let error = all("countdown", &folder.lines("b.jsonl", &[row]), json!({})).unwrap_err();
        assert!(error.contains("b.jsonl:1: expected"), "{error}");
    }
    let both = json!({"target": 1, "nums": [1], "numbers": [1]});
    assert_eq!(all("countdown", &folder.lines("b.jsonl", &[both]), json!({})).unwrap().len(), 1);
}
