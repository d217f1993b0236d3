//! Hash splits: the side of a task follows from its id and the seed alone.

use conductor_configs::schema::SplitShares;
use conductor_types::{Split, seed};

use crate::DataError;

/// Shares that add up to 1 within this much are taken as whole: 0.7 + 0.2 + 0.1 is not 1 in binary.
const TOLERANCE: f64 = 1e-6;

/// The split that a task belongs to. Adding or removing other tasks moves none, and a larger test share
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
        SplitShares { train, valid, test, seed: 42 }
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
    fn shares_that_are_none_are_refused() {
        assert!(check(&shares(0.7, 0.2, 0.1)).is_ok());
        for bad in [shares(0.5, 0.2, 0.2), shares(1.5, -0.5, 0.0), shares(f64::NAN, 0.5, 0.5)] {
            assert!(matches!(check(&bad), Err(DataError::Shares { .. })), "{bad:?}");
        }
        let error = check(&shares(0.9, 0.2, 0.2)).unwrap_err().to_string();
        assert!(error.contains("a sum of 1.3"), "{error}");
    }
}
