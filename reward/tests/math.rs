//! Mathematical answers: what is equal and what is not, and that nothing takes long.

use std::time::{Duration, Instant};

use conductor_reward::math::{self, Error, canonical, equal, value};
use conductor_types::{MathConvention, Unscorable, Verdict, WrongCause};
use proptest::prelude::*;

fn same(gold: &str, found: &str) -> bool {
    equal(gold, found, MathConvention::Standard).unwrap_or_else(|error| panic!("{gold}: {error}"))
}

#[test]
fn one_answer_in_many_forms() {
    for (gold, found) in [
        (r"\frac{1}{2}", "0.5"),
        (r"\dfrac12", "2/4"),
        ("7", "7.0"),
        (r"2\frac{3}{4}", "11/4"),
        ("2 3/4", "2.75"),
        (r"\frac{\frac{1}{2}}{3}", "1/6"),
        (r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt{2}}{2}"),
        (r"\frac{1}{1+\sqrt2}", r"\sqrt{2}-1"),
        (r"\sqrt{12}", r"2\sqrt{3}"),
        (r"\sqrt[3]{-8}", "-2"),
        (r"8^{2/3}", "4"),
        (r"x^{1/2}", r"\sqrt{x}"),
        (r"5!", "120"),
        (r"\binom{5}{2}", "10"),
        (r"\log_2 32", "5"),
        (r"\ln 8", r"3 \ln 2"),
        (r"\sin^2 x + \cos^2 x", "1"),
        (r"\tan 45^\circ", "1"),
        (r"90^\circ", "90"),
        (r"e^{i\pi} + 1", "0"),
        (r"(2+i)(2-i)", "5"),
        (r"\frac{1}{1+i}", r"\frac{1-i}{2}"),
        (r"|{-3}|", "3"),
        (r"\lfloor 3.7 \rfloor", "3"),
        (r"\sum_{k=1}^{n} k", r"\sum_{k=1}^{n} k"),
        (r"\sum_{k=0}^{4} 2^k", "31"),
        (r"(x+1)^2", "x^2+2x+1"),
        (r"\frac{x^2-1}{x-1}", "x+1"),
        ("x = 5", "5"),
        ("5", r"x = 2 + 3 = 5"),
        ("y = 2x + 1", "2x - y + 1 = 0"),
        ("x^2 + y^2 = 4", "2x^2 + 2y^2 = 8"),
        ("x > 3", "3 < x"),
        ("x > 3", r"(3, \infty)"),
        (r"-2 \le x < 7", "[-2, 7)"),
        (r"|x| < 2", "(-2, 2)"),
        (r"[0,1) \cup (2,3]", r"(2,3] \cup [0,1)"),
        (r"\{1, 2, 3\}", "3, 1, 2"),
        (r"1 \pm \sqrt{2}", r"1-\sqrt2, 1+\sqrt2"),
        ("(1, 2)", r"\left(1, \frac{4}{2}\right)"),
        (r"(x, y) = (1, 2)", "(1,2)"),
        (
            r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
            r"\begin{bmatrix} 1 & 2 \\ 3 & 8/2 \end{bmatrix}",
        ),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "(1, 2)"),
        ("50%", "0.5"),
        ("50", r"50\%"),
        ("1,234,567", "1234567"),
        (r"10{,}000", "10000"),
        ("1.5e3", "1500"),
        (r"3.2 \times 10^{4}", "32000"),
        ("10", r"10\text{ cm}"),
        ("12 apples", "12"),
        (r"\$5.50", "5.5"),
        (r"\text{Evelyn}", "Evelyn"),
        ("B", "(B)"),
        ("b", r"\text{B}"),
        ("3 and 4", "4, 3"),
        ("2^{1000000}", r"2^{1000000}"),
        (r"\frac{\pi}{3}", "60^\\circ \\cdot \\frac{\\pi}{180}"),
        ("7:32", "14:64"),
        ("204_5", "204"),
        ("204_{5}", "0204_5"),
        ("4.123105625617661", r"\sqrt{17}"),
    ] {
        assert!(same(gold, found), "{gold} and {found}");
    }
}

