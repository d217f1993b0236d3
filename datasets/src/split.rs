//! Splits: by a hash of id and seed alone, by date, or as Python's shuffle has them.

use conductor_configs::schema::{SplitKind, SplitShares};
use conductor_types::{Split, seed};

use crate::DataError;
use crate::python_random::PythonRandom;

/// Shares that add up to 1 within this much are taken as whole: 0.7 + 0.2 + 0.1 is not 1 in binary.
const TOLERANCE: f64 = 1e-6;

/// The split of a task by its hash. Adding or removing other tasks moves none, and a larger test share
/// only takes tasks from its neighbour.
pub fn split_of(id: &str, shares: &SplitShares) -> Split {
    let unit = seed::unit(shares.seed, "split", &[id]);
    // A share of 0 must stay empty even when the others add up to a little less than 1.
    let (train_empty, valid_empty, test_empty) =
        (shares.train <= 0.0, shares.valid <= 0.0, shares.test <= 0.0);
    if !train_empty && (unit < shares.train || (valid_empty && test_empty)) {
        Split::Train
    } else if !valid_empty && (unit < shares.train + shares.valid || test_empty) {
        Split::Valid
    } else {
        Split::Test
    }
}

/// The split of a task where neither the others nor their order count: by hash, or by date where the split is by date and the task
/// has one. Days are compared as text, `YYYY-MM-DD`.
pub(crate) fn alone(id: &str, date: Option<&str>, shares: &SplitShares) -> Split {
    let (SplitKind::Date, Some(date)) = (shares.kind, date) else { return split_of(id, shares) };
    let day = date.get(..10).unwrap_or(date);
    let from = |first: &Option<String>| first.as_deref().is_some_and(|first| day >= first);
    if from(&shares.test_from) {
        Split::Test
    } else if from(&shares.valid_from) {
        Split::Valid
    } else {
        Split::Train
    }
}

/// The splits of `n` tasks in their order: Python's `random.Random(seed).shuffle` over them, then a cut after `train` of them, rounded
/// down, and another after `valid` more.
pub(crate) fn shuffled(n: usize, shares: &SplitShares) -> Vec<Split> {
    let mut order: Vec<usize> = (0..n).collect();
    PythonRandom::new(shares.seed).shuffle(&mut order);
    // As Python's `int(n * share)`.
    let train = ((n as f64 * shares.train) as usize).min(n);
    let valid = ((n as f64 * shares.valid) as usize).min(n - train);
    let mut splits = vec![Split::Test; n];
    for (place, task) in order.into_iter().enumerate() {
        if place < train {
            splits[task] = Split::Train;
        } else if place < train + valid {
            splits[task] = Split::Valid;
        }
    }
    splits
}

