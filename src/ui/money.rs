//! Dollars as a person reads them.

/// "$12.3456", and "$4.20e-5" where four decimals would hide it.
pub fn dollars(usd: f64) -> String {
    if usd != 0.0 && usd.abs() < 0.001 { format!("${usd:.2e}") } else { format!("${usd:.4}") }
}

/// What a run paid, what it did not pay again, and what only the provider knows.
pub fn spending(paid_usd: f64, saved_usd: f64, unsettled_usd: f64) -> String {
    let mut parts = vec![format!("{} paid for workers", dollars(paid_usd))];
    if saved_usd > 0.0 {
        parts.push(format!("{} saved by answers paid before", dollars(saved_usd)));
    }
    if unsettled_usd > 0.0 {
        parts.push(format!("at most {} more for calls that broke off", dollars(unsettled_usd)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_are_not_nothing() {
        assert_eq!(dollars(0.0), "$0.0000");
        assert_eq!(dollars(1.5), "$1.5000");
        assert_eq!(dollars(0.000_042), "$4.20e-5");
        assert_eq!(spending(1.0, 0.0, 0.0), "$1.0000 paid for workers");
        let all = spending(1.0, 0.5, 0.25);
        assert!(
            all.contains("$0.5000 saved")
                && all.ends_with("at most $0.2500 more for calls that broke off"),
            "{all}"
        );
    }
}
