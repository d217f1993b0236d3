//! How busy a limit on calls at once was kept while there was work for it.

use super::Span;

/// How busy a limit was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Busy {
    /// The mean of the calls under way, as a share of the limit.
    pub share: f64,
    /// Seconds over which the mean runs.
    pub seconds: f64,
}

/// `open` are calls from the moment their inputs are there until the caller has the answer; `under_way` are requests as
/// the server sees them. The mean runs from the first call to the last moment at which more calls are open than `limit` lets
/// through; `None` where there is no such moment.
///
/// A call that pauses after a refusal is open, and so is one whose answer is being written down: what they cost is in the
/// share.
pub fn busy(open: &[Span], under_way: &[Span], limit: usize) -> Option<Busy> {
    let start = open.iter().map(|span| span.0).min_by(f64::total_cmp)?;
    let end = queue_ends(open, limit)?;
    let seconds = end - start;
    let used: f64 =
        under_way.iter().map(|(from, to)| (to.min(end) - from.max(start)).max(0.0)).sum();
    Some(Busy { share: used / (seconds * limit as f64), seconds })
}

/// The last moment at which more than `limit` spans are open.
fn queue_ends(open: &[Span], limit: usize) -> Option<f64> {
    let mut changes: Vec<(f64, isize)> =
        open.iter().flat_map(|&(from, to)| [(from, 1), (to, -1)]).collect();
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut now, mut end) = (0, None);
    for (at, change) in changes {
        if now > limit as isize && now + change <= limit as isize {
            end = Some(at);
        }
        now += change;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_runs_while_more_is_open_than_the_limit_lets_through() {
        // Three calls, a limit of two: the third waits until the first has its answer, at second 4.
        let open = [(0.0, 4.0), (0.0, 6.0), (0.0, 9.0)];
        let under_way = [(1.0, 4.0), (0.0, 5.0), (4.0, 8.0)];
        // Until second 4: three seconds of the first and four of the second, of eight.
        assert_eq!(busy(&open, &under_way, 2), Some(Busy { share: 7.0 / 8.0, seconds: 4.0 }));
        assert_eq!(busy(&open, &under_way, 3), None);
        assert_eq!(busy(&[], &[], 1), None);
    }

    #[test]
    fn a_queue_that_comes_back_counts_with_the_gap_before_it() {
        let open = [(0.0, 2.0), (0.0, 1.0), (5.0, 9.0), (5.0, 7.0)];
        let under_way = [(0.0, 1.0), (1.0, 2.0), (5.0, 7.0)];
        let busy = busy(&open, &under_way, 1).unwrap();
        assert!((busy.share - 4.0 / 7.0).abs() < 1e-12 && (busy.seconds - 7.0).abs() < 1e-12);
    }
}
