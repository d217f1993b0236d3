//! What scripts/make_trl_fixtures.py stored; its code says where each number comes from.

use std::collections::BTreeMap;

use conductor_configs::schema;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Fixture {
    pub model: serde_json::Value,
    pub prompts: Vec<Vec<i64>>,
    pub completions: Vec<Vec<Vec<i64>>>,
    pub runs: BTreeMap<String, Run>,
    pub losses: Vec<LossCase>,
    pub advantages: Vec<AdvantageCase>,
    pub adamw: AdamWCase,
    pub schedules: Vec<ScheduleCase>,
}

/// A whole run by TRL's trainer.
#[derive(Deserialize)]
pub struct Run {
    pub rewards: Vec<Vec<f64>>,
    pub scale_by_std: bool,
    pub loss_type: String,
    pub temperature: f64,
    pub clip_low: f64,
    pub clip_high: f64,
    pub kl_weight: f64,
    pub epochs: u32,
    pub max_new_tokens: u32,
    pub max_steps: u64,
    pub optimizer: schema::Optimizer,
    pub steps: Vec<Step>,
    pub weight_norms: BTreeMap<String, f64>,
    pub weights: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
pub struct Step {
    pub loss: f64,
    pub entropy: f64,
    pub clip_share: f64,
    pub reference_kl: f64,
    pub lr: f64,
    pub gradient_norms: BTreeMap<String, f64>,
    pub gradients: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
pub struct LossCase {
    pub name: String,
    pub loss_type: String,
    pub clip_low: f64,
    pub clip_high: f64,
    pub max_new_tokens: u32,
    pub lengths: Vec<usize>,
    pub advantages: Vec<f32>,
    pub lp: Vec<f32>,
    pub old: Vec<f32>,
    pub loss: f64,
    pub clip_share: f64,
    pub gradient: Vec<f64>,
}

#[derive(Deserialize)]
pub struct AdvantageCase {
    pub scale_by_std: bool,
    pub epsilon: f64,
    pub rewards: Vec<Vec<f64>>,
    pub advantages: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
pub struct AdamWCase {
    pub options: schema::Optimizer,
    pub start: Pair,
    pub steps: Vec<AdamWStep>,
}

#[derive(Deserialize)]
pub struct AdamWStep {
    pub gradients: Pair,
    pub norm: f64,
    pub after: Pair,
}

/// Flat; the matrix is [2, 3], the vector [4].
#[derive(Deserialize)]
pub struct Pair {
    pub matrix: Vec<f32>,
    pub vector: Vec<f32>,
}

#[derive(Deserialize)]
pub struct ScheduleCase {
    pub lr: f64,
    pub warmup: u64,
    pub total: u64,
    pub rates: Vec<f64>,
}

pub fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/trl.json")).expect("the fixture is as described")
}
