//! A reward report: files in, numbers out.

use std::collections::BTreeMap;

use conductor_types::RewardParts;
use serde::Serialize;

use super::read::{RewardRow, for_each_reward};
use super::values::{Distribution, Moments};
use crate::episodes::EpisodeFile;
use crate::error::DataError;

/// Spreads below this count as none, as they do where advantages are made.
const NO_SPREAD: f64 = 1e-9;
/// The parts and their sum.
const COLUMNS: usize = RewardParts::NAMES.len() + 1;
/// The name of the sum.
const TOTAL: &str = "total";

/// The rewards of some files of an episode log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RewardReport {
    /// Files read.
    pub files: usize,
    /// The first and the last step among them; `None` where there is no file.
    pub steps: Option<(u64, u64)>,
    /// Episodes read.
    pub episodes: u64,
    /// Those with a reward.
    pub scorable: u64,
    /// How they ended: `malformed`, `ran`, `failed`.
    pub outcomes: BTreeMap<String, u64>,
    /// Those without a reward by cause (`worker_failed`, …); `not_finite` where a reward is no number.
    pub unscorable: BTreeMap<String, u64>,
    /// Each part, and `total` at the end.
    pub parts: Vec<PartReport>,
    /// The part that explains most of the variance within groups; `None` where there is none.
    pub dominant: Option<&'static str>,
    /// What there is to learn from.
    pub groups: Groups,
    /// Whether dear answers are right more often.
    pub cost_and_correctness: CostAndCorrectness,
    /// Whether being right always pays.
    pub right_below_wrong: RightBelowWrong,
}

/// One part of the reward.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartReport {
    /// Its name.
    pub part: &'static str,
    /// Over all episodes with a reward; `None` where there are none.
    pub all: Option<Distribution>,
    /// By the tasks' domain.
    pub by_domain: BTreeMap<String, Distribution>,
    /// Standard deviation within groups, pooled: what its members are told apart by. 0 where no group has two members.
    pub std_within_groups: f64,
    /// Covariance with the total within groups, as a share of the total's variance there. The parts' shares sum to 1; one is
    /// below 0 where the part works against the others. `None` where the total does not vary within any group.
    pub variance_share: Option<f64>,
}

/// What there is to learn from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Groups {
    /// Groups: all episodes of a task in a step and a round.
    pub count: u64,
    /// Those with fewer than two episodes that have a reward.
    pub below_two: u64,
    /// Those whose rewards do not differ, the former included: they teach nothing.
    pub without_spread: u64,
    /// Those whose scores do not differ, all right or all wrong: what they teach is not about being right.
    pub without_score_spread: u64,
}

/// Whether dear answers are right more often: Pearson's correlation of dollars and score over workflows that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct CostAndCorrectness {
    /// Episodes that ran and have a score.
    pub episodes: u64,
    /// Over all of them; `None` where one of the two does not vary.
    pub correlation: Option<f64>,
    /// Of the differences from each group's own means: what a policy sees of it.
    pub within_groups: Option<f64>,
}

/// Right answers whose reward is below that of a wrong one of the same group: there the policy is taught to be wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct RightBelowWrong {
    /// Right answers in groups that have a wrong one too.
    pub right: u64,
    /// Those that earn less than the best wrong one.
    pub below: u64,
}

/// Reads the files one after the other. What is kept is a number a part and episode, and one file's groups.
pub fn reward_report(files: &[EpisodeFile]) -> Result<RewardReport, DataError> {
    let mut tally = Tally::default();
    for file in files {
        let mut groups = BTreeMap::<(String, u32), Vec<Scored>>::new();
        for_each_reward(&file.path, &mut |row| tally.row(row, &mut groups))?;
        for group in groups.values() {
            tally.group(group);
        }
    }
    let steps = files.iter().map(|file| file.step);
    let steps = steps.clone().min().zip(steps.max());
    Ok(tally.report(files.len(), steps))
}

/// A member of a group.
#[derive(Debug, Clone, Copy)]
struct Scored {
    /// The parts and their sum.
    values: [f64; COLUMNS],
    score: f64,
    /// Dollars, of a workflow that ran.
    cost_usd: Option<f64>,
}

#[derive(Default)]
struct Tally {
    episodes: u64,
    outcomes: BTreeMap<String, u64>,
    unscorable: BTreeMap<String, u64>,
    by_domain: BTreeMap<String, [Vec<f64>; COLUMNS]>,
    priced: Vec<(f64, f64)>,
    groups: Groups,
    degrees: u64,
    /// Each part with the total.
    within: [Moments; COLUMNS],
    price_within: Moments,
    right_below_wrong: RightBelowWrong,
}

