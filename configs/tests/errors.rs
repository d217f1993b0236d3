//! What a reader sees when something is wrong: everything at once, with its line, a caret and a next step.

use conductor_configs::{ConfigErrors, ErrorKind, LoadRequest, Origin, load, load_str};

fn errors(text: &str) -> ConfigErrors {
    load_str("run.toml", text).expect_err(text)
}

fn on_quickstart(rest: &str) -> ConfigErrors {
    errors(&format!("preset = \"quickstart\"\n{rest}"))
}

/// The only error, as kind, key and text.
fn only(errors: &ConfigErrors) -> (ErrorKind, &str, String) {
    assert_eq!(errors.len(), 1, "{errors}");
    let error = errors.iter().next().unwrap();
    (error.kind, &error.key, errors.to_string())
}

#[test]
fn three_errors_at_once_are_all_reported() {
    let errors =
        on_quickstart("[train]\nstep = 5\ngroup_size = \"8\"\n[reward]\ncost_form = \"plane\"\n");
    let expected = "\
error: unknown key `train.step`
 --> run.toml:3:1
  |
3 | step = 5
  | ^^^^
  |
  = help: did you mean `train.steps`?

error: `train.group_size`: expected an integer, got a string
 --> run.toml:4:14
  |
4 | group_size = \"8\"
  |              ^^^
  |
  = help: write 8 without quotes

error: `reward.cost_form`: `plane` is none of `plain`, `separate`, `pass_rate`, `xrouter`, `router_r1`
 --> run.toml:6:13
  |
6 | cost_form = \"plane\"
  |             ^^^^^^^
  |
  = help: did you mean \"plain\"?

3 errors in the configuration";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn conflicts_are_found_beside_other_errors_and_show_all_that_takes_part() {
    let errors = errors(
        "# without a preset\n[train]\nstep = 5\n[reward]\ncost_form = \"plain\"\ncost_weight = 0.1\n\
         [policy]\nmodel = \"m\"\n[tasks]\nsources = [{ kind = \"jsonl\", path = \"t\" }]\n\
         [[pool.workers]]\nname = \"a\"\nkind = \"recorded\"\nrecording = \"r\"\n",
    );
    let expected = "\
error: `reward.cost_form`: a plain cost loses its weight when advantages are divided by the group's standard deviation
 --> run.toml:5:13
  |
5 | cost_form = \"plain\"
  |             ^^^^^^^
  |
 ::: run.toml:6:15
  |
6 | cost_weight = 0.1
  |               ---
  |
  = note: `train.advantage.scale_by_std` is true, its default
  = help: set `reward.cost_form` to \"pass_rate\" or \"separate\", or `train.advantage.scale_by_std` to false

2 errors in the configuration";
    let text = errors.to_string();
    assert!(text.ends_with(expected), "{text}");
    let conflict = errors.iter().nth(1).unwrap();
    assert_eq!(conflict.kind, ErrorKind::Conflict);
    assert_eq!(conflict.locations.len(), 2);
}

#[test]
fn what_is_wrong_hides_no_conflict_and_makes_none() {
    // The second worker's name is wrong, so nothing is said of names; the group of one is found all the same.
    let errors = on_quickstart(
        "[train]\ngroup_size = 1\n[pool]\nworkers = [{ name = \"a\", kind = \"recorded\", recording = \"r\" }, { name = 5, kind = \"recorded\", recording = \"r\" }]\n",
    );
    let keys: Vec<&str> = errors.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, ["train.group_size", "pool.workers[1].name"], "{errors}");
}

#[test]
fn a_missing_section_says_what_it_needs() {
    let errors = errors("");
    let keys: Vec<&str> = errors.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, ["tasks", "pool", "policy"]);
    let text = errors.to_string();
    assert!(text.contains("add the section `[policy]` with at least `model`"), "{text}");
}

#[test]
fn a_missing_key_points_at_its_table() {
    let errors =
        on_quickstart("[[pool.workers]]\nname = \"a\"\nkind = \"openai\"\nmodel = \"m\"\n");
    let (kind, key, text) = only(&errors);
    assert_eq!((kind, key), (ErrorKind::Missing, "pool.workers[0].base_url"));
    assert!(text.contains("--> run.toml:2:1"), "{text}");
    assert!(text.contains("The part before"), "{text}");

    let errors = on_quickstart("[[pool.workers]]\nname = \"a\"\n");
    let (kind, key, text) = only(&errors);
    assert_eq!((kind, key), (ErrorKind::Missing, "pool.workers[0].kind"));
    assert!(text.contains("`recorded`, `vote`, `openai`, `simulated`"), "{text}");
}

