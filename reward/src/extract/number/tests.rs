use super::*;
use crate::tests::thread_secs;

fn same(gold: &str, answer: &str) -> bool {
    let gold = Number::parse(gold).unwrap_or_else(|| panic!("gold {gold}"));
    Number::find(answer).is_some_and(|answer| gold.accepts(&answer, 0.0))
}

#[test]
fn one_value_in_many_dresses() {
    for (gold, answer) in [
        ("1000", "1,000"),
        ("5", "$5"),
        ("-5", "-$5.00"),
        ("-5", "$-5"),
        ("-5", "\u{2212}5"),
        ("3/4", "0.75"),
        ("0.75", r"\frac{3}{4}"),
        ("3/4", "6/8"),
        ("1e9", "1,000,000,000"),
        ("0.1", "0.10"),
        ("12", "12."),
        ("12", "x = 12"),
        ("11", "5 + 6 = 11"),
        ("5", "5cm"),
        ("5", "5 apples"),
        ("1234.5", r"1{,}234.5 \text{ dollars}"),
        ("50%", "50%"),
        ("0.5", "50%"),
        ("50", r"50\%"),
        ("1/3", "2/6"),
        ("12345678901234567890", "12345678901234567890"),
        ("7", "$7$"),
        ("45", r"45^{\circ}"),
        ("1/2", r"\frac12"),
        ("2500", r"2.5 \times 10^{3}"),
        ("0.003", "3 × 10^-3 m"),
        ("6", r"6 \text{ cm}"),
        ("6", r"\(6\)"),
        ("-5", "- 5"),
        ("-5", "x = - 5"),
        ("-5", "–5"),
        ("-5", "-(5)"),
        ("-0.5", r"-\left(\frac{1}{2}\right)"),
        ("0.75", "3 / 4"),
        ("1800", "1.8 × 10³ m"),
        ("18", "18 cm^2"),
        ("18", r"18 \text{ cm}^2"),
        ("18", "$18/hour"),
        ("18", "18 m/s"),
        ("18", "approx. 18 g of CO2"),
        ("18", "**Total: 18** apples"),
        ("18", "the total is *18* apples"),
        ("25", "25°C"),
        ("7", "7 = 7.0"),
        ("0.33", "1/3 = 0.33"),
        ("0.5", r"\frac{1}{2} = 50\%"),
        ("120", "2 hours = 120 minutes"),
        ("14", "eggs in week 2 = 14"),
    ] {
        assert!(same(gold, answer), "{gold} and {answer}");
    }
}

#[test]
fn near_is_not_equal() {
    for (gold, answer) in [
        ("0.1", "0.1000000000000000055511151231257827"),
        ("9007199254740993", "9007199254740992"),
        ("1/3", "0.3333333333333333"),
        ("5", "-5"),
        ("1000", "1,00"),
        ("5", "5 or 6"),
        ("2", "2x"),
        ("4", "GPT4"),
        ("3", "3/4/2024"),
        ("3", "3-4"),
        ("11/2", r"1\frac{1}{2}"),
        ("50", "0.5"),
        ("1", ""),
        ("1", "one"),
        ("4", r"\sqrt{4}"),
        ("4", "√4"),
        ("2", r"2\pi"),
        ("2", "2^x"),
        ("8", "2^3"),
        ("10", "10^5"),
        ("5", r"\frac{5}{x}"),
        ("5", "x = 6, x = 5"),
        ("5", r"x = 6 \text{ or } x = 5"),
        ("5", "- 5"),
        ("5", "x - 5"),
        ("5", "5!"),
        ("5", "5²"),
        ("5", "5½"),
        ("5", "±5"),
        ("5", "x > 5"),
        ("5", "x ≠ 5"),
        ("5", "x != 5"),
        ("5", "5 < x"),
        ("5", "f(5)"),
        ("5", "sqrt(5)"),
        ("5", "ln 5"),
        ("5", "5 pi"),
        ("5", "5*pi"),
        ("5", "5 x"),
        ("5", "x / 5"),
        ("5", "2 * 5"),
        ("5", "5%%"),
        ("5", "not 5"),
        ("5", "negative 5"),
        ("5", "half of 5"),
        ("5", "twice 5"),
        ("5", "5 is wrong"),
        ("5", "5 and a half"),
        ("7", "anything but 7"),
        ("7", "everything except 7"),
        ("7", "never 7"),
        ("7", "it isn't 7"),
        ("7", "8 = 7"),
        ("7", "x = 8 = 7"),
        ("7", "8 = x = 7"),
        ("7", "8 cm = 7 cm"),
        ("7", "-7 = 7"),
        ("101", "100 = 101"),
    ] {
        assert!(!same(gold, answer), "{gold} and {answer}");
    }
    assert!(Number::parse("1 2").is_none());
    assert!(Number::parse("five").is_none());
    assert!(Number::parse(&"9".repeat(100_000)).is_none());
}