impl Tally {
    fn row(&mut self, row: RewardRow, groups: &mut BTreeMap<(String, u32), Vec<Scored>>) {
        self.episodes += 1;
        let ran = row.outcome == "ran";
        *self.outcomes.entry(row.outcome).or_default() += 1;
        let group = groups.entry((row.task_id, row.round)).or_default();
        let known = row.reward.zip(row.score);
        let finite = known.filter(|(parts, score)| parts.total().is_finite() && score.is_finite());
        let Some((parts, score)) = finite else {
            // A wrong answer has a cause too, which is not why it has no reward.
            let cause = match (known, row.score, row.cause) {
                (Some(_), _, _) => "not_finite".to_owned(),
                (None, None, Some(cause)) => cause,
                (None, _, _) => "not_shaped".to_owned(),
            };
            *self.unscorable.entry(cause).or_default() += 1;
            return;
        };
        let mut values = [parts.total(); COLUMNS];
        values[..COLUMNS - 1].copy_from_slice(&parts.values());
        let columns = self.by_domain.entry(row.domain).or_default();
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
        let cost_usd = (ran && row.cost_usd.is_finite()).then_some(row.cost_usd);
        self.priced.extend(cost_usd.map(|usd| (usd, score)));
        group.push(Scored { values, score, cost_usd });
    }

    fn group(&mut self, members: &[Scored]) {
        let groups = &mut self.groups;
        groups.count += 1;
        let same = |of: fn(&Scored) -> f64| {
            let pairs: Vec<(f64, f64)> = members.iter().map(|member| (of(member), 0.0)).collect();
            let degrees = pairs.len().saturating_sub(1).max(1) as f64;
            u64::from((Moments::of(&pairs).first / degrees).sqrt() < NO_SPREAD)
        };
        groups.below_two += u64::from(members.len() < 2);
        groups.without_spread += same(|member| member.values[COLUMNS - 1]);
        groups.without_score_spread += same(|member| member.score);
        self.degrees += members.len().saturating_sub(1) as u64;
        for (part, sum) in self.within.iter_mut().enumerate() {
            let with_total = |m: &Scored| (m.values[part], m.values[COLUMNS - 1]);
            *sum = *sum + Moments::of(&members.iter().map(with_total).collect::<Vec<_>>());
        }
        let priced: Vec<(f64, f64)> =
            members.iter().filter_map(|member| Some((member.cost_usd?, member.score))).collect();
        self.price_within = self.price_within + Moments::of(&priced);
        self.compare_right_and_wrong(members);
    }

    fn compare_right_and_wrong(&mut self, members: &[Scored]) {
        let total = |member: &Scored| member.values[COLUMNS - 1];
        let (right, wrong): (Vec<&Scored>, Vec<&Scored>) =
            members.iter().partition(|member| member.score > 0.0);
        let Some(best_wrong) = wrong.into_iter().map(total).reduce(f64::max) else { return };
        let below = right.iter().filter(|member| total(member) < best_wrong - NO_SPREAD).count();
        self.right_below_wrong.right += right.len() as u64;
        self.right_below_wrong.below += below as u64;
    }

    fn report(mut self, files: usize, steps: Option<(u64, u64)>) -> RewardReport {
        let names = RewardParts::NAMES.into_iter().chain([TOTAL]);
        let parts: Vec<PartReport> =
            names.enumerate().map(|(index, name)| self.part(index, name)).collect();
        let dominant = parts[..COLUMNS - 1]
            .iter()
            .filter_map(|part| Some((part.part, part.variance_share?)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(part, _)| part);
        RewardReport {
            files,
            steps,
            episodes: self.episodes,
            scorable: self.episodes - self.unscorable.values().sum::<u64>(),
            outcomes: self.outcomes,
            unscorable: self.unscorable,
            parts,
            dominant,
            groups: self.groups,
            cost_and_correctness: CostAndCorrectness {
                episodes: self.priced.len() as u64,
                correlation: Moments::of(&self.priced).correlation(),
                within_groups: self.price_within.correlation(),
            },
            right_below_wrong: self.right_below_wrong,
        }
    }

    fn part(&mut self, index: usize, part: &'static str) -> PartReport {
        let mut all = Vec::new();
        let mut by_domain = BTreeMap::new();
        for (domain, columns) in &mut self.by_domain {
            let values = std::mem::take(&mut columns[index]);
            all.extend_from_slice(&values);
            by_domain.extend(Distribution::of(values).map(|found| (domain.clone(), found)));
        }
        let Moments { first, second, both } = self.within[index];
        PartReport {
            part,
            all: Distribution::of(all),
            by_domain,
            std_within_groups: (first / self.degrees.max(1) as f64).sqrt(),
            variance_share: (second > NO_SPREAD * NO_SPREAD).then(|| both / second + 0.0),
        }
    }
}
