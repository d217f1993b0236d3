//! Judging without a sandbox: outputs and endings as it would give them.

use super::*;
use conductor_sandbox::Plain;

fn rules(mode: Mode) -> Rules {
    Rules::new(&schema::Sandbox::default(), Judging { mode, longest_quote: 40 })
}

fn judge(mode: Mode, expected: &[&str]) -> Judge {
    let expected = expected.iter().map(|text| Expected::Stdout((*text).into())).collect();
    Judge { rules: rules(mode), expected, public: 1, right: 0, failure: None }
}

fn wrote(text: &str) -> Output {
    Output::Stdout(text.as_bytes().to_vec())
}

fn ran(ending: Ending) -> Ran {
    Ran { ending, wall: Duration::ZERO, cpu: Duration::ZERO, peak_bytes: None }
}

/// What the judge says of these outputs, given in order until it has seen enough, and this ending.
fn verdict(mut judge: Judge, outputs: &[&str], ending: Ending) -> Verdict {
    for (test, output) in outputs.iter().enumerate() {
        if judge.see(test, wrote(output)).is_break() {
            return judge.verdict(ran(Ending::Stopped));
        }
    }
    judge.verdict(ran(ending))
}

fn detail(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Right { .. } => "",
        Verdict::Wrong { detail, .. } | Verdict::Unscorable { detail, .. } => detail,
    }
}

#[test]
fn all_tests_passed_is_right_and_the_first_failure_is_named() {
    let native = |outputs: &[&str]| {
        verdict(judge(Mode::Native, &["1", "2", "3"]), outputs, Ending::Finished)
    };
    assert_eq!(native(&["1", "2.0", "3\n"]), Verdict::Right { score: 1.0 });
    let first = native(&["one", "2", "3"]);
    assert_eq!(first.cause(), "wrong_answer");
    assert_eq!(detail(&first), "test 1 of 3 (public): line 1 of the output differs; wrote \"one\"");
    assert!(detail(&native(&["1", "2\n2"])).starts_with("test 2 of 3: the output has 2 lines"));
}

#[test]
fn the_expected_output_is_never_told() {
    let secret = "SECRET-7f3a";
    for output in ["", "x", "x\ny", "SECRET"] {
        let verdict = verdict(judge(Mode::Native, &[secret]), &[output], Ending::Finished);
        assert_eq!(verdict.cause(), "wrong_answer");
        assert!(!detail(&verdict).contains(secret), "{}", detail(&verdict));
    }
}

#[test]
fn long_outputs_are_quoted_from_the_line_that_differs() {
    let numbers: Vec<String> = (0..=100).map(|n| n.to_string()).collect();
    let right = numbers.join("\n");
    let given = right.replace("\n70\n", "\nseventy\n");
    let verdict = verdict(judge(Mode::Native, &[&right]), &[&given], Ending::Finished);
    assert!(detail(&verdict).contains("line 71"), "{}", detail(&verdict));
    assert!(detail(&verdict).contains("wrote \"seventy\\n71\\n"), "{}", detail(&verdict));
    assert!(detail(&verdict).len() < 150);
}

#[test]
fn no_ending_but_the_last_test_passed_is_right() {
    let pending = || judge(Mode::Native, &["1", "2"]);
    for (outputs, ending, cause) in [
        (&["1"][..], Ending::Finished, "sandbox_error"),
        (&[], Ending::Finished, "sandbox_error"),
        (&["1"], Ending::Stopped, "sandbox_error"),
        (&["1", "2"], Ending::Broken { detail: "mount".into() }, "sandbox_error"),
        (&["1", "2"], Ending::BadTests { detail: String::new() }, "bad_test_data"),
        (&["1"], fault(WrongCause::TimeLimit, Some(1)), "time_limit"),
        (&[], fault(WrongCause::CompileError, None), "compile_error"),
        (&["1", "2"], fault(WrongCause::RuntimeError, Some(1)), "runtime_error"),
    ] {
        assert_eq!(verdict(pending(), outputs, ending.clone()).cause(), cause, "{ending:?}");
    }
    let verdict = verdict(pending(), &["1"], fault(WrongCause::MemoryLimit, Some(1)));
    assert_eq!(detail(&verdict), "test 2 of 2: said so");
    assert_eq!(judge(Mode::Native, &[]).verdict(ran(Ending::Finished)).cause(), "sandbox_error");
}

fn fault(cause: WrongCause, test: Option<usize>) -> Ending {
    Ending::Fault { cause, detail: "said so".into(), test }
}

#[test]
fn outputs_out_of_order_or_of_the_wrong_kind_are_no_pass() {
    for (test, output) in [(1, wrote("2")), (9, wrote("1")), (0, Output::Value(Plain::None))] {
        let mut judge = judge(Mode::Native, &["1", "2"]);
        assert!(judge.see(test, output).is_break());
        assert_eq!(judge.verdict(ran(Ending::Finished)).cause(), "sandbox_error");
    }
}

#[test]
fn values_are_compared_as_values() {
    let judge = |mode| Judge {
        rules: rules(mode),
        expected: vec![Expected::Value("[[1, 2]]".into())],
        public: 0,
        right: 0,
        failure: None,
    };
    let pair = || Plain::Tuple(vec![Plain::Int("1".into()), Plain::Float("2.0".into())]);
    let returned = || Output::Value(Plain::List(vec![pair()]));
    let mut native = judge(Mode::Native);
    assert!(native.see(0, returned()).is_continue());
    assert_eq!(native.verdict(ran(Ending::Finished)).score(), Some(1.0));
    let mut official = judge(Mode::LcbOfficial);
    assert!(official.see(0, returned()).is_break());
    let verdict = official.verdict(ran(Ending::Stopped));
    assert_eq!(detail(&verdict), "test 1 of 1: returned [(1, 2.0)]");
}

#[test]
fn the_official_comparison_fails_at_a_signalling_number() {
    let of = |mode| verdict(judge(mode, &["1"]), &["sNaN"], Ending::Finished);
    assert_eq!(of(Mode::LcbOfficial).cause(), "runtime_error");
    assert_eq!(of(Mode::Native).cause(), "wrong_answer");
}

#[test]
fn limits_come_from_the_question_then_from_the_rules() {
    let metadata = CodeMetadata::default();
    let none = TestCases::default();
    let question = |time_limit_secs, memory_limit_mib| Question {
        public_test_cases: &none,
        private_test_cases: &none,
        metadata: &metadata,
        time_limit_secs,
        memory_limit_mib,
    };
    let options = schema::Sandbox { time_secs: 2.5, memory_mib: 300, ..Default::default() };
    let native = Rules::new(&options, Judging::default());
    let official = Rules::new(&options, Judging { mode: Mode::LcbOfficial, ..Judging::default() });
    let limits = native.limits(&question(None, None)).unwrap();
    assert_eq!((limits.time, limits.memory_bytes), (Duration::from_millis(2500), 300 << 20));
    assert_eq!(official.limits(&question(None, None)).unwrap().time, Duration::from_secs(6));
    let given = official.limits(&question(Some(0.5), Some(64))).unwrap();
    assert_eq!((given.time, given.memory_bytes), (Duration::from_millis(500), 64 << 20));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 3601.0] {
        assert!(native.limits(&question(Some(bad), None)).unwrap_err().contains("time_limit_secs"));
    }
    for bad in [0, 15, u64::MAX] {
        assert!(native.limits(&question(None, Some(bad))).unwrap_err().contains("memory_limit"));
    }
}
