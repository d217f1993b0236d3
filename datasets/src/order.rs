//! The order in which training tasks are visited. It has no state: the tasks of a step follow from
//! the seed, the number of tasks and the step alone, so a resumed run sees what an uninterrupted one sees.

use conductor_types::seed::{SplitMix, derive};

use crate::DataError;

/// The tasks of a step, as indices below `n`.
///
/// Epochs are laid end to end and cut into steps of `per_step`, so a step may begin in one epoch and end in
/// the next. Each epoch visits every task once, in its own order. No task comes twice in a step unless
/// `per_step` is above `n`.
///
/// Errors: `n` or `per_step` is 0.
///
/// ```
/// use conductor_datasets::tasks_of_step;
/// let mut epoch = [tasks_of_step(7, 6, 3, 0)?, tasks_of_step(7, 6, 3, 1)?].concat();
/// epoch.sort_unstable();
/// assert_eq!(epoch, [0, 1, 2, 3, 4, 5]);
/// # Ok::<(), conductor_datasets::DataError>(())
/// ```
pub fn tasks_of_step(
    seed: u64,
    n: usize,
    per_step: usize,
    step: u64,
) -> Result<Vec<usize>, DataError> {
    if n == 0 {
        return Err(DataError::Order { what: "task" });
    }
    if per_step == 0 {
        return Err(DataError::Order { what: "task a step (train.tasks_per_step)" });
    }
    let per_step = per_step as u128;
    // A step that ends an epoch at its own end shares nothing with the next.
    let cut = |epoch: u128| {
        let tail = (epoch + 1) * n as u128 % per_step;
        Cut { tail, head: per_step - tail }
    };
    let stream = Stream { seed, n: n as u128, most: per_step, cut: &cut };
    Ok(stream.draws(u128::from(step) * per_step, per_step as usize))
}

/// How the step that an epoch ends in is divided: its part in that epoch, 0 where it ends with it, and its part in the next.
pub(crate) struct Cut {
    pub tail: u128,
    pub head: u128,
}

/// The endless sequence of epochs. Positions are 128 bits wide so that no step overflows.
pub(crate) struct Stream<'a> {
    pub seed: u64,
    /// Tasks; at least one.
    pub n: u128,
    /// No step takes more than this.
    pub most: u128,
    pub cut: &'a dyn Fn(u128) -> Cut,
}

impl Stream<'_> {
    /// The tasks at so many positions from `position` on.
    pub fn draws(&self, mut position: u128, count: usize) -> Vec<usize> {
        let mut tasks = Vec::with_capacity(count);
        while tasks.len() < count {
            let start = (position % self.n) as usize;
            let wanted = (count - tasks.len()).min(self.n as usize - start);
            let epoch = self.epoch(position / self.n);
            tasks.extend_from_slice(&epoch[start..start + wanted]);
            position += wanted as u128;
        }
        tasks
    }

    /// Every index once, in the order of this epoch.
    fn epoch(&self, epoch: u128) -> Vec<usize> {
        if self.most > self.n {
            return self.shuffled(epoch);
        }
        // An epoch's head may have to give way to the tail of the one before it. Where the tasks are at
        // least this many, the exchange never reaches an epoch's own tail, so one epoch back is enough to know;
        // below it (few tasks, hence cheap) each epoch depends on all earlier ones.
        let first = if self.n + 1 >= 2 * self.most { epoch.saturating_sub(1) } else { 0 };
        let mut before: Vec<usize> = Vec::new();
        let mut head = 0;
        for e in first..epoch {
            let order = self.after(&before, head, e);
            let cut = (self.cut)(e);
            before = order[(self.n - cut.tail) as usize..].to_vec();
            head = cut.head as usize;
        }
        self.after(&before, head, epoch)
    }

    /// This epoch's own order, with no task of `before` in its `head`: the rest of the step that `before` began.
    fn after(&self, before: &[usize], head: usize, epoch: u128) -> Vec<usize> {
        let mut order = self.shuffled(epoch);
        if before.is_empty() {
            return order;
        }
        let mut taken = vec![false; order.len()];
        for &task in before {
            taken[task] = true;
        }
        let mut free = head;
        for i in 0..head {
            if taken[order[i]] {
                // Never past the end: n − |before| ≥ most − |before| tasks are not taken.
                while taken[order[free]] {
                    free += 1;
                }
                order.swap(i, free);
                free += 1;
            }
        }
        order
    }

    fn shuffled(&self, epoch: u128) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.n as usize).collect();
        SplitMix::new(derive(self.seed, "order", &[&epoch.to_string()])).shuffle(&mut order);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(seed: u64, n: usize, per_step: usize, count: u64) -> Vec<Vec<usize>> {
        (0..count).map(|step| tasks_of_step(seed, n, per_step, step).unwrap()).collect()
    }

    #[test]
    fn every_epoch_is_a_permutation_and_no_step_repeats() {
        for n in 1..=14 {
            for per_step in 1..=n {
                let all = steps(3, n, per_step, 40);
                for step in &all {
                    let mut distinct = step.clone();
                    distinct.sort_unstable();
                    distinct.dedup();
                    assert_eq!(distinct.len(), per_step, "n {n}, {per_step} a step: {step:?}");
                }
                for epoch in all.concat().chunks_exact(n) {
                    let mut visited = epoch.to_vec();
                    visited.sort_unstable();
                    assert_eq!(visited, (0..n).collect::<Vec<_>>(), "n {n}, {per_step} a step");
                }
            }
        }
    }

    #[test]
    fn epochs_differ_and_so_do_seeds() {
        let one = steps(1, 50, 50, 2);
        assert_ne!(one[0], one[1]);
        assert_ne!(one[0], steps(2, 50, 50, 1)[0]);
        assert_eq!(one, steps(1, 50, 50, 2));
    }

    #[test]
    fn the_order_is_pinned() {
        // From a second program (Python, hashlib) that follows the definition. A change breaks the resume of every run
        // that is under way.
        assert_eq!(tasks_of_step(0, 10, 4, 2).unwrap(), PINNED);
    }

    const PINNED: [usize; 4] = [8, 7, 6, 1];

    #[test]
    fn more_tasks_a_step_than_tasks_take_whole_epochs() {
        let step = tasks_of_step(5, 3, 7, 4).unwrap();
        assert_eq!(step.len(), 7);
        for task in 0..3 {
            assert!(step.iter().filter(|&&t| t == task).count() >= 2, "{step:?}");
        }
    }

    #[test]
    fn a_far_step_is_reached_at_once() {
        assert_eq!(tasks_of_step(5, 1000, 64, u64::MAX).unwrap().len(), 64);
    }

    #[test]
    fn nothing_to_order_is_an_error() {
        assert!(matches!(tasks_of_step(0, 0, 4, 0), Err(DataError::Order { .. })));
        let error = tasks_of_step(0, 4, 0, 0).unwrap_err().to_string();
        assert!(error.contains("train.tasks_per_step"), "{error}");
    }
}
