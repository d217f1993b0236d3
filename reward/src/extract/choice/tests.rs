use super::*;
use crate::tests::thread_secs;

#[test]
fn letters_are_found_where_an_answer_is_due() {
    for (text, letter) in [
        ("<answer>B</answer>", 'B'),
        ("<answer> (c) </answer>", 'C'),
        ("<answer>b</answer>", 'B'),
        ("<answer>D. Paris</answer>", 'D'),
        ("<answer>Option A</answer> the answer is B", 'A'),
        ("<answer>**B**</answer>", 'B'),
        (r"\boxed{\text{(B)}} hence A", 'B'),
        (r"so \boxed{B}", 'B'),
        ("The answer is (B).", 'B'),
        ("the correct answer is: **C**", 'C'),
        ("Answer: A because", 'A'),
        ("Answer: A, I think", 'A'),
        ("Answer: (a)", 'A'),
        ("**Answer:** $D$", 'D'),
        (r"The answer is $\boxed{B}$.", 'B'),
        ("The answer is a riddle. Still, the answer is B, not C.", 'B'),
        ("The answer is B, C is wrong.", 'B'),
        ("The answer is closest to (A).", 'A'),
        ("Hence the correct option is\n(C).", 'C'),
        ("At first the answer is A.\nAnswer: D\nAnswer: B", 'D'),
        ("B", 'B'),
        (" **(c)**\n", 'C'),
        ("C.", 'C'),
        (r"$\text{D}$", 'D'),
        (r"Answer: \(B\)", 'B'),
        (r"The answer is \(\text{B}\).", 'B'),
        ("Answer: 'B'", 'B'),
        ("Answer: “B”", 'B'),
        (r"\boxed{\textrm{B}}", 'B'),
        (r"\boxed{\,B}", 'B'),
        (r"\boxed{B \text{ (Paris)}}", 'B'),
        ("<answer>The answer is B</answer>", 'B'),
        ("<answer>B — Paris</answer>", 'B'),
        ("<answer>D. Both (A) and (C)</answer>", 'D'),
        ("<answer>C) Vitamin A</answer>", 'C'),
        ("The answer is:\n\\[\nB\n\\]", 'B'),
        ("The answer is (B), since (A) fails.", 'B'),
    ] {
        assert_eq!(choice(text, 4), Ok(letter), "{text:?}");
    }
    assert_eq!(choice("<answer>J</answer>", 10), Ok('J'));
    assert_eq!(choice("The answer is I because it is.", 10), Ok('I'));
}

#[test]
fn letters_in_prose_are_refused() {
    for text in [
        "Because B",
        "B is valid",
        "A. Because B is not valid",
        "I think it's (D).",
        "The answer is Because B",
        "Answer: Because",
        "Answer: A dog",
        "The answer is a number",
        "The answer is A=3",
        "The answer isn't A",
        "",
        "answer: ",
        "The answer is E",
        "E",
        "<answer>Because B</answer>",
        "<answer>A dog</answer>",
        "<answer></answer> Answer: B",
        "<answer>E</answer>",
        "The answer is B is wrong.",
        "<answer>B is not it</answer>",
    ] {
        assert!(choice(text, 4).is_err(), "{text:?}: {:?}", choice(text, 4));
    }
    assert!(choice("The answer is I think B", 10).is_err());
}

#[test]
fn failures_have_names() {
    assert_eq!(choice("I wonder.", 4), Err(Failure::NotFound));
    assert_eq!(choice("<answer> </answer>", 4), Err(Failure::Empty));
    assert_eq!(choice(r"so \boxed{B", 4), Err(Failure::Unbalanced));
    assert!(matches!(choice("Answer: E", 4), Err(Failure::NotAChoice { last: 'D', .. })));
    for text in [
        "<answer>A, B</answer>",
        "<answer>A and B</answer>",
        "<answer>A/B</answer>",
        "<answer>A\nB\nC\nD</answer>",
        "Answer: A or B",
        "The answer is (A) and (C).",
        r"\boxed{A, C}",
        "<answer>(A) (B) (C) (D)</answer>",
        r"\boxed{A) B) C) D)}",
        r"\boxed{A; B; C; D}",
        "<answer>A. Paris\nB. London\nC. Rome\nD. Berlin</answer>",
        "<answer>A. Paris B. London C. Rome</answer>",
        "The answer is B, or C.",
        "<answer>B, maybe C</answer>",
        "<answer>B (or C)</answer>",
        "<answer>(B) or possibly (C)</answer>",
        "<answer>(b) or (c)</answer>",
        "<answer>B or c</answer>",
        "<answer>B, but also C</answer>",
        "<answer>B|C</answer>",
        "The answer is Option B or Option C.",
        "Answer: B vs C",
        "Answer: B -> C",
        "The answer is B, C are both right.",
        "Answer: B~C",
        "<answer>B, A, C, D</answer>",
        r"\boxed{B \text{ or } C}",
    ] {
        assert!(
            matches!(choice(text, 4), Err(Failure::SeveralChoices { .. })),
            "{text:?}: {:?}",
            choice(text, 4)
        );
    }
}

#[test]
fn long_texts_take_no_time() {
    let began = thread_secs();
    let text = "answer: answer is ".repeat(100_000);
    assert!(choice(&text, 4).is_err());
    let secs = thread_secs() - began;
    assert!(secs < 5.0, "{secs}");
}