#[test]
fn tolerance_is_relative_to_the_gold_value() {
    let gold = Number::parse("200").unwrap();
    let answer = |text| Number::parse(text).unwrap();
    assert!(gold.accepts(&answer("200.19"), 1e-3));
    assert!(!gold.accepts(&answer("200.21"), 1e-3));
    let zero = Number::parse("0").unwrap();
    assert!(!zero.accepts(&answer("0.0001"), 1e-3));
    assert!(zero.accepts(&answer("0.000"), 1e-3));
    assert!(Number::parse("1000").is_some_and(|gold| gold.accepts(&answer("999"), 1e-3)));
    let huge = Number::parse("1e400").unwrap();
    assert!(!huge.accepts(&answer("5"), 1e-3));
    assert!(huge.accepts(&answer("1.0001e400"), 1e-3));
    assert!(!Number::parse("1e-400").unwrap().accepts(&answer("1e-500"), 1e-3));
}

#[test]
fn lists_are_read_with_and_without_brackets() {
    for text in ["[1, 2.5]", "(1,2.5)", "1, 5/2", r"$\left\{1, 2.50\right\}$", "x = [1; 2.5]."] {
        let read: Vec<String> =
            list(text).unwrap_or_default().iter().map(Number::canonical).collect();
        assert!(read == ["1", "2.5"] || read == ["1", "5/2"], "{text:?}: {read:?}");
    }
    let named = list("x = 1, x = 5/2").unwrap_or_default();
    assert_eq!(named.iter().map(Number::canonical).collect::<Vec<_>>(), ["1", "5/2"]);
    assert_eq!(list("a, b = 1, 2").map(|list| list.len()), Some(2));
    for text in ["", "[]", "[1, two]", "[1, 2", "[[1], [2]]", &"1,".repeat(300)] {
        assert!(list(text).is_none(), "{text:?}");
    }
    assert_eq!(numbers("<answer>[3]</answer>").map(|list| list.len()), Ok(1));
    assert!(matches!(numbers("<answer>[a]</answer>"), Err(Failure::NotNumbers { .. })));
}

#[test]
fn gsm8ks_own_forms_are_places() {
    let value = |text: &str| number(text).map(|number| number.canonical());
    assert_eq!(value("He has 3.\nA: 1,026"), Ok("1026".into()));
    assert_eq!(
        value("So 18.\n#### 18\nThat was a long way to go, I must say, was it not?"),
        Ok("18".into())
    );
    assert_eq!(value("A: 5\n<answer>6</answer>"), Ok("6".into()));
    assert!(value("long talk, more than a short line holds, that ends\nA:").is_err());
}

#[test]
fn hostile_lengths_take_no_time() {
    let began = thread_secs();
    for part in [r"\frac{1}{2}", "1,", "10^", "9", "-", "answer: ", "\nA: "] {
        let text = format!("<answer>{}</answer>", part.repeat(200_000));
        assert!(number(&text).is_err());
        assert!(numbers(&text).is_err());
        let _ = number(&part.repeat(200_000));
    }
    let secs = thread_secs() - began;
    assert!(secs < 10.0, "{secs}");
}

#[test]
fn answers_are_found_in_texts() {
    for (text, canonical) in [
        ("<answer>1,000</answer>", "1000"),
        (r"so \boxed{\$70.50}", "70.5"),
        ("The answer is 12, since 3 times 4 is 12.", "12"),
        ("Thus:\n\n**42**", "42"),
        ("answer: 3/4", "3/4"),
        ("The answer is 12, assuming n = 9.", "12"),
        ("The answer is 12 when n = 9.", "12"),
        ("<answer>12 (with n=9)</answer>", "12"),
        ("Answer: 12 (3 × 4 = 12)", "12"),
        ("The answer is 18, not 17.", "18"),
        ("The answer is:\n\\[\n18\n\\]", "18"),
        ("The answer is:\n$$\n18\n$$", "18"),
    ] {
        assert_eq!(number(text).map(|n| n.canonical()).as_deref(), Ok(canonical), "{text:?}");
    }
    // More than one candidate is none.
    for text in [
        r"\boxed{5, 6, 7, 8}",
        "<answer>5; 6</answer>",
        "<answer>5, or 6</answer>",
        "<answer>5 (or 6)</answer>",
        "<answer>5. 6.</answer>",
        "<answer>5, maybe 6</answer>",
        "<answer>(5, 6)</answer>",
        "<answer>[5, 6]</answer>",
        "#### 5, 6",
        "A: 5, 6, 7",
        "<answer>x=6, y=5</answer>",
        "<answer>In 2 hours, he makes 5</answer>",
        "<answer>For n = 5, we get 6</answer>",
    ] {
        assert!(matches!(number(text), Err(Failure::NotANumber { .. })), "{text:?}");
    }
    assert!(matches!(number("<answer>twelve</answer>"), Err(Failure::NotANumber { .. })));
    assert_eq!(
        number("No idea, there are 3 ways to see this and 4 more").unwrap_err(),
        Failure::NotFound
    );
}
