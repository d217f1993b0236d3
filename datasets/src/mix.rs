//! Mixes: how many tasks of a source take part, and how often those of each are drawn in training.

use std::cmp::Ordering;

use conductor_types::seed::{SplitMix, derive};

use crate::DataError;
use crate::order::{Cut, Stream, tasks_of_step};

/// The places in `ids` of at most `cap` of them, ascending, chosen by a hash of id and seed: the same ones whatever their order,
/// and a smaller cap chooses some of a larger one's.
pub fn capped<'a>(ids: impl Iterator<Item = &'a str>, cap: usize, seed: u64) -> Vec<usize> {
    let mut hashed: Vec<(u64, usize)> =
        ids.enumerate().map(|(place, id)| (derive(seed, "cap", &[id]), place)).collect();
    if cap < hashed.len() {
        hashed.select_nth_unstable(cap);
        hashed.truncate(cap);
    }
    let mut places: Vec<usize> = hashed.into_iter().map(|(_, place)| place).collect();
    places.sort_unstable();
    places
}

/// How many of `size` things each weight gets: its part of them, to a whole number (Webster's method, the first of equals first).
pub fn parts(weights: &[f64], size: usize) -> Vec<usize> {
    let mut parts = vec![0usize; weights.len()];
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return parts;
    }
    // Rounding gives each its part but for one; what is too many or missing follows by the divisors.
    for (part, weight) in parts.iter_mut().zip(weights) {
        *part = (size as f64 * weight / total).round() as usize;
    }
    let due = |part: usize, weight: f64| (2.0 * part as f64 + 1.0) / weight;
    loop {
        let sum: usize = parts.iter().sum();
        let places = (0..parts.len()).filter(|&i| weights[i] > 0.0);
        match sum.cmp(&size) {
            Ordering::Less => {
                let next = |&i: &usize| due(parts[i], weights[i]);
                let Some(place) = places.min_by(|a, b| next(a).total_cmp(&next(b))) else {
                    return parts;
                };
                parts[place] += 1;
            }
            Ordering::Greater => {
                let last = |&i: &usize| due(parts[i] - 1, weights[i]);
                let some = places.filter(|&i| parts[i] > 0);
                let Some(place) = some.max_by(|a, b| last(a).total_cmp(&last(b))) else {
                    return parts;
                };
                parts[place] -= 1;
            }
            Ordering::Equal => return parts,
        }
    }
}

/// Training tasks of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// The source's file, for errors.
    pub name: String,
    /// How often its tasks are drawn, relative to other lanes' weights; above 0.
    pub weight: f64,
    /// Its training tasks, as places among all of them.
    pub tasks: Vec<usize>,
}

/// The order in which training visits tasks. It has no state: what a step draws follows from the seed and the step alone.
///
/// Without weights each epoch visits every task once ([`tasks_of_step`]). With weights the draws are dealt out to the sources in
/// proportion, as evenly as whole draws allow: after any number p of draws a source has had its share of p, but for a draw or
/// so. What a source's draws are is its own sequence of epochs, each of which visits each of its tasks once. No task comes
/// twice in a step.
#[derive(Debug, Clone)]
pub struct TrainOrder {
    tasks: usize,
    per_step: usize,
    lanes: Vec<Dealt>,
}

/// A lane with its weight as a whole number, so that counting is exact.
#[derive(Debug, Clone)]
struct Dealt {
    weight: u128,
    tasks: Vec<usize>,
}

/// Weights are whole multiples of this part of one.
const UNIT: f64 = (1u64 << 20) as f64;

