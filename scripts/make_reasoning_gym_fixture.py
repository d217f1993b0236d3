#!/usr/bin/env python3
"""Writes the fixture that holds Conductor's reasoning-gym scorers to the package's own.

    pip install reasoning-gym==0.1.25
    python scripts/make_reasoning_gym_fixture.py > reward/tests/fixtures/reasoning_gym.jsonl

One JSON object a line: {"dataset", "gold", "answer" (text or null), "score"}; the score is what the package's
scorer returns for that answer. Golds come from generated questions (fixed seed) and from hand-made hard cases;
answers are the gold, distorted in every way in which a model's answer may differ from it.
"""

import json
import sys

import reasoning_gym
from reasoning_gym.factory import DATASETS

QUESTIONS = 2
SEED = 20

SPECIAL = ["gsm_symbolic", "chain_sum", "products", "spell_backward", "family_relationships", "color_cube_rotation"]
DEFAULT = ["simple_equations", "letter_counting", "leg_counting", "syllogism", "gcd", "base_conversion"]

HAND_MADE_GOLDS = {
    "gsm_symbolic": ["-5", "0", "12.50", "1000000", "not a number", "1_000", "1e3"],
    "chain_sum": ["1000", "-42", "0", "1,234", "123456789012345678901234567890", "0.10"],
    "products": ["1000", "-42", "0", "9007199254740993"],
    "spell_backward": ["olleH", "ÀÉ", "aaaaa", "a", "İx"],
    "family_relationships": ["Mother-in-law", " sister "],
    "color_cube_rotation": ["red", "Straße"],
    "simple_equations": ["-7", "12"],
    "syllogism": ["Yes", "No"],
}

UNRELATED = [
    None, "", " ", ",", ".", "-", "0", "-0", "+0", "00", "0.0", "1", "-1", "nan", "NaN", "sNaN", "inf", "-Infinity",
    "1e3", "1E+3", "1000", "1,000", "1,0,0,0", "1_000", "１０００", "٣", "²", "½", "x-5", "- 5", "-5", "−5", "5-", "12a",
    "a12", "1.25a 3", "3.", ".5", "5.5.5", "$70.00", "70%", "0e99999999999999999999", "1e99999999999999999999",
    "answer", "yes", "no", "Yes", "YES.", "red", "RED ", "the\u00a0answer", "\u001c12\u001c", "\u200b12", "\x00", "💡",
    "9007199254740992", "9007199254740993.0", "12.5", "-42.000", "+42", "=42", "4 2", "hello", "ollehello", "strasse",
    "\ufb01", "İX", "i̇x", "àé",
]


def distortions(gold: str) -> list:
    """The gold answer in every dress that a model may give it."""
    return [
        gold, f" {gold}", f"{gold}\n", f"\t{gold}\u00a0", gold.upper(), gold.lower(), gold.title(), gold.swapcase(),
        f"{gold}.", f"{gold}.0", f"{gold}.00", f"+{gold}", f"-{gold}", f"0{gold}", f"{gold}0", f"${gold}", f"{gold}%",
        f"{gold} apples", f"The answer is {gold}", f"{gold} {gold}", f"({gold})", f"\\boxed{{{gold}}}", f"**{gold}**",
        gold[:-1], gold[1:], gold[::-1], gold + gold[:1], gold.replace("", ",")[1:-1], f"{gold}e0", f"{gold}E1",
        f"{gold}_", f"_{gold}", f"x{gold}", f"{gold}x", f"<b>{gold}</b>", f"{gold},", f"{gold}\u200b", f"é{gold}é",
    ]


def main() -> None:
    seen = set()
    for name in SPECIAL + DEFAULT:
        data = reasoning_gym.create_dataset(name, size=QUESTIONS, seed=SEED)
        golds = [data[i]["answer"] for i in range(QUESTIONS)] + HAND_MADE_GOLDS.get(name, [])
        for gold in golds:
            for answer in distortions(gold) + UNRELATED:
                if (name, gold, answer) in seen:
                    continue
                seen.add((name, gold, answer))
                score = data.score_answer(answer=answer, entry={"answer": gold, "question": "", "metadata": {}})
                print(json.dumps({"dataset": name, "gold": gold, "answer": answer, "score": float(score)}))
    unknown = [name for name in SPECIAL + DEFAULT if name not in DATASETS]
    if unknown:
        sys.exit(f"the installed reasoning-gym has no generators {unknown}; expected version 0.1.25")


if __name__ == "__main__":
    main()
