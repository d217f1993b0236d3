//! The scorers of reasoning-gym's generators (version 0.1.25), so that training needs no Python.
//!
//! Behaviour is held to the package by `tests/fixtures/reasoning_gym.jsonl`, which the package itself scored.

use crate::pytext;

/// How a generator scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scorer {
    /// Equal text gives 1; a text that contains the gold answer gives the gold's share of its characters.
    Contains,
    /// Equal decimal numbers give 1, commas left out; else as [`Scorer::Contains`] on the texts without commas.
    Decimal,
    /// The first number in the text: right gives 1, wrong 0.01.
    FirstNumber,
    /// Each character in its place gives its share; letter case does not count.
    Characters,
    /// Equal but for case and surrounding space gives 1, anything else `otherwise`.
    CaseFolded {
        /// The score of a wrong answer, in hundredths.
        otherwise_percent: u8,
    },
}

/// Generators with the package's default scorer.
const CONTAINS: [&str; 33] = [
    "acre",
    "aiw",
    "arc_1d",
    "base_conversion",
    "basic_arithmetic",
    "bf",
    "binary_alternation",
    "caesar_cipher",
    "count_bits",
    "count_primes",
    "course_schedule",
    "gcd",
    "isomorphic_strings",
    "largest_island",
    "lcm",
    "leg_counting",
    "letter_counting",
    "list_functions",
    "mahjong_puzzle",
    "maze",
    "modulo_grid",
    "number_filtering",
    "number_sequence",
    "ransom_note",
    "rotate_matrix",
    "rotten_oranges",
    "simple_equations",
    "simple_geometry",
    "string_manipulation",
    "string_splitting",
    "string_synthesis",
    "syllogism",
    "word_sequence_reversal",
];

/// The scorer of a generator; `None` for generators whose scorer is not ported (they need the question's metadata).
pub fn scorer(dataset: &str) -> Option<Scorer> {
    match dataset {
        "gsm_symbolic" => Some(Scorer::FirstNumber),
        "chain_sum" | "products" => Some(Scorer::Decimal),
        "spell_backward" => Some(Scorer::Characters),
        "family_relationships" => Some(Scorer::CaseFolded { otherwise_percent: 0 }),
        "color_cube_rotation" => Some(Scorer::CaseFolded { otherwise_percent: 1 }),
        _ => CONTAINS.contains(&dataset).then_some(Scorer::Contains),
    }
}

/// Whether answers to a generator's questions can be scored here.
pub fn supported(dataset: &str) -> bool {
    scorer(dataset).is_some()
}

/// Every generator that can be scored here, sorted.
pub fn supported_datasets() -> Vec<&'static str> {
    let others = [
        "gsm_symbolic",
        "chain_sum",
        "products",
        "spell_backward",
        "family_relationships",
        "color_cube_rotation",
    ];
    let mut names: Vec<&str> = CONTAINS.into_iter().chain(others).collect();
    names.sort_unstable();
    names
}

/// The score in 0..=1 that the generator's own scorer gives; `answer` is the extracted answer.
pub fn score(scorer: Scorer, gold: &str, answer: Option<&str>) -> f64 {
    let Some(answer) = answer else { return 0.0 };
    match scorer {
        Scorer::Contains => contains(gold, answer),
        Scorer::Decimal => decimal(gold, answer),
        Scorer::FirstNumber => first_number(gold, answer),
        Scorer::Characters => characters(gold, answer),
        Scorer::CaseFolded { otherwise_percent } => {
            let fold = |text: &str| pytext::strip(text).to_lowercase();
            if fold(gold) == fold(answer) { 1.0 } else { f64::from(otherwise_percent) / 100.0 }
        }
    }
}

fn contains(gold: &str, answer: &str) -> f64 {
    if answer.is_empty() {
        return 0.0;
    }
    if answer == gold {
        return 1.0;
    }
    share_if_contained(gold, answer)
}

fn share_if_contained(gold: &str, answer: &str) -> f64 {
    if answer.is_empty() || !answer.contains(gold) {
        return 0.0;
    }
    gold.chars().count() as f64 / answer.chars().count() as f64
}

fn decimal(gold: &str, answer: &str) -> f64 {
    let gold = gold.replace(',', "");
    let answer = answer.replace(',', "");
    match (pytext::decimal(&answer), pytext::decimal(&gold)) {
        (Some(a), Some(b)) if a == b => 1.0,
        _ => share_if_contained(&gold, &answer),
    }
}

fn first_number(gold: &str, answer: &str) -> f64 {
    let found = pytext::first_bounded_number(answer).and_then(|number| pytext::float(&number));
    match (found, pytext::float(gold)) {
        #[expect(clippy::float_cmp, reason = "the package compares its floats so")]
        (Some(found), Some(gold)) if found == gold => 1.0,
        (Some(_), Some(_)) => 0.01,
        _ => 0.0,
    }
}

fn characters(gold: &str, answer: &str) -> f64 {
    let gold = gold.to_lowercase();
    let answer = answer.to_lowercase();
    if gold == answer {
        return 1.0;
    }
    let share = 1.0 / gold.chars().count() as f64;
    // Summed one by one, in the package's order, so that rounding is the same.
    let mut score = 0.0;
    for _ in gold.chars().zip(answer.chars()).filter(|(a, b)| a == b) {
        score += share;
    }
    #[expect(clippy::float_cmp, reason = "the package takes the tail's penalty off at exactly 1")]
    if score == 1.0 {
        score -= 0.2;
    }
    score
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generators_that_need_more_than_the_gold_answer_are_not_supported() {
        assert!(supported("gsm_symbolic"));
        assert!(!supported("countdown"));
        assert!(!supported(""));
        assert!(supported_datasets().iter().all(|name| supported(name)));
    }

    #[test]
    fn no_answer_scores_nothing() {
        for name in supported_datasets() {
            let scorer = scorer(name).expect("listed");
            assert!(score(scorer, "4", None).abs() < f64::EPSILON, "{name}");
        }
    }
}