#[test]
fn unknown_keys_name_the_nearest_key_or_its_true_place() {
    for (text, key, help) in [
        ("[trian]\nsteps = 1\n", "trian", "did you mean `train`?"),
        ("[train]\nlr = 1e-4\n", "train.lr", "the key is at `warm_start.lr`, `train.optimizer.lr`"),
        ("[sampling]\ntemp = 1\n", "sampling.temp", "did you mean `sampling.temperature`?"),
        ("[run]\nzzzzzz = 1\n", "run.zzzzzz", "valid keys here, the nearest first: `"),
        (
            "[policy]\nadapter = { kind = \"full\", rank = 4 }\n",
            "policy.adapter.rank",
            "`rank` belongs to `kind = \"lora\"`",
        ),
        (
            "[[pool.workers]]\nname = \"v\"\nkind = \"recorded\"\nrecordin = \"r\"\nrecording = \"r\"",
            "pool.workers[0].recordin",
            "did you mean `pool.workers[0].recording`?",
        ),
    ] {
        let errors = on_quickstart(text);
        let (kind, found, rendered) = only(&errors);
        assert_eq!((kind, found), (ErrorKind::UnknownKey, key));
        assert!(rendered.contains(help), "{rendered}");
    }
}

#[test]
fn values_out_of_range_say_the_range() {
    for (set, expected) in [
        ("train.clip_low=1", "expected above 0 and below 1, got 1"),
        ("train.clip_low=-0.1", "expected above 0 and below 1, got -0.1"),
        ("train.tasks_per_step=0", "expected at least 1 and at most 4294967295, got 0"),
        ("train.kl_weight=-1", "expected at least 0, got -1"),
        ("train.optimizer.lr=0", "expected above 0, got 0"),
        ("train.optimizer.lr=nan", "expected a finite number, got NaN"),
        ("train.optimizer.lr=-inf", "expected a finite number, got -inf"),
        ("train.optimizer.lr=1e999", "expected a finite number, got inf"),
        ("train.optimizer.warmup_share=1.5", "expected at least 0 and at most 1, got 1.5"),
        ("sampling.temperature=0", "expected above 0, got 0"),
        ("workflow.max_steps=17", "expected at least 1 and at most 16, got 17"),
        ("workflow.max_steps=0", "expected at least 1 and at most 16, got 0"),
        ("policy.adapter.rank=0", "expected at least 1"),
        ("reward.cost_unit_usd=0", "expected above 0, got 0"),
        ("checkpoint.every_steps=0", "expected at least 1"),
        ("checkpoint.keep_last=0", "expected at least 1"),
        ("train.steps=4294967296", "at most 4294967295, got 4294967296"),
        ("train.steps=-1", "expected at least 0"),
        ("run.seed=9223372036854775808", "got more than 64 bits hold"),
        ("run.seed=-1", "expected at least 0"),
        ("run.name=", "expected a text, got an empty one"),
        ("pool.workers=[]", "expected at least 1 element, got 0"),
        ("tasks.sources=[]", "expected at least 1 element, got 0"),
        (r#"workflow.show=["name","name"]"#, "stands twice"),
        ("policy.adapter.targets=[]", "expected at least 1 element, got 0"),
    ] {
        let request = LoadRequest {
            preset: Some("quickstart".into()),
            sets: vec![set.into()],
            ..Default::default()
        };
        let errors = load(&request).expect_err(set);
        let (kind, _, text) = only(&errors);
        assert_eq!(kind, ErrorKind::OutOfRange, "{set}: {text}");
        assert!(text.contains(expected), "{set}: {text}");
        assert!(text.contains("--> --set:1:"), "{set}: {text}");
    }
}

#[test]
fn wrong_types_say_what_to_write() {
    for (text, expected) in [
        ("[train]\nsteps = 5.0\n", "expected an integer, got a float"),
        ("[train]\nsteps = 5.0\n", "write 5 without the point"),
        ("[tasks]\nonly_recorded = \"true\"\n", "write true without quotes"),
        ("[policy]\nmodel = 5\n", "put it into quotes"),
        ("[policy]\nadapter = \"lora\"\n", "write { kind = … }: `full`, `lora`"),
        ("[pool]\nworkers = { name = \"a\" }\n", "write `[[pool.workers]]`"),
        ("[workflow]\nshow = \"name\"\n", "put it into [brackets]"),
        ("train = 5\n", "expected a table, got an integer"),
        ("[run]\nseed = 1979-05-27\n", "expected an integer, got a date"),
        ("[[train]]\nsteps = 1\n", "expected a table, got an array"),
    ] {
        let errors = on_quickstart(text);
        let (kind, _, rendered) = only(&errors);
        assert_eq!(kind, ErrorKind::WrongType, "{rendered}");
        assert!(rendered.contains(expected), "{rendered}");
    }
}

#[test]
fn environment_and_arguments_have_carets_too() {
    let request = LoadRequest {
        preset: Some("quickstart".into()),
        env: vec![("CONDUCTOR__TRAIN__STEPZ".into(), "5".into())],
        sets: vec!["train.steps=many".into(), "nonsense".into()],
        ..Default::default()
    };
    let errors = load(&request).unwrap_err();
    let expected = "\
error: unknown key `train.stepz`
 --> environment:1:1
  |
1 | CONDUCTOR__TRAIN__STEPZ=5
  | ^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `train.steps`?

error: `train.steps`: expected an integer, got a string
 --> --set:1:13
  |
1 | train.steps=many
  |             ^^^^

error: expected `section.key=value`, got no `=`
 --> --set:1:1
  |
1 | nonsense
  | ^^^^^^^^

3 errors in the configuration";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn broken_syntax_is_shown_beside_what_can_still_be_believed() {
    let errors = on_quickstart("[train]\nstepz = 1\nsteps = = 5\ngroup_size = \"x\"\n");
    let kinds: Vec<ErrorKind> = errors.iter().map(|e| e.kind).collect();
    assert_eq!(kinds[..2], [ErrorKind::UnknownKey, ErrorKind::Syntax], "{errors}");
    assert!(kinds.contains(&ErrorKind::WrongType), "{errors}");
    assert!(errors.to_string().contains("--> run.toml:4:"), "{errors}");

    // Behind a broken header keys land in another section; nothing is said of them.
    let errors = on_quickstart("[run\nname = \"a\"\n[train]\nsteps = 1\n");
    assert!(errors.iter().all(|e| e.kind == ErrorKind::Syntax), "{errors}");
    let errors = on_quickstart("[train]\nsteps = 1\nsteps = 2\n");
    let (kind, _, text) = only(&errors);
    assert_eq!(kind, ErrorKind::Syntax);
    assert!(text.contains("duplicate key") && text.contains("run.toml:4:1"), "{text}");
}

#[test]
fn a_file_that_is_no_toml_is_no_flood() {
    let errors = errors(&"{\"a\": [1, 2]},\n".repeat(2_000));
    assert_eq!(errors.len(), 10, "{errors}");
    assert!(errors.to_string().contains("further places are no TOML"), "{errors}");
}

#[test]
fn files_and_presets_that_are_not_there() {
    let request = LoadRequest { file: Some("no/such.toml".into()), ..Default::default() };
    let errors = load(&request).unwrap_err();
    let (kind, _, text) = only(&errors);
    assert_eq!(kind, ErrorKind::Source);
    assert!(text.contains("cannot read no/such.toml"), "{text}");

    let errors = self::errors("preset = \"quikstart\"\n");
    let (kind, key, text) = only(&errors);
    assert_eq!((kind, key), (ErrorKind::Source, "preset"));
    assert!(
        text.contains("did you mean \"quickstart\"?") && text.contains("run.toml:1:10"),
        "{text}"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    std::fs::write(&path, b"[run]\nname = \"\xff\"\n").unwrap();
    let request = LoadRequest { file: Some(path), ..Default::default() };
    let errors = load(&request).unwrap_err();
    let (_, _, text) = only(&errors);
    assert!(text.contains("line 2 is not UTF-8"), "{text}");
}

#[test]
fn secrets_never_reach_an_error() {
    let worker = "[[pool.workers]]\nname = \"a\"\nkind = \"openai\"\nmodel = \"m\"\n";
    for text in [
        format!("{worker}base_url = \"http://h/v1\"\napi_key = \"hunter2\"\n"),
        format!("{worker}base_url = \"http://h/v1\"\napi_key_env = \"hunter2 !\"\n"),
        format!("{worker}base_url = \"http://me:hunter2@h/v1\"\n"),
        format!("{worker}base_url = \"http://h/v1\"\napi_key = \"hunter2\n"),
    ] {
        let errors = on_quickstart(&text);
        let json = serde_json::to_string(&errors).unwrap();
        for rendered in [errors.to_string(), json, format!("{errors:?}"), errors.styled()] {
            assert!(!rendered.contains("hunter2"), "{rendered}");
        }
    }
}

#[test]
fn the_machine_form_has_everything_but_the_picture() {
    let errors = on_quickstart("[train]\n  step = 5\n");
    let json = serde_json::to_value(&errors).unwrap();
    let expected = serde_json::json!([{
        "kind": "unknown_key",
        "key": "train.step",
        "message": "unknown key `train.step`",
        "help": "did you mean `train.steps`?",
        "locations": [{ "origin": { "from": "file", "path": "run.toml", "line": 3 }, "column": 3 }],
        "notes": [],
    }]);
    assert_eq!(json, expected);
    let origin = &errors.iter().next().unwrap().locations[0].origin;
    assert_eq!(origin, &Origin::File { path: "run.toml".into(), line: 3 });
}

#[test]
fn long_lines_and_wide_characters_keep_their_carets() {
    let filler = "é".repeat(50_000);
    let text = format!(
        "[run]\nname = \"{filler}\"\n[train]\nadvantage = {{ note = \"{filler}\", \"日本\" = 1 }}\n"
    );
    let errors = on_quickstart(&text);
    let keys: Vec<&str> = errors.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, ["train.advantage.note", "train.advantage.日本"]);
    assert!(errors.to_string().len() < 5_000);
}
