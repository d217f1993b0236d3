//! Every benchmark's loader on small invented files of its forms.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use conductor_types::{CodeMetadata, Grading, TestCase, TestCases, TestType};
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

#[path = "common/read.rs"]
mod read;
use read::all;

const STEPS: &str = "First work it out step by step, in few words. Then write";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    /// One row a line.
    fn lines(&self, name: &str, rows: &[Value]) -> PathBuf {
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        self.file(name, rows.join("\n"))
    }

    /// All rows in one array, as many benchmarks ship.
    fn array(&self, name: &str, rows: &[Value]) -> PathBuf {
        self.file(name, format!("{:#}", Value::Array(rows.to_vec())))
    }

    fn table(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        let path = self.0.path().join(name);
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    }
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn lists(values: &[&[&str]]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for list in values {
        for value in *list {
            builder.values().append_value(value);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

fn number(gold: &str, tolerance: f64) -> Grading {
    Grading::Number { gold: gold.into(), tolerance }
}

fn choice(gold: &str, options: u8) -> Grading {
    Grading::Choice { gold: gold.into(), options }
}

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
fn mmlu_is_the_same_in_every_form() {
    let folder = Folder::new();
    let sheet = "\"Which, of \"\"these\"\"\nis right?\",one,\"two, 2\",three,four,B\r\nSecond?,a,b,c,d,D\r\n";
    let mut zip = zip::ZipWriter::new(fs::File::create(folder.0.path().join("m.zip")).unwrap());
    let plain = zip::write::SimpleFileOptions::default();
    for (name, contents) in [
        ("data/test/world_facts_test.csv", sheet),
        ("data/test/astronomy_test.csv", "Star?,a,b,c,d,A\n"),
        ("data/dev/astronomy_dev.csv", "Moon?,a,b,c,d,C\n"),
        ("data/README.txt", "x"),
    ] {
        zip.start_file(name, plain).unwrap();
        zip.write_all(contents.as_bytes()).unwrap();
        folder.file(name, contents);
    }
    zip.finish().unwrap();
    let zip = folder.0.path().join("m.zip");
    let tasks = all("mmlu", &zip, json!({"domain": "subject"})).unwrap();
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(
        ids,
        ["mmlu/test/astronomy/0", "mmlu/test/world_facts/0", "mmlu/test/world_facts/1"]
    );
    assert_eq!(tasks[1].domain, "mmlu/world_facts");
    assert_eq!(tasks[1].grading, choice("B", 4));
    assert_eq!(
        tasks[1].prompt,
        format!(
            "Which, of \"these\"\nis right?\n\n(A) one\n(B) two, 2\n(C) three\n(D) four\n\n{STEPS} the letter of the right option \
             alone between <answer> and </answer>."
        )
    );
    assert_eq!(all("mmlu", folder.0.path(), json!({"domain": "subject"})).unwrap(), tasks);
    assert_eq!(all("mmlu", &zip, json!({"part": "dev"})).unwrap()[0].id, "mmlu/dev/astronomy/0");
    let only = all("mmlu", &zip, json!({"subjects": ["astronomy"]})).unwrap();
    assert_eq!(only.len(), 1);
    let error = all("mmlu", &zip, json!({"subjects": ["astrology"]})).unwrap_err();
    assert!(error.contains("\"astrology\"") && error.contains("astronomy, world_facts"), "{error}");

    let columns = vec![
        ("question", texts(&["Star?", "Which, of \"these\"\nis right?", "Second?"])),
        ("subject", texts(&["astronomy", "world_facts", "world_facts"])),
        (
            "choices",
            lists(&[
                &["a", "b", "c", "d"],
                &["one", "two, 2", "three", "four"],
                &["a", "b", "c", "d"],
            ]),
        ),
        ("answer", Arc::new(Int64Array::from(vec![0, 1, 3])) as ArrayRef),
    ];
    let table = folder.table("m.parquet", columns);
    assert_eq!(all("mmlu", &table, json!({"domain": "subject"})).unwrap(), tasks);
    // A folder of the hub's tables, as they are stored when they are fetched.
    let fetched = Folder::new();
    fs::copy(&table, fetched.0.path().join("valid.parquet")).unwrap();
    let val = all("mmlu", fetched.0.path(), json!({"part": "val"})).unwrap();
    assert_eq!((val.len(), val[0].id.as_str()), (3, "mmlu/val/astronomy/0"));
    assert!(all("mmlu", fetched.0.path(), json!({})).unwrap_err().contains("test.parquet"));
}

#[test]
fn a_bad_sheet_of_mmlu_names_member_and_line() {
    let folder = Folder::new();
    for (contents, words) in [
        ("q,a,b,c,d,A\nq,a,b,c,d,E\n", "m_test.csv:2: expected a letter from A to D, found \"E\""),
        ("q,a,b,c,d,A\nq,a,b,c,A\n", "m_test.csv:2: expected a row of 6 fields"),
        ("q,a,b,A\n", "m_test.csv:1: expected six fields"),
        (",a,b,c,d,A\n", "m_test.csv:1: expected a question that is not empty"),
    ] {
        folder.file("data/test/m_test.csv", contents);
        let error = all("mmlu", folder.0.path(), json!({})).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let error = all("mmlu", folder.0.path(), json!({"part": "val"})).unwrap_err();
    assert!(error.contains("expected the folder data/val"), "{error}");
}

#[test]
fn mmlu_pro_has_up_to_ten_options() {
    let folder = Folder::new();
    let options: Vec<String> = (0..10).map(|i| format!("option {i}")).collect();
    let row = |index: u64, answer: &str| json!({"question_id": 70, "question": "Which?", "options": options, "answer": answer, "answer_index": index, "category": "law"});
    let path = folder.lines("p.jsonl", &[row(9, "J")]);
    let tasks = all("mmlu_pro", &path, json!({"domain": "subject"})).unwrap();
    assert_eq!(tasks[0].id, "mmlu_pro/70");
    assert_eq!(tasks[0].domain, "mmlu_pro/law");
    assert_eq!(tasks[0].grading, choice("J", 10));
    assert!(tasks[0].prompt.contains("\n(J) option 9\n"));
    let error = all("mmlu_pro", &folder.lines("p.jsonl", &[row(8, "J")]), json!({})).unwrap_err();
    assert!(error.contains("the letter of `answer_index` 8, found \"J\""), "{error}");
    assert!(all("mmlu_pro", &path, json!({"categories": ["physics"]})).is_err());
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
fn mbpp_reads_both_sets() {
    let folder = Folder::new();
    let full = json!({"text": "Add two.", "code": "def help(x):\r\n  return x\r\ndef add(a, b):\r\n  return a + b", "task_id": 11,
        "test_setup_code": "one = 1", "test_list": ["assert add(one, 2) == 3", "assert add(help(1), 1) == 2"], "challenge_test_list": []});
    let sanitized = json!({"source_file": "x", "task_id": 602, "prompt": "Write add.", "code": "def add(a, b):\n  return a + b",
        "test_imports": ["import math"], "test_list": ["assert math.isclose(add(1, 2), 3)"]});
    let path = folder.lines("m.jsonl", std::slice::from_ref(&full));
    let tasks = all("mbpp", &path, json!({})).unwrap();
    assert_eq!((tasks[0].id.as_str(), tasks[0].domain.as_str()), ("mbpp/11", "mbpp"));
    let tests = "one = 1\nassert add(one, 2) == 3\nassert add(help(1), 1) == 2\n";
    let python = |tests: &str| Grading::Python {
        prelude: String::new(),
        tests: tests.into(),
        entry_point: "add".into(),
    };
    assert_eq!(tasks[0].grading, python(tests));
    assert!(tasks[0].prompt.contains(tests), "{}", tasks[0].prompt);
    assert_eq!(all("mbpp", &path, json!({"part": "test"})).unwrap().len(), 1);
    assert!(all("mbpp", &path, json!({"part": "train"})).is_err());

    let tasks =
        all("mbpp", &folder.array("s.json", &[sanitized]), json!({"part": "train"})).unwrap();
    assert_eq!(
        (tasks[0].id.as_str(), tasks[0].domain.as_str()),
        ("mbpp_sanitized/602", "mbpp_sanitized")
    );
    assert_eq!(tasks[0].grading, python("import math\nassert math.isclose(add(1, 2), 3)\n"));
    let mut bad = full;
    bad["test_list"] = json!(["assert plus(1, 2) == 3"]);
    let error = all("mbpp", &folder.lines("b.jsonl", &[bad]), json!({})).unwrap_err();
    assert!(error.contains("a function which `code` defines"), "{error}");
}

#[test]
fn bigcodebench_asks_in_words_or_by_the_head() {
    let folder = Folder::new();
    let head = "import csv\nimport numpy as np\n\ndef task_func(x):\n";
    let test = "import unittest\nclass TestCases(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(task_func(1), 1)\n";
    let documented = format!("{head}    \"\"\"\n    Return x.\n    \"\"\"\n");
    let hub = json!({"task_id": "BigCodeBench/7", "complete_prompt": documented, "instruct_prompt": "Return x. Start with: …",
        "code_prompt": head, "test": test, "entry_point": "task_func", "libs": "['numpy']"});
    let path = folder.lines("b.jsonl", std::slice::from_ref(&hub));
    let words = all("bigcodebench", &path, json!({})).unwrap();
    assert!(
        words[0].prompt.starts_with("Return x. Start with: …\n\nReply with"),
        "{}",
        words[0].prompt
    );
    let complete = all("bigcodebench", &path, json!({"form": "complete"})).unwrap();
    assert!(complete[0].prompt.ends_with(&format!("```python\n{}\n```", documented.trim_end())));
    assert_eq!(complete[0].id, "BigCodeBench/7");
    let Grading::Python { prelude, tests, entry_point } = &complete[0].grading else { panic!() };
    assert_eq!(prelude, "import csv\nimport numpy as np\n\ndef task_func(x):\n    pass\n");
    assert!(tests.starts_with(test.trim_end()) && tests.contains("wasSuccessful()"));
    assert_eq!(entry_point, "task_func");
    assert!(all("bigcodebench", &path, json!({"libraries": []})).is_err());
    assert_eq!(all("bigcodebench", &path, json!({"libraries": ["numpy"]})).unwrap().len(), 1);

    let old = |prompt: &str| json!({"task_id": "BigCodeBench/8", "prompt": prompt, "code_prompt": head, "test": test, "entry_point": "task_func"});
    let path = folder.array("old.json", &[old(&documented), old("import csv\nIn words.")]);
    let tasks = all("bigcodebench", &path, json!({})).unwrap();
    assert!(tasks[0].prompt.starts_with("Write this Python function."), "{}", tasks[0].prompt);
    assert!(
        tasks[1].prompt.starts_with("import csv\nIn words.\n\nReply with"),
        "{}",
        tasks[1].prompt
    );
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
    ] {
        let error = all("countdown", &folder.lines("b.jsonl", &[row]), json!({})).unwrap_err();
        assert!(error.contains("b.jsonl:1: expected"), "{error}");
    }
}

#[test]
fn arc_and_openbookqa_are_told_apart_in_one_file() {
    let folder = Folder::new();
    let mixed = |name: &str, target: Value| json!({"problem_type": "multiple-choice", "context": null, "prompt": "What is wet?", "options": ["fire", "water", "air"], "target": target, "benchmark_name": name});
    let path =
        folder.lines("x.jsonl", &[mixed("ARC", json!([1])), mixed("OpenBookQA", json!([0]))]);
    let arc = all("arc", &path, json!({})).unwrap();
    let open = all("openbookqa", &path, json!({})).unwrap();
    assert_eq!((arc.len(), open.len()), (1, 1));
    assert_eq!((&arc[0].grading, &open[0].grading), (&choice("B", 3), &choice("A", 3)));
    assert!(arc[0].id.starts_with("arc/") && arc[0].id.len() == "arc/".len() + 16);
    assert_eq!(arc[0].id[4..], open[0].id["openbookqa/".len()..]);

    // The same question drawn twice has an id of its own, and the first keeps its own.
    let twice = [mixed("ARC", json!([1])), mixed("ARC", json!([1]))];
    let tasks = all("arc", &folder.lines("twice.jsonl", &twice), json!({})).unwrap();
    assert_eq!(tasks[0].id, arc[0].id);
    assert_eq!(tasks[1].id, format!("{}-2", arc[0].id));

    let hub = json!({"id": "Mercury_1", "question": "What is wet?", "choices": {"text": ["fire", "water"], "label": ["1", "2"]}, "answerKey": "2"});
    let tasks = all("arc", &folder.lines("hub.jsonl", &[hub]), json!({})).unwrap();
    assert_eq!((tasks[0].id.as_str(), &tasks[0].grading), ("arc/Mercury_1", &choice("B", 2)));
    let hub = json!({"id": "7-1", "question_stem": "What is wet?", "choices": {"text": ["fire", "water"], "label": ["A", "B"]}, "answerKey": "C"});
    let error = all("openbookqa", &folder.lines("hub.jsonl", &[hub]), json!({})).unwrap_err();
    assert!(error.contains("`answerKey` among the labels"), "{error}");
    let error = all("arc", &folder.lines("bad.jsonl", &[mixed("ARC", json!([3]))]), json!({}));
    assert!(error.unwrap_err().contains("found 3 of 3"));
}

#[test]
fn leetcode_makes_test_cases_of_pairs() {
    let folder = Folder::new();
    let completion =
        "class Solution:\n    def f(self, a: int, b: List[int]) -> int:\n        return a";
    let new = json!({"task_id": "sum-it", "question_id": 1, "difficulty": "Medium", "problem_description": "Sum it.", "starter_code": "class Solution:\n    def f(self, a: int, b: List[int]) -> int:\n        ",
        "prompt": "import math\n", "completion": completion, "entry_point": "Solution().f", "test": "def check(candidate):\n    assert candidate(a = 1, b = []) == 1\n",
        "input_output": [{"input": "b = [], a = 1", "output": "1"}, {"input": "a = 1", "output": "Error: x"}, {"input": null, "output": "1"}]});
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writeln!(packed, "{new}").unwrap();
    let path = folder.file("l.jsonl.gz", packed.finish().unwrap());
    let tasks = all("leetcode", &path, json!({"domain": "difficulty"})).unwrap();
    assert_eq!(
        (tasks[0].id.as_str(), tasks[0].domain.as_str()),
        ("leetcode/sum-it", "leetcode/medium")
    );
    let case =
        TestCase { input: "1\n[]".into(), output: "1".into(), testtype: TestType::Functional };
    let Grading::Code { private_test_cases, metadata, .. } = &tasks[0].grading else { panic!() };
    assert_eq!(private_test_cases, &TestCases::List(vec![case]));
    assert_eq!(metadata, &CodeMetadata { func_name: Some("f".into()) });
    assert!(
        tasks[0].prompt.contains("```python\nclass Solution:\n    def f("),
        "{}",
        tasks[0].prompt
    );
    assert!(all("leetcode", &path, json!({"difficulties": ["hard"]})).is_err());

    let old = json!({"task_id": "walk", "prompt": "class TreeNode: pass\n", "completion": "class Solution:\n    def f(self, root: TreeNode) -> int:\n        return 1", "entry_point": "Solution().f",
        "test": "def check(candidate):\n    assert candidate(root = tree_node([1])) == 1\n", "input_output": [{"input": "root = [1]", "output": "1"}],
        "meta": {"question_id": 2, "difficulty": "Hard", "question_title": "Walk the tree.", "lang_code": "class Solution:\n    def f(self, root):"}});
    let tasks = all("leetcode", &folder.lines("old.jsonl", &[old]), json!({})).unwrap();
    let Grading::Python { prelude, tests, entry_point } = &tasks[0].grading else { panic!() };
    assert_eq!(prelude, "class TreeNode: pass\n");
    assert!(tests.ends_with("\n\ncheck(Solution().f)\n") && entry_point == "Solution");
    assert!(tasks[0].prompt.starts_with("Walk the tree.\n\nListNode and TreeNode are defined"));
}

#[test]
fn stdin_sets_carry_tests_and_limits() {
    let folder = Folder::new();
    let hub = json!({"name": "1_A. Sum", "description": "Sum.", "public_tests": {"input": ["1 2"], "output": ["3"]}, "private_tests": {"input": [], "output": []},
        "generated_tests": {"input": ["2 2"], "output": ["4"]}, "time_limit": {"seconds": 1, "nanos": 500_000_000}, "memory_limit_bytes": 268_435_456, "input_file": ""});
    let mut through_a_file = hub.clone();
    through_a_file["input_file"] = json!("in.txt");
    let tasks = all("code_contests", &folder.lines("c.jsonl", &[hub, through_a_file]), json!({}));
    let tasks = tasks.unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].id, "code_contests/1_A. Sum");
    let case = |input: &str, output: &str| {
        let (input, output) = (input.into(), output.into());
        TestCases::List(vec![TestCase { input, output, testtype: TestType::Stdin }])
    };
    assert_eq!(
        tasks[0].grading,
        Grading::Code {
            public_test_cases: case("1 2", "3"),
            private_test_cases: case("2 2", "4"),
            metadata: CodeMetadata::default(),
            time_limit_secs: Some(1.5),
            memory_limit_mib: Some(256),
        }
    );
    for row in [
        json!({"problem": "Sum.", "tests": {"inputs": ["1 2"], "outputs": ["3"]}}),
        json!({"content": "Sum.", "id": 4, "test": "[{\"input\": {\"stdin\": \"1 2\"}, \"output\": {\"stdout\": \"3\"}}]"}),
    ] {
        let tasks = all("code_contests", &folder.array("c.json", &[row]), json!({})).unwrap();
        let Grading::Code { private_test_cases, .. } = &tasks[0].grading else { panic!() };
        assert_eq!(private_test_cases, &case("1 2", "3"));
    }
    let error = all(
        "code_contests",
        &folder.lines("e.jsonl", &[json!({"problem": "p", "tests": []})]),
        json!({}),
    );
    assert!(error.unwrap_err().contains("at least one test"));

    let hub = json!({"id": "1/A", "description": "Sum.", "input_format": "Two numbers.", "output_format": "One.", "examples": [{"input": "1 2", "output": "3"}],
        "official_tests": [{"input": "2 2", "output": "4"}], "time_limit": 2.0, "memory_limit": 256.0});
    let tasks = all("codeforces", &folder.lines("f.jsonl", &[hub]), json!({})).unwrap();
    assert_eq!(tasks[0].id, "codeforces/1/A");
    assert!(
        tasks[0].prompt.starts_with("Sum.\n\nInput\n\nTwo numbers.\n\nOutput\n\nOne.\n\nExample input\n\n1 2\n\nExample output\n\n3\n\n"),
        "{}",
        tasks[0].prompt
    );
    let row = json!({"problem": "Sum.", "tests": [{"input": "1 2", "output": "3"}]});
    assert_eq!(all("codeforces", &folder.array("f.json", &[row]), json!({})).unwrap().len(), 1);
}

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