/// Errors: a share below 0 or not finite, or a sum that is not 1.
pub(crate) fn check(shares: &SplitShares) -> Result<(), DataError> {
    let SplitShares { train, valid, test, .. } = *shares;
    let fail = |reason: String| Err(DataError::Shares { train, valid, test, reason });
    for (name, share) in [("train", train), ("valid", valid), ("test", test)] {
        if !share.is_finite() || share < 0.0 {
            return fail(format!("{name} = {share}"));
        }
    }
    let sum = train + valid + test;
    if (sum - 1.0).abs() > TOLERANCE {
        return fail(format!("a sum of {sum}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(train: f64, valid: f64, test: f64) -> SplitShares {
        SplitShares { train, valid, test, ..SplitShares::default() }
    }

    fn count(shares: &SplitShares, split: Split) -> usize {
        (0..10_000).filter(|i| split_of(&format!("task/{i}"), shares) == split).count()
    }

    #[test]
    fn sizes_follow_the_shares() {
        let shares = shares(0.6, 0.3, 0.1);
        for (split, expected) in [(Split::Train, 6000), (Split::Valid, 3000), (Split::Test, 1000)] {
            let found = count(&shares, split);
            assert!(found.abs_diff(expected) < 150, "{split}: {found}");
        }
    }

    #[test]
    fn a_share_of_zero_stays_empty() {
        assert_eq!(count(&shares(1.0 - 1e-7, 0.0, 0.0), Split::Train), 10_000);
        assert_eq!(count(&shares(0.0, 1.0, 0.0), Split::Valid), 10_000);
        assert_eq!(count(&shares(0.0, 0.0, 1.0), Split::Test), 10_000);
        assert_eq!(count(&shares(0.7, 0.3 - 1e-7, 0.0), Split::Test), 0);
        assert_eq!(count(&shares(0.5, 0.0, 0.5), Split::Valid), 0);
    }

    #[test]
    fn a_larger_test_share_leaves_training_tasks_where_they_are() {
        let (before, after) = (shares(0.6, 0.2, 0.2), shares(0.6, 0.1, 0.3));
        for i in 0..1000 {
            let id = format!("task/{i}");
            assert_eq!(
                split_of(&id, &before) == Split::Train,
                split_of(&id, &after) == Split::Train
            );
        }
    }

    #[test]
    fn days_decide_and_the_rest_is_hashed() {
        let by_date = SplitShares {
            kind: SplitKind::Date,
            valid_from: Some("2024-08-01".into()),
            test_from: Some("2024-10-01".into()),
            ..SplitShares::default()
        };
        for (date, split) in [
            ("2023-12-31", Split::Train),
            ("2024-07-31T23:59:59", Split::Train),
            ("2024-08-01", Split::Valid),
            ("2024-08-01T00:00:00", Split::Valid),
            ("2024-09-30", Split::Valid),
            ("2024-10-01T00:00:00", Split::Test),
            ("2025-01-01", Split::Test),
        ] {
            assert_eq!(alone("a", Some(date), &by_date), split, "{date}");
        }
        let no_valid = SplitShares { valid_from: None, ..by_date.clone() };
        assert_eq!(alone("a", Some("2024-09-30"), &no_valid), Split::Train);
        for i in 0..100 {
            let id = format!("task/{i}");
            assert_eq!(alone(&id, None, &by_date), split_of(&id, &by_date));
            // Where the hash decides, a date is nothing.
            let hash = SplitShares::default();
            assert_eq!(alone(&id, Some("2025-01-01"), &hash), split_of(&id, &hash));
        }
    }

    #[test]
    fn a_shuffled_split_is_pythons() {
        // Python: order = list(range(20)); random.Random(42).shuffle(order); order[:12], order[12:16], order[16:]
        let shares = SplitShares { kind: SplitKind::PythonShuffle, ..SplitShares::default() };
        let splits = shuffled(20, &shares);
        let of = |split| -> Vec<usize> { (0..20).filter(|&i| splits[i] == split).collect() };
        assert_eq!(of(Split::Train), TRAIN);
        assert_eq!(of(Split::Valid), VALID);
        assert_eq!(of(Split::Test), TEST);
        let counts = |n| {
            let splits = shuffled(n, &shares);
            [Split::Train, Split::Valid, Split::Test]
                .map(|split| splits.iter().filter(|s| **s == split).count())
        };
        assert_eq!(counts(960), [576, 192, 192]);
        assert_eq!(counts(7), [4, 1, 2]);
        assert_eq!(counts(0), [0, 0, 0]);
    }

    const TRAIN: [usize; 12] = [4, 5, 6, 9, 10, 12, 13, 14, 15, 17, 18, 19];
    const VALID: [usize; 4] = [1, 2, 11, 16];
    const TEST: [usize; 4] = [0, 3, 7, 8];

    #[test]
    fn shares_that_are_none_are_refused() {
        assert!(check(&shares(0.7, 0.2, 0.1)).is_ok());
        for bad in [shares(0.5, 0.2, 0.2), shares(1.5, -0.5, 0.0), shares(f64::NAN, 0.5, 0.5)] {
            assert!(matches!(check(&bad), Err(DataError::Shares { .. })), "{bad:?}");
        }
        let error = check(&shares(0.9, 0.2, 0.2)).unwrap_err().to_string();
        assert!(error.contains("a sum of 1.3"), "{error}");
    }
}