impl TrainOrder {
    /// The order of `tasks` training tasks, `per_step` a step. `lanes` hold each of them once, or are none where there are no
    /// weights.
    ///
    /// Errors: nothing to order, or a lane with fewer tasks than a step may draw from it.
    pub fn new(tasks: usize, per_step: usize, lanes: Vec<Lane>) -> Result<Self, DataError> {
        if tasks == 0 {
            return Err(DataError::Order { what: "task" });
        }
        if per_step == 0 {
            return Err(DataError::Order { what: "task a step (train.tasks_per_step)" });
        }
        let lanes: Vec<Lane> = lanes.into_iter().filter(|lane| !lane.tasks.is_empty()).collect();
        if lanes.len() < 2 {
            return Ok(Self { tasks, per_step, lanes: Vec::new() });
        }
        let whole = |lane: &Lane| ((lane.weight * UNIT).round() as u128).clamp(1, 1 << 40);
        let dealt: Vec<Dealt> = lanes
            .iter()
            .map(|lane| Dealt { weight: whole(lane), tasks: lane.tasks.clone() })
            .collect();
        let order = Self { tasks, per_step, lanes: dealt };
        for (lane, named) in lanes.iter().enumerate() {
            let (most, has) = (order.most(lane), named.tasks.len());
            if most > has as u128 {
                let name = named.name.clone();
                return Err(DataError::Weight { name, has, most: most as u64 });
            }
        }
        Ok(order)
    }

    /// The tasks of a step, as places among all training tasks.
    ///
    /// Errors: a step so far that its draws cannot be counted.
    pub fn step(&self, seed: u64, step: u64) -> Result<Vec<usize>, DataError> {
        if self.lanes.is_empty() {
            return tasks_of_step(seed, self.tasks, self.per_step, step);
        }
        let begin = u128::from(step) * self.per_step as u128;
        let end = begin + self.per_step as u128;
        if end > u128::from(u64::MAX) {
            return Err(DataError::Order { what: "step below 2^64 draws" });
        }
        let mut drawn: Vec<(u128, usize)> = Vec::with_capacity(self.per_step);
        for (number, lane) in self.lanes.iter().enumerate() {
            let (first, behind) = (self.before(number, begin), self.before(number, end));
            let cut = |epoch: u128| self.cut(number, epoch);
            let stream = Stream {
                seed: derive(seed, "mix", &[&number.to_string()]),
                n: lane.tasks.len() as u128,
                most: self.most(number),
                cut: &cut,
            };
            let tasks = stream.draws(first, (behind - first) as usize);
            drawn.extend(
                (first..).zip(tasks).map(|(i, task)| (self.place(number, i), lane.tasks[task])),
            );
        }
        drawn.sort_unstable();
        Ok(drawn.into_iter().map(|(_, task)| task).collect())
    }

    /// A task drawn on its own: each as likely as any, or each source by its weight.
    pub fn draw(&self, rng: &mut SplitMix) -> usize {
        if self.lanes.is_empty() {
            return rng.below(self.tasks);
        }
        let mut at = rng.below(self.total() as usize) as u128;
        for lane in &self.lanes {
            if at < lane.weight {
                return lane.tasks[rng.below(lane.tasks.len())];
            }
            at -= lane.weight;
        }
        unreachable!("a number below the sum of all weights falls into one of them")
    }

    fn total(&self) -> u128 {
        self.lanes.iter().map(|lane| lane.weight).sum()
    }

    /// The place of a lane's draw number `i` among all draws: how many draws of all lanes come before it. Draw i of a lane of
    /// weight w is due at (2i + 1) / w (Webster's divisors), and lanes that are due at once come in their order.
    fn place(&self, lane: usize, i: u128) -> u128 {
        let due = 2 * i + 1;
        let own = self.lanes[lane].weight;
        let others = self.lanes.iter().enumerate().filter(|(other, _)| *other != lane);
        let before = others.map(|(other, dealt)| {
            // The odd numbers o with o / dealt.weight before due / own.
            let bound = due * dealt.weight - u128::from(other > lane);
            (bound / own).div_ceil(2)
        });
        i + before.sum::<u128>()
    }

