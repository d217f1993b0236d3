//! What a text may be read as, and what it may not: commas, names, units, moduli, words around a number. Most rows were found by
//! changing gold answers of real suites and looking at every verdict that math-verify does not share.

use conductor_reward::math::{self, equal};
use conductor_types::{MathConvention, Verdict};

fn same(gold: &str, found: &str) -> bool {
    equal(gold, found, MathConvention::Standard).unwrap_or_else(|error| panic!("{gold}: {error}"))
}

fn all(pairs: &[(&str, &str)], expected: bool) {
    for (gold, found) in pairs {
        assert_eq!(same(gold, found), expected, "{gold} and {found}");
    }
}

#[test]
fn commas_that_group_thousands_mean_nothing_else() {
    all(
        &[
            ("58,500", "58500"),
            ("58,500", "58, 500"),
            ("2,74", "2.74"),
            ("2.74", "2,74"),
            ("1, 100", "100, 1"),
            ("10,12", "12, 10"),
            ("-2,1", "1,-2"),
            ("1,234.5", "1234.5"),
        ],
        true,
    );
    all(
        &[
            ("22", "22,000"),
            ("276,000", "276"),
            ("58,500", "58.5"),
            ("58,500", "500,58"),
            ("-2,1", "-2,10"),
            ("12", "1 2"),
        ],
        false,
    );
}

#[test]
fn repeating_decimals_are_fractions() {
    all(
        &[
            (r"\frac13", r"0.\overline{3}"),
            (r"\frac16", r"0.1\overline{6}"),
            (r"\frac73", r"2.\overline{3}"),
            (r"\frac{41}{333}", r"0.\bar{123}"),
            (r"\frac13", "0.(3)"),
            (r"0.\overline{3}", r"\frac{3}{9}"),
            (r"-\frac13", r"-0.\overline{3}"),
        ],
        true,
    );
    all(
        &[
            (r"0.\overline{3}", r"0.\overline{6}"),
            (r"2.\overline{3}", "6"),
            (r"0.1\overline{6}", "0.6"),
            ("0", r"0.\overline{3}"),
            (r"0.\overline{3}", "0.3"),
        ],
        false,
    );
}

#[test]
fn equations_for_several_names_keep_their_names() {
    all(&[("x=1, y=2", "y = 2, x = 1"), ("x=1, y=2", "1, 2"), ("x=1, x=2", "x=2, x=1")], true);
    all(
        &[
            ("x=1, y=2", "x=2, y=1"),
            ("a=3, b=4", "a=4, b=3"),
            (r"x=1 \text{ and } y=2", r"x=2 \text{ and } y=1"),
        ],
        false,
    );
}

#[test]
fn either_sign_may_stand_behind_a_name() {
    all(
        &[
            (r"1\pm\sqrt2", r"x=1\pm\sqrt2"),
            (r"x=1\pm\sqrt2", r"1\pm\sqrt2"),
            (r"x=1\pm\sqrt2", r"1+\sqrt2,1-\sqrt2"),
            (r"\pm 3", r"x=\pm3"),
        ],
        true,
    );
    all(&[(r"1\pm\sqrt2", r"x=1+\sqrt2"), (r"\pm 3", "x=3")], false);
}

#[test]
fn words_before_a_number_act_on_it() {
    all(&[("-5", r"\text{negative }5"), ("-5", r"\text{-}5"), ("5", r"\text{exactly }5")], true);
    all(
        &[
            ("5", r"\text{negative }5"),
            ("5", r"\text{minus }5"),
            ("5", r"\text{-}5"),
            ("5", r"\text{half of }5"),
            ("5", r"\text{less than }5"),
            ("5", "not 5"),
            (r"6:00 \text{ PM}", r"\text{6:00 AM}"),
        ],
        false,
    );
    all(&[(r"6:00 \text{ PM}", "6:00 p.m."), (r"6:00 \text{ PM}", "6:00")], true);
}

#[test]
fn a_chain_of_numbers_is_one_where_all_are_the_same() {
    all(
        &[
            ("5", "2+3=5"),
            ("5", "x=2+3=5"),
            ("11", "x=5+5+1=7=11"),
            ("0.33", r"\frac13=0.33"),
            (r"\frac{\pi}{2}", r"90^\circ=\frac{\pi}{2}"),
            ("25", r"\frac14=25\%"),
            ("120", r"2\text{ h}=120\text{ min}"),
            ("54", "204_5=54"),
        ],
        true,
    );
    all(
        &[
            ("2", "3=2"),
            ("2", r"3\text{ cm}=2\text{ cm}"),
            ("101", "100=101"),
            ("7", r"\sqrt{50}=7"),
        ],
        false,
    );
}

#[test]
fn words_behind_a_number_may_leave_it_open() {
    all(
        &[
            ("5", r"5\text{ or any number}"),
            ("5", r"5\text{ or more}"),
            ("5", r"5\text{ (maybe)}"),
            ("5", r"5\text{ or}"),
        ],
        false,
    );
    all(&[("5", r"5\text{ apples in all}"), ("5, 6", r"5\text{ or }6")], true);
}

#[test]
fn units_of_every_form_are_left_out() {
    all(
        &[
            ("4", r"4\,\mathrm{N}"),
            ("4", r"4 \mathrm{m}^2"),
            ("4", r"4\text{ kg}\cdot\text{m/s}^2"),
            ("4", r"4 \frac{\text{m}}{\text{s}}"),
            ("4", r"4^\circ \mathrm{C}"),
            ("4", "4°C"),
        ],
        true,
    );
    all(&[("4", r"4\mathrm{e}"), ("4", r"4\mathbf{v}"), ("4", r"4\,\mathrm{x}")], false);
}

#[test]
fn a_number_modulo_another_is_a_class() {
    all(
        &[
            (r"x\equiv3\pmod7", r"x \equiv 3 \pmod{7}"),
            (r"3 \pmod{7}", "3 (mod 7)"),
            (r"3 \pmod{7}", "3"),
            ("1", r"7 \bmod 2"),
        ],
        true,
    );
    all(&[(r"x\equiv3\pmod7", r"x\equiv3\pmod8"), (r"3\pmod 7", r"3\pmod 8")], false);
}

#[test]
fn scientific_notation_and_sizes_are_forms_of_a_number() {
    all(
        &[
            ("0.002", "2e-3"),
            ("2e-3", "0.002"),
            ("1e-7", "0.0000001"),
            (r"2e-3", r"2 \cdot e - 3"),
            ("18", r"\Large 18"),
            ("18", r"\textcolor{blue}{18}"),
            ("∅", r"\emptyset"),
        ],
        true,
    );
    all(&[("0.002", "2e-2"), ("0.002", "2e3")], false);
}

#[test]
fn answers_of_two_formulas_are_read_whole() {
    for (gold, answer) in [
        ("1, 2", "Answer: $x = 1$ or $x = 2$"),
        ("18", "The answer is:\n\\[\n18\n\\]"),
        ("18", "The answer is:\n$$\n18\n$$"),
        ("18", "The answer is 18 because 3 * 6 is 18."),
        ("12", "The answer is 12 since 3 * 4 is that."),
    ] {
        let graded = math::grade(gold, MathConvention::Standard, answer);
        assert_eq!(graded.verdict, Verdict::Right { score: 1.0 }, "{answer:?}: {graded:?}");
    }
}
