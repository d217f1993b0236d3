//! Benchmarks that are solved by programs.

use std::io::Write;

use conductor_types::{CodeMetadata, Grading, TestCase, TestCases, TestType};
use flate2::write::GzEncoder;
use serde_json::json;

use crate::forms::Folder;
use crate::read::all;

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