    /// How many of the first `position` draws are the lane's.
    fn before(&self, lane: usize, position: u128) -> u128 {
        let (mut low, mut high) = (0, position);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.place(lane, middle) < position {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// How the step in which a lane's epoch ends is divided between it and the next.
    fn cut(&self, lane: usize, epoch: u128) -> Cut {
        let per_step = self.per_step as u128;
        let end = (epoch + 1) * self.lanes[lane].tasks.len() as u128;
        let step = self.place(lane, end - 1) / per_step;
        let first = self.before(lane, step * per_step);
        let behind = self.before(lane, (step + 1) * per_step);
        if behind == end {
            return Cut { tail: 0, head: 0 };
        }
        Cut { tail: end - first, head: behind - end }
    }

    /// A step takes no more than this from a lane. While one step's draws fall due, each lane has its share of them, less than
    /// one draw more or less.
    fn most(&self, lane: usize) -> u128 {
        let span = (self.per_step + self.lanes.len() - 1) as u128;
        (span * self.lanes[lane].weight).div_ceil(self.total()).min(self.per_step as u128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(of: &[(f64, usize)]) -> (usize, Vec<Lane>) {
        let mut next = 0;
        let lanes = of
            .iter()
            .enumerate()
            .map(|(i, &(weight, n))| {
                let tasks = (next..next + n).collect();
                next += n;
                Lane { name: format!("source {i}"), weight, tasks }
            })
            .collect();
        (next, lanes)
    }

    fn order(of: &[(f64, usize)], per_step: usize) -> Result<TrainOrder, DataError> {
        let (n, lanes) = lanes(of);
        TrainOrder::new(n, per_step, lanes)
    }

    /// The lane of a task.
    fn lane_of(of: &[(f64, usize)], task: usize) -> usize {
        let mut end = 0;
        of.iter()
            .position(|&(_, n)| {
                end += n;
                task < end
            })
            .unwrap()
    }

    #[test]
    fn a_smaller_cap_is_part_of_a_larger_one_whatever_the_order() {
        let ids: Vec<String> = (0..500).map(|i| format!("task/{i}")).collect();
        let of = |ids: &[String], cap, seed| -> Vec<String> {
            let places = capped(ids.iter().map(String::as_str), cap, seed);
            assert!(places.is_sorted());
            places.into_iter().map(|place| ids[place].clone()).collect()
        };
        let large = of(&ids, 240, 42);
        assert_eq!(large.len(), 240);
        for cap in [0, 1, 100, 239] {
            let small = of(&ids, cap, 42);
            assert_eq!(small.len(), cap);
            assert!(small.iter().all(|id| large.contains(id)), "{cap}");
        }
        let reversed: Vec<String> = ids.iter().rev().cloned().collect();
        let mut again = of(&reversed, 240, 42);
        again.reverse();
        assert_eq!(again, large);
        assert_ne!(of(&ids, 240, 43), large);
        assert_eq!(of(&ids, 501, 42), ids);
        assert_eq!(of(&ids, usize::MAX, 42), ids);
    }

    #[test]
    fn parts_are_whole_and_add_up() {
        assert_eq!(parts(&[1.0; 4], 960), [240; 4]);
        assert_eq!(parts(&[1.0; 3], 10), [4, 3, 3]);
        assert_eq!(parts(&[2.0, 1.0], 3), [2, 1]);
        assert_eq!(parts(&[0.5, 0.5], 3).iter().sum::<usize>(), 3);
        assert_eq!(parts(&[0.0, 3.0], 5), [0, 5]);
        assert_eq!(parts(&[], 5), [0; 0]);
        assert_eq!(parts(&[0.0], 5), [0]);
        for size in 0..200 {
            assert_eq!(parts(&[0.7, 0.1, 0.1, 0.05, 0.05], size).iter().sum::<usize>(), size);
        }
    }

    #[test]
    fn without_weights_the_order_is_that_of_runs_that_have_none() {
        let plain = TrainOrder::new(10, 4, Vec::new()).unwrap();
        for step in 0..20 {
            assert_eq!(plain.step(7, step).unwrap(), tasks_of_step(7, 10, 4, step).unwrap());
        }
        let one = order(&[(3.0, 10)], 4).unwrap();
        assert_eq!(one.step(7, 3).unwrap(), tasks_of_step(7, 10, 4, 3).unwrap());
        let (mut a, mut b) = (SplitMix::new(5), SplitMix::new(5));
        assert_eq!(plain.draw(&mut a), b.below(10));
    }

    #[test]
    fn every_prefix_holds_each_sources_share_to_a_draw() {
        let of = [(1.0, 40), (2.0, 35), (0.5, 20), (0.25, 9)];
        let order = order(&of, 7).unwrap();
        let total: f64 = of.iter().map(|(weight, _)| weight).sum();
        let mut counts = [0.0; 4];
        for step in 0..400u32 {
            for task in order.step(1, u64::from(step)).unwrap() {
                counts[lane_of(&of, task)] += 1.0;
            }
            let draws = f64::from(step + 1) * 7.0;
            for (count, (weight, _)) in counts.iter().zip(of) {
                assert!((count - draws * weight / total).abs() <= 1.5, "{counts:?} of {draws}");
            }
        }
    }

    #[test]
    fn every_source_goes_through_its_epochs_and_no_step_repeats() {
        for (of, per_step) in [
            (vec![(1.0, 10), (1.0, 10)], 4),
            (vec![(1.0, 240), (1.0, 13), (1.0, 100), (1.0, 57)], 4),
            (vec![(3.0, 11), (1.0, 8)], 9),
            (vec![(1.0, 5), (7.0, 6)], 6),
            (vec![(0.001, 30), (1.0, 31)], 8),
            (vec![(0.3, 4), (0.3, 5), (0.4, 6)], 3),
        ] {
            let order = order(&of, per_step).unwrap();
            let mut seen = vec![Vec::new(); of.len()];
            for step in 0..300 {
                let tasks = order.step(9, step).unwrap();
                assert_eq!(tasks.len(), per_step);
                let mut distinct = tasks.clone();
                distinct.sort_unstable();
                distinct.dedup();
                assert_eq!(distinct.len(), per_step, "{of:?}, step {step}: {tasks:?}");
                // A step of its own, out of turn, draws the same.
                assert_eq!(order.step(9, step).unwrap(), tasks);
                for task in tasks {
                    seen[lane_of(&of, task)].push(task);
                }
            }
            for (lane, seen) in seen.iter().enumerate() {
                for epoch in seen.chunks_exact(of[lane].1) {
                    let mut visited = epoch.to_vec();
                    visited.sort_unstable();
                    visited.dedup();
                    assert_eq!(visited.len(), of[lane].1, "{of:?}, source {lane}");
                }
            }
        }
    }

    #[test]
    fn the_weighted_order_is_pinned() {
        // From a second program (Python, hashlib, fractions) that follows the definition. A change breaks the resume of every
        // run that is under way.
        let order = order(&[(1.0, 6), (2.0, 5), (0.5, 4)], 4).unwrap();
        let steps: Vec<Vec<usize>> = (0..6).map(|step| order.step(3, step).unwrap()).collect();
        assert_eq!(steps, PINNED);
    }

    const PINNED: [[usize; 4]; 6] =
        [[8, 3, 10, 13], [7, 0, 9, 6], [5, 7, 12, 10], [2, 8, 6, 4], [9, 11, 10, 1], [9, 8, 2, 6]];

    #[test]
    fn seeds_and_far_steps_make_a_difference_and_no_delay() {
        let order = order(&[(1.0, 50), (2.0, 50)], 4).unwrap();
        assert_ne!(order.step(1, 0).unwrap(), order.step(2, 0).unwrap());
        assert_eq!(order.step(1, u64::from(u32::MAX)).unwrap().len(), 4);
        assert!(matches!(order.step(1, u64::MAX), Err(DataError::Order { .. })));
    }

    #[test]
    fn draws_on_their_own_follow_the_weights() {
        let of = [(1.0, 5), (3.0, 20)];
        let order = order(&of, 4).unwrap();
        let mut rng = SplitMix::new(1);
        let first = (0..8000).filter(|_| lane_of(&of, order.draw(&mut rng)) == 0).count();
        assert!(first.abs_diff(2000) < 150, "{first}");
    }

    #[test]
    fn a_source_too_small_for_its_weight_is_refused() {
        let error = order(&[(9.0, 3), (1.0, 100)], 8).unwrap_err().to_string();
        assert!(error.contains("source 0") && error.contains("3 training tasks"), "{error}");
        assert!(matches!(TrainOrder::new(0, 4, Vec::new()), Err(DataError::Order { .. })));
        assert!(matches!(TrainOrder::new(4, 0, Vec::new()), Err(DataError::Order { .. })));
    }
}