#[test]
fn near_is_not_the_same() {
    for (gold, found) in [
        ("5", "5.001"),
        ("1/3", "0.33"),
        ("0.00000001", "0.00000002"),
        (r"\sqrt{2}", r"\sqrt{3}"),
        (r"\sqrt{1000000000001}", "1000000"),
        ("x+1", "x+2"),
        ("x+1", "y+1"),
        ("x > 3", "x < 3"),
        ("x > 3", r"x \ge 3"),
        ("(1, 2)", "(2, 1)"),
        ("[1, 2]", "(1, 2)"),
        ("1, 2", "1, 2, 3"),
        ("(1,2),(3,4)", "(1,2)"),
        (r"\pm 2", "2"),
        ("2x", "2"),
        ("7 = 11a + c", "11a + c"),
        ("x + z = 1", "1"),
        ("12:00", "1:00"),
        ("204_5", "54"),
        ("204_5", "204_6"),
        ("x", "-x"),
        ("x-y", "xy"),
        ("AB", "ab"),
        ("odd", r"\text{oddd}"),
        ("A", "B"),
        ("10^{10^{10}}", "10^{10^{9}}"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 3 \end{pmatrix}"),
        ("5", ""),
        ("5", "((("),
        ("5", "five hundred"),
        ("12345678901234567890", "12345678901234567891"),
        (r"\sqrt{x^2}", "x"),
        (r"\frac{1}{x}", "x"),
    ] {
        assert!(!same(gold, found), "{gold} and {found}");
    }
}

#[test]
fn conventions_differ_where_suites_do() {
    let under = |convention, gold, found| equal(gold, found, convention).expect("a gold answer");
    for (gold, found, standard, ordered, tolerant) in [
        ("4, 10, -2", "10, 4, -2", true, false, true),
        ("4, 10, -2", "4, 10, -2.0", true, true, true),
        ("3.1416", "3.14159", false, false, true),
        ("0.75", "75", false, false, true),
        ("3.15", "3.14159", false, false, false),
        (r"\{1, 2\}", r"\{2, 1\}", true, true, true),
    ] {
        assert_eq!(under(MathConvention::Standard, gold, found), standard, "{gold}, {found}");
        assert_eq!(under(MathConvention::Ordered, gold, found), ordered, "{gold}, {found}");
        assert_eq!(under(MathConvention::Tolerant, gold, found), tolerant, "{gold}, {found}");
    }
}

#[test]
fn verdicts_name_their_causes() {
    let grade = |gold, text| math::grade(gold, MathConvention::Standard, text);
    let right = grade("1/2", r"so \boxed{\frac{1}{2}}");
    assert_eq!(right.verdict, Verdict::Right { score: 1.0 });
    assert_eq!(right.extracted.as_deref(), Some(r"\frac{1}{2}"));
    let wrong = grade("1/2", r"\boxed{2}").verdict;
    assert!(matches!(wrong, Verdict::Wrong { cause: WrongCause::WrongAnswer, .. }), "{wrong:?}");
    let none = grade("1/2", r"\boxed{2").verdict;
    assert!(matches!(none, Verdict::Wrong { cause: WrongCause::NoAnswer, .. }), "{none:?}");
    let long = "9".repeat(5000);
    for gold in ["", "1/0", r"\frac{1}{", &long] {
        let verdict = grade(gold, "7").verdict;
        let unusable =
            matches!(verdict, Verdict::Unscorable { cause: Unscorable::BadTestData, .. });
        assert!(unusable, "{gold}: {verdict:?}");
    }
    // What cannot be computed with is still equal to its own text.
    assert_eq!(
        grade(r"\frac{1}{", r"<answer>\frac{1}{</answer>").verdict,
        Verdict::Right { score: 1.0 }
    );
}

#[test]
fn equal_answers_vote_together() {
    for group in [
        &["1/2", "0.5", r"\frac{2}{4}", "x = 1/2", r"$\dfrac{1}{2}$"][..],
        &["2x+2", "2(x+1)", "x*2 + 2"],
        &[r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt2}{2}"],
        &["3, 1, 2", r"\{1,2,3\}", "1, 2, 3, 3"],
        &["(0,1)", "0 < x < 1"],
        &["x + y = 1", "2 = 2x + 2y"],
        &["Paris", r"\text{paris}", "paris."],
        &[r"\frac{x^2-1}{x-1}", "x+1"],
    ] {
        for other in &group[1..] {
            assert_eq!(canonical(group[0]), canonical(other), "{group:?}");
        }
    }
    assert_ne!(canonical("1"), canonical("2"));
    assert_ne!(canonical("x"), canonical("y"));
    assert_ne!(canonical("(1,2)"), canonical("[1,2]"));
}

/// Inputs that would take long, or much, without bounds.
fn hostile() -> Vec<String> {
    let nested = |open: &str, close: &str, count: usize| {
        format!("{}x{}", open.repeat(count), close.repeat(count))
    };
    let many = |item: &str, between: &str, count: usize| vec![item; count].join(between);
    let numbered = |from: usize, between: &str, count: usize| {
        (from..from + count).map(|i| format!("x_{{{i}}}")).collect::<Vec<_>>().join(between)
    };
    let mut all = vec![
        "10^10^10".into(),
        "9".repeat(3900),
        "9".repeat(1_000_000),
        format!("({0})!", "9".repeat(300)),
        "1000!".into(),
        many("1000!", "*", 300),
        many("999!", "+", 300),
        format!(r"\binom{{10^{{2000}}}}{{{}}}", 999),
        "(x+y+z+w+1)^{40}".into(),
        "(x+y+z+w+1)^{40} + ((x+y)^{39}+1)^{38}".into(),
        format!("({})^{{30}}", numbered(0, "+", 100)),
        format!(
            "({})*({})*({})",
            numbered(0, "+", 30),
            numbered(40, "+", 30),
            numbered(80, "+", 30)
        ),
        format!(r"\frac{{1}}{{{}}}", many("(x+1/7)", "*", 200)),
        many(r"\frac{x+1}{x+2}", "+", 100),
        many(r"\frac{x+1}{y+2}", "+", 60),
        (1..90).map(|i| format!(r"\sqrt{{{}}}", i * 7 + 1)).collect::<Vec<_>>().join("+"),
        format!(
            r"\frac{{1}}{{{}}}",
            (1..40).map(|i| format!(r"\sqrt{{{i}}}")).collect::<Vec<_>>().join("+")
        ),
        r"\sum_{i=1}^{1000} \sum_{j=1}^{1000} \sum_{k=1}^{1000} \frac{1}{i+j+k}".into(),
        r"\sum_{i=1}^{1000} \frac{1}{i}".into(),
        r"\prod_{i=1}^{1000} (x+i)".into(),
        r"\sum_{n=1}^{\infty} \sum_{m=1}^{\infty} \frac{1}{n^2+m^2}".into(),
        r"\int_0^1 \int_0^1 \int_0^1 \sin(xyz) dx dy dz".into(),
        r"\lim_{x \to 0} \lim_{y \to 0} \frac{\sin(xy)}{xy}".into(),
        r"\sum_{i=1}^{9999999999} i".into(),
        many("2", "^", 1000),
        many("1", "/", 1900),
        many(r"\pm 1", "+", 600),
        many(r"1 \pm 1", ",", 400),
        numbered(0, ",", 400),
        (0..900).map(|i| i.to_string()).collect::<Vec<_>>().join(", "),
        (0..900).rev().map(|i| i.to_string()).collect::<Vec<_>>().join(", "),
        many("1\\frac12", "", 500),
        "1\\frac".repeat(600),
        "!".repeat(3000),
        format!("3{}", "!".repeat(150)),
        format!("5{}", "%".repeat(3000)),
        "|".repeat(3000),
        "x|".repeat(1500),
        "-".repeat(3900),
        "$".repeat(1_000_000),
        "\\boxed{".repeat(100_000),
        "\\text{1".repeat(500),
        "\\begin{pmatrix}".repeat(250),
        format!(r"\begin{{pmatrix}}{}\end{{pmatrix}}", many("1&2&3&4&5&6&7&8&9", r"\\", 9))
            .repeat(6),
        format!(r"\gcd({})", many("10^{700}+1", ",", 200)),
        many("7^{2000}", "/", 60),
        (3..80).map(|i| format!("{i}^{{1500}}")).collect::<Vec<_>>().join("+"),
        (3..80).map(|i| format!(r"\frac{{1}}{{{i}^{{1500}}}}")).collect::<Vec<_>>().join("+"),
        many(r"e^{x}\sin(x+y)", "+", 100),
        format!("x{}", "_{x}".repeat(500)),
        format!("{}=1", many("x", "=", 1000)),
        many("x<1", "<", 600),
        "\u{202e}💥\0".repeat(500),
    ];
    for (open, close) in [
        ("(", ")"),
        ("{", "}"),
        (r"\{", r"\}"),
        ("[", "]"),
        (r"\sqrt{", "}"),
        (r"\sqrt{2+", "}"),
        (r"\sin(1+", ")"),
        (r"(1+x)^{", "}"),
        (r"\frac{1}{1+", "}"),
        ("|", "|"),
        (r"\left|", r"\right|"),
        (r"\sum_{i=1}^{9} (i+", ")"),
        ("-(", ")"),
        ("f(", ")"),
    ] {
        all.extend([8, 20, 38, 300].map(|count| nested(open, close, count)));
    }
    all
}

/// Processor time of this thread, so that other work on the machine does not count; wall time where the system does not
/// say.
fn processor_time(start: Instant) -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|first| first.parse().ok());
    nanoseconds.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

