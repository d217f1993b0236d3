//! `[workflow]`: the form of workflows and what the policy is shown.

use conductor_types::AccessKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The form of workflows and the prompt that asks for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workflow {
    /// How `access_list` is written.
    pub access: AccessKind,
    /// Most steps of a workflow, 1 to 16; the paper's is 5.
    #[schemars(range(min = 1, max = 16))]
    pub max_steps: u32,
    /// Workflows an episode may have: after the first, the policy is shown its answer and writes another workflow, or three
    /// empty lists to let it stand. Each round is an episode of the log, with a group of its own.
    #[schemars(range(min = 1, max = 4))]
    pub rounds: u32,
    /// Worked examples in the prompt, 0 to as many as are built in for the access kind.
    pub examples: u32,
    /// What the prompt says of each worker beside its number, its ordinal in the list, which it always says.
    #[schemars(extend("uniqueItems" = true))]
    pub show: Vec<PromptShow>,
    /// The start of the policy's turn, which it continues.
    pub assistant_prefix: String,
    /// Give the policy the short form of the instructions: for small policies that have learned the form by warm start.
    pub short_instructions: bool,
}

impl Default for Workflow {
    fn default() -> Self {
        Self {
            access: AccessKind::Binary,
            max_steps: 5,
            rounds: 1,
            examples: 3,
            show: Vec::new(),
            assistant_prefix: String::new(),
            short_instructions: false,
        }
    }
}

/// Something that the prompt may say of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptShow {
    /// Its configured name.
    Name,
    /// Its configured description.
    Description,
    /// Its configured size.
    Size,
    /// Its price.
    Price,
    /// Its configured tags.
    Tags,
    /// What it can do (answers from scratch only, combines what it sees).
    Capability,
}
