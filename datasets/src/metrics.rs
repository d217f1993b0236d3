//! The metrics of a run in long form: one row a value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use conductor_types::{Phase, Split};
use serde::de::DeserializeOwned;

use crate::columns::{self, Format, Table};
use crate::error::{DataError, Place, Position, excerpt};
use crate::names;

const FORMAT: Format = Format { name: "metrics", label: "a metrics log", version: 1 };

const COLUMNS: [&str; 6] = ["time_ms", "phase", "split", "step", "name", "value"];

/// What a group of values belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsAt {
    /// Milliseconds since 1970, UTC.
    pub time_ms: u64,
    /// The phase that measured them.
    pub phase: Phase,
    /// The split, where they were measured on one.
    pub split: Option<Split>,
    /// The step, from 0, counted within the phase; for evaluations the finished steps of the weights.
    pub step: u64,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    /// What it belongs to.
    pub at: MetricsAt,
    /// Its name (docs/metrics.md).
    pub name: String,
    /// It; may be NaN or infinite, which is what some diverging runs have to say.
    pub value: f64,
}

/// `metrics.parquet`: held in memory (about 100 bytes a value) and written as a whole by [`MetricsLog::save`].
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsLog {
    path: PathBuf,
    rows: Vec<MetricRow>,
}

impl MetricsLog {
    /// Reads what is there; a missing file is an empty log. Errors: it cannot be read, is no metrics log, or is of a
    /// newer version.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataError> {
        let path = path.into();
        let rows = match path.try_exists() {
            Ok(false) => Vec::new(),
            // Opening says best what is wrong with a path that cannot be looked at.
            Ok(true) | Err(_) => read(&path)?,
        };
        Ok(Self { path, rows })
    }

    /// Every value, in the order of appending.
    pub fn rows(&self) -> &[MetricRow] {
        &self.rows
    }

    /// Adds values. One that is there already for the same phase, split, step and name is replaced, so that a step
    /// that is done again after a resume stands there once. Nothing is on disk before [`MetricsLog::save`].
    pub fn append(&mut self, at: MetricsAt, values: &BTreeMap<String, f64>) {
        self.rows.retain(|row| {
            (row.at.step, row.at.phase, row.at.split) != (at.step, at.phase, at.split)
                || !values.contains_key(&row.name)
        });
        let rows = values.iter().map(|(name, &value)| MetricRow { at, name: name.clone(), value });
        self.rows.extend(rows);
    }

    /// Forgets what lies after a checkpoint with `step` finished training steps, for a resume: that step and later
    /// ones, and evaluations of later weights. An evaluation of the checkpoint's own weights stays, and so does the
    /// warm start, which lies before every training step.
    pub fn truncate_from(&mut self, step: u64) {
        self.rows.retain(|row| match row.at.phase {
            Phase::WarmStart => true,
            Phase::Evaluate => row.at.step <= step,
            _ => row.at.step < step,
        });
    }

    /// Forgets warm-start steps from `step` on, and all that came after the warm start.
    pub fn truncate_warm_start_from(&mut self, step: u64) {
        self.rows.retain(|row| row.at.phase == Phase::WarmStart && row.at.step < step);
    }

    /// Writes the whole log aside, syncs it and puts it in place; after an error the old file stands.
    pub fn save(&self) -> Result<(), DataError> {
        let batches = self.rows.chunks(64 * 1024).map(batch);
        columns::write(&self.path, &FORMAT, &schema(), batches)
    }
}

fn schema() -> Arc<Schema> {
    let field = |name: &str, data_type| Field::new(name, data_type, name == "split");
    let types = [
        DataType::Int64,
        DataType::Utf8,
        DataType::Utf8,
        DataType::Int64,
        DataType::Utf8,
        DataType::Float64,
    ];
    let fields: Vec<Field> = COLUMNS.into_iter().zip(types).map(|(n, t)| field(n, t)).collect();
    Arc::new(Schema::new(fields))
}

fn batch(rows: &[MetricRow]) -> RecordBatch {
    let wholes = |value: fn(&MetricRow) -> u64| {
        Int64Array::from_iter_values(
            rows.iter().map(|row| value(row).try_into().unwrap_or(i64::MAX)),
        )
    };
    let phase = StringArray::from_iter_values(rows.iter().map(|row| names::of(&row.at.phase)));
    let split: StringArray = rows.iter().map(|row| row.at.split.map(Split::as_str)).collect();
    let name = StringArray::from_iter_values(rows.iter().map(|row| &row.name));
    let value = Float64Array::from_iter_values(rows.iter().map(|row| row.value));
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(wholes(|row| row.at.time_ms)),
            Arc::new(phase),
            Arc::new(split),
            Arc::new(wholes(|row| row.at.step)),
            Arc::new(name),
            Arc::new(value),
        ],
    )
    .expect("every column has one value a row and the schema's type")
}

fn read(path: &Path) -> Result<Vec<MetricRow>, DataError> {
    let table = Table::open(path)?;
    table.require(&FORMAT)?;
    let mut rows = Vec::new();
    table.for_each(&COLUMNS, &mut |batch| {
        let whole = |name| columns::get::<Int64Array>(path, batch, name, "whole numbers");
        let text = |name| columns::get::<StringArray>(path, batch, name, "text");
        let (times, steps) = (whole("time_ms")?, whole("step")?);
        let (phases, splits, labels) = (text("phase")?, text("split")?, text("name")?);
        let values = columns::get::<Float64Array>(path, batch, "value", "floats")?;
        for i in 0..batch.num_rows() {
            let place = Place::new(path, Position::Row(rows.len() as u64 + 1));
            let split = splits.is_valid(i).then(|| splits.value(i));
            let at = MetricsAt {
                time_ms: times.value(i).try_into().unwrap_or(0),
                phase: named(&place, "phase", phases.value(i))?,
                split: split.map(|name| named(&place, "split", name)).transpose()?,
                step: steps.value(i).try_into().unwrap_or(0),
            };
            rows.push(MetricRow { at, name: labels.value(i).to_string(), value: values.value(i) });
        }
        Ok(())
    })?;
    Ok(rows)
}

fn named<T: DeserializeOwned>(place: &Place, column: &str, name: &str) -> Result<T, DataError> {
    names::parse(name).ok_or_else(|| DataError::Record {
        place: place.clone(),
        expected: format!("a known name in the column \"{column}\""),
        given: excerpt(name),
    })
}
