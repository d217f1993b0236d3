//! Numbers that are to be reached.

use serde::Serialize;

use crate::ui::{Style, Table};

/// A number that is to be reached.
#[derive(Debug, Serialize)]
pub struct Target {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// What is to be reached: a lower bound where `at_least` holds and an upper one elsewhere.
    bound: f64,
    at_least: bool,
    holds: bool,
}

impl Target {
    /// A value that is to be `bound` or more.
    pub fn at_least(name: &'static str, value: f64, unit: &'static str, bound: f64) -> Self {
        Self { name, value, unit, bound, at_least: true, holds: value >= bound }
    }

    /// A value that is to be less than `bound`.
    pub fn under(name: &'static str, value: f64, unit: &'static str, bound: f64) -> Self {
        Self { name, value, unit, bound, at_least: false, holds: value < bound }
    }

    /// A table of targets.
    pub fn table(targets: &[Self], style: Style) -> String {
        let mut table = Table::new(&["quantity", "#measured", "target", "holds"]);
        for target in targets {
            let side = if target.at_least { "at least" } else { "under" };
            table.row([
                target.name.to_owned(),
                format!("{:.2} {}", target.value, target.unit).trim_end().to_owned(),
                format!("{side} {} {}", target.bound, target.unit).trim_end().to_owned(),
                if target.holds { style.good("yes") } else { style.warn("no") },
            ]);
        }
        table.render(style)
    }
}
