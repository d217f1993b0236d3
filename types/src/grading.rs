//! The rules by which answers are judged.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How an answer is judged. The gold answer never leaves this process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Grading {
    /// The extracted answer equals the gold text after trimming.
    Exact {
        /// The right answer.
        gold: String,
    },
    /// The extracted answer equals the gold text by RLPR's rules: case folded, a percentage as its number, numbers within
    /// a relative 1e-3.
    Fuzzy {
        /// The right answer.
        gold: String,
    },
    /// One of the first `options` capital letters.
    Choice {
        /// The right letter, "A" to "Z".
        gold: String,
        /// How many options the question lists, 2 to 26.
        options: u8,
    },
    /// A number, equal within `tolerance` relative to the gold value.
    Number {
        /// The right value, as text so that nothing is lost ("0.1", "1e9", "3/4").
        gold: String,
        /// Relative tolerance; 0 asks for equality.
        #[serde(default)]
        tolerance: f64,
    },
    /// A mathematical expression in LaTeX or plain text that equals the gold one.
    Math {
        /// The right expression.
        gold: String,
        /// What counts as equal where suites differ.
        #[serde(default)]
        convention: MathConvention,
    },
    /// A program judged by its outputs on test cases, in LiveCodeBench's form. The expected outputs never enter the process
    /// that runs it.
    Code {
        /// The samples that the question shows.
        #[serde(default)]
        public_test_cases: TestCases,
        /// The tests that it does not show.
        #[serde(default)]
        private_test_cases: TestCases,
        /// What the program must define.
        #[serde(default)]
        metadata: CodeMetadata,
        /// Seconds a test may take; absent means `sandbox.time_secs`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_limit_secs: Option<f64>,
        /// MiB of memory; absent means `sandbox.memory_mib`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        memory_limit_mib: Option<u64>,
    },
    /// A Python program, judged by running tests behind it.
    Python {
        /// Source that stands before the answer when the answer is only a continuation (`HumanEval`'s prompt).
        #[serde(default)]
        prelude: String,
        /// Source that stands behind the answer and raises when it is wrong.
        tests: String,
        /// Name of the function that must be defined by the answer.
        entry_point: String,
    },
    /// An arithmetic expression that uses each of the numbers once and equals the target.
    Countdown {
        /// The numbers.
        numbers: Vec<u64>,
        /// What the expression must come to.
        target: i64,
    },
    /// An answer scored by the rule of the reasoning-gym generator that made the question.
    ReasoningGym {
        /// The generator's name.
        dataset: String,
        /// The generator's own answer.
        gold: String,
        /// The generator's whole entry, for scorers that read more of it than the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entry: Option<Value>,
    },
    /// A model says whether the answer is right, asked through the pool.
    Judge {
        /// A right answer for the judge to compare with; never shown to another worker.
        gold: String,
        /// What the judge should hold the answer against, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rubric: Option<String>,
    },
    /// The truth is the score that comes with a worker's answer to this task: the recording holds it, or a simulated
    /// worker drew it.
    Recorded,
}

impl Grading {
    /// The kind's name, as files have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Exact { .. } => "exact",
            Self::Fuzzy { .. } => "fuzzy",
            Self::Choice { .. } => "choice",
            Self::Number { .. } => "number",
            Self::Math { .. } => "math",
            Self::Code { .. } => "code",
            Self::Python { .. } => "python",
            Self::Countdown { .. } => "countdown",
            Self::ReasoningGym { .. } => "reasoning_gym",
            Self::Judge { .. } => "judge",
            Self::Recorded => "recorded",
        }
    }
}

/// What counts as equal, where benchmarks differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MathConvention {
    /// As math-verify does: a list is compared without its order, a decimal number to six places. The convention of
    /// math-verify, NeMo-Skills, Qwen2.5-Math and of every set whose answers are read by a machine.
    #[default]
    Standard,
    /// As `Standard`, and a list without brackets is compared in its order. The convention of the MATH benchmark's own
    /// grader.
    Ordered,
    /// Numbers within a relative 1e-4, or a hundred times or a hundredth of one another (a percentage and its value). The
    /// convention of `SkyThought`.
    Tolerant,
}

/// Test cases: a list, or the text that a benchmark ships, which is decoded when it is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TestCases {
    /// Plain.
    List(Vec<TestCase>),
    /// JSON, or LiveCodeBench's base64 of zlib of a pickled text of JSON.
    Encoded(Arc<str>),
}

impl Default for TestCases {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCase {
    /// Standard input, or one JSON value a line for each argument.
    pub input: String,
    /// Standard output, or the JSON of the returned value.
    pub output: String,
    /// Which of the two.
    pub testtype: TestType,
}

/// How a test talks to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestType {
    /// Through standard input and output.
    Stdin,
    /// By a call of a function.
    Functional,
}

/// What a program must define.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CodeMetadata {
    /// The function to call; absent for programs that read standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub func_name: Option<String>,
}