#[test]
fn nothing_takes_long() {
    const LONGEST: Duration = Duration::from_secs(3);
    let started = Instant::now();
    let mut slowest = (Duration::ZERO, String::new());
    for text in hostile() {
        let start = processor_time(started);
        let changed = format!("{text}+1");
        let _ = value(&text);
        let _ = canonical(&text);
        let _ = equal(&text, &changed, MathConvention::Standard);
        let _ = equal("1", &text, MathConvention::Tolerant);
        let _ = math::grade("1", MathConvention::Standard, &text);
        let took = processor_time(started).saturating_sub(start);
        let head: String = text.chars().take(60).collect();
        assert!(took < LONGEST, "{head}: {took:?}");
        if took > Duration::from_millis(300) {
            println!("{head}: {took:?}");
        }
        if took > slowest.0 {
            slowest = (took, head);
        }
    }
    println!("slowest of five computations each: {slowest:?}");
}

#[test]
fn limits_are_named_failures() {
    assert!(matches!(value(&"9".repeat(3900)), Err(Error::Overflow { .. })));
    assert!(matches!(value(&"9".repeat(1_000_000)), Err(Error::TooLong { .. })));
    assert!(matches!(value(&"(".repeat(3000)), Err(Error::TooDeep { .. })));
    assert!(matches!(value(&vec!["1"; 1900].join("/")), Err(Error::TooDeep { .. })));
    assert!(matches!(value("1e99999"), Err(Error::Overflow { .. })));
    assert!(matches!(value(r"\frac{1}{0}"), Err(Error::Undefined { .. })));
    assert!(matches!(value("1 +"), Err(Error::Syntax { .. })));
    assert!(value(&vec!["(x+1/7)"; 500].join("*")).is_err());
}

/// An expression of fractions in plain text, and its value.
fn arithmetic() -> impl Strategy<Value = (String, f64)> {
    let leaf = (-20i32..20, 1i32..20).prop_map(|(over, under)| {
        (format!(r"\frac{{{over}}}{{{under}}}"), f64::from(over) / f64::from(under))
    });
    leaf.prop_recursive(4, 24, 2, |inner| {
        (inner.clone(), inner, 0..3u8).prop_map(|((a, x), (b, y), operator)| match operator {
            0 => (format!("({a} + {b})"), x + y),
            1 => (format!(r"\left({a} - {b}\right)"), x - y),
            _ => (format!(r"({a}) \cdot ({b})"), x * y),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arithmetic_comes_to_its_value((text, expected) in arithmetic()) {
        let got = value(&text).expect("a value");
        prop_assert!((got - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{text}: {got}, {expected}");
    }

    #[test]
    fn order_of_terms_does_not_matter((a, _) in arithmetic(), (b, _) in arithmetic()) {
        let (one, other) = (format!("{a} + x {b}"), format!("{b} x + {a}"));
        prop_assert!(same(&one, &other));
        prop_assert_eq!(canonical(&one), canonical(&other));
        let off = format!("{b} x + {a} + 1");
        prop_assert!(!same(&one, &off));
    }

    #[test]
    fn any_text_is_read_or_refused(
        parts in proptest::collection::vec(
            prop::sample::select(vec![
                "1", "23", ".5", "x", "e", "i", "(", ")", "[", "]", "{", "}", "\\{", "\\}", "+", "-", "*", "/", "^", "_",
                "!", "%", ",", ";", ":", "=", "<", ">", "|", "\\frac", "\\sqrt", "\\pm", "\\sin", "\\log", "\\le",
                "\\in", "\\cup", "\\infty", "\\pi", "\\text{cm}", "\\sum_{k=1}^{3}", "\\begin{pmatrix}",
                "\\end{pmatrix}", "&", "\\\\", "\\int_0^1", "dx", " ", "$", "\\boxed{", "and", "2,345", "é", "\\",
            ]),
            0..40,
        )
    ) {
        let text: String = parts.concat();
        let started = Instant::now();
        let start = processor_time(started);
        let _ = value(&text);
        let _ = canonical(&text);
        let _ = math::grade(&text, MathConvention::Standard, &text);
        if !text.trim().is_empty() {
            prop_assert_eq!(equal(&text, &text, MathConvention::Standard), Ok(true));
        }
        let took = processor_time(started).saturating_sub(start);
        prop_assert!(took < Duration::from_secs(3), "{}: {:?}", text, took);
    }
}
