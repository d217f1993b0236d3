//! Columns to episode rows.

use std::path::Path;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray,
};
use conductor_types::{Call, FinishReason, RewardParts, Usage, Workflow};

use super::EpisodeRow;
use super::rewards::RewardRow;
use crate::error::{DataError, Place, Position, excerpt};
use crate::names;

/// Appends the rows of a batch.
pub fn rows(path: &Path, batch: &RecordBatch, rows: &mut Vec<EpisodeRow>) -> Result<(), DataError> {
    rows.reserve(batch.num_rows());
    for i in 0..batch.num_rows() {
        let place = Place::new(path, Position::Row(rows.len() as u64 + 1));
        let row = Reader { path, columns: &|name| batch.column_by_name(name), i };
        rows.push(row.episode(&place)?);
    }
    Ok(())
}

/// Hands over the rows of a batch as far as their rewards go.
pub fn rewards(
    path: &Path,
    batch: &RecordBatch,
    visit: &mut dyn FnMut(RewardRow),
) -> Result<(), DataError> {
    for i in 0..batch.num_rows() {
        let row = Reader { path, columns: &|name| batch.column_by_name(name), i };
        visit(RewardRow {
            task_id: row.text("task_id")?,
            round: row.later("round", |row| Ok(row.count("round")? as u32))?,
            domain: row.text("domain")?,
            outcome: row.text("outcome")?,
            verdict: row.maybe_text("verdict")?,
            cause: row.maybe_text("cause")?,
            score: row.maybe_float("score")?,
            reward: row.reward()?,
            cost_usd: row.float("cost_usd")?,
        });
    }
    Ok(())
}

/// One row of a table, or one item of a list of structs.
struct Reader<'a> {
    path: &'a Path,
    columns: &'a dyn Fn(&str) -> Option<&'a ArrayRef>,
    i: usize,
}

impl<'a> Reader<'a> {
    fn episode(&self, place: &Place) -> Result<EpisodeRow, DataError> {
        let calls = self.list("calls", "a list of structs")?;
        Ok(EpisodeRow {
            step: self.count("step")?,
            task_id: self.text("task_id")?,
            sample: u32::try_from(self.count("sample")?).unwrap_or(u32::MAX),
            // Versions 1 and 2 knew one round.
            round: self.later("round", |row| Ok(row.count("round")? as u32))?,
            domain: self.text("domain")?,
            prompt: self.text("prompt")?,
            prompt_length: self.count("prompt_length")?,
            completion: self.text("completion")?,
            completion_tokens: self.numbers::<Int64Array>("completion_tokens")?.values().to_vec(),
            logprobs: self.numbers::<Float32Array>("logprobs")?.values().to_vec(),
            finish: finish(place, &self.text("finish")?)?,
            outcome: self.text("outcome")?,
            workflow: self
                .maybe_text("workflow")?
                .map(|json| workflow(place, &json))
                .transpose()?,
            format_error: self.pair("format_error", "format_error_message")?,
            calls: self.calls(&calls)?,
            worker_error: self.pair("worker_error", "worker_error_message")?,
            answer: self.maybe_text("answer")?,
            recorded_score: self.maybe_float("recorded_score")?,
            // Versions 1 to 3 did not keep what was found in the answer.
            extracted: self.later("extracted", |row| row.maybe_text("extracted"))?,
            verdict: self.maybe_text("verdict")?,
            cause: self.maybe_text("cause")?,
            detail: self.maybe_text("detail")?,
            score: self.maybe_float("score")?,
            reward: self.reward()?,
            advantage: self.maybe_float("advantage")?,
            cost_usd: self.float("cost_usd")?,
            worker_prompt_tokens: self.count("worker_prompt_tokens")?,
            worker_completion_tokens: self.count("worker_completion_tokens")?,
            critical_path_ms: self.maybe_float("critical_path_ms")?,
        })
    }

    fn calls(&self, list: &ArrayRef) -> Result<Vec<Call>, DataError> {
        let structs: &StructArray = list
            .as_any()
            .downcast_ref()
            .ok_or_else(|| self.wrong("calls", "a list of structs", list))?;
        let columns = |name: &str| structs.column_by_name(name);
        (0..structs.len())
            .map(|i| {
                let item = Reader { path: self.path, columns: &columns, i };
                Ok(Call {
                    step: item
                        .get::<Int32Array>("step", "whole numbers")?
                        .value(i)
                        .try_into()
                        .unwrap_or(0),
                    worker: item.text("worker")?,
                    answer: item.text("answer")?,
                    recorded_score: item.maybe_float("recorded_score")?,
                    usage: Usage {
                        prompt_tokens: item.count("prompt_tokens")?,
                        completion_tokens: item.count("completion_tokens")?,
                        cost_usd: item.float("cost_usd")?,
                        // Version 1 knew no stored answers.
                        saved_usd: item.later("saved_usd", |item| item.float("saved_usd"))?,
                        latency_ms: item.float("latency_ms")?,
                        // Versions 1 and 2 knew neither waiting nor attempts.
                        queue_ms: item.later("queue_ms", |item| item.float("queue_ms"))?,
                        attempts: item
                            .later("attempts", |item| Ok(item.count("attempts")? as u32))?,
                        reused: item.later("reused", |item| item.flag("reused"))?,
                        estimated: item.later("estimated", |item| item.flag("estimated"))?,
                    },
                    error: item.maybe_text("error")?,
                })
            })
            .collect()
    }

    fn reward(&self) -> Result<Option<RewardParts>, DataError> {
        let part = |name| self.maybe_float(name);
        let parts = (part("reward_format")?, part("reward_correctness")?, part("reward_cost")?);
        let (Some(format), Some(correctness), Some(cost)) = parts else { return Ok(None) };
        // Versions 1 to 3 had three parts.
        let later =
            |name| self.later(name, |row| row.maybe_float(name)).map(Option::unwrap_or_default);
        Ok(Some(RewardParts {
            format,
            correctness,
            cost,
            steps: later("reward_steps")?,
            latency: later("reward_latency")?,
            obedience: later("reward_obedience")?,
        }))
    }

    fn pair(&self, kind: &str, message: &str) -> Result<Option<(String, String)>, DataError> {
        let message = self.maybe_text(message)?.unwrap_or_default();
        Ok(self.maybe_text(kind)?.map(|kind| (kind, message)))
    }

    fn text(&self, name: &str) -> Result<String, DataError> {
        Ok(self.maybe_text(name)?.unwrap_or_default())
    }

    fn maybe_text(&self, name: &str) -> Result<Option<String>, DataError> {
        let column = self.get::<StringArray>(name, "text")?;
        Ok(column.is_valid(self.i).then(|| column.value(self.i).to_string()))
    }

    fn count(&self, name: &str) -> Result<u64, DataError> {
        let value = self.get::<Int64Array>(name, "whole numbers")?.value(self.i);
        Ok(u64::try_from(value).unwrap_or(0))
    }

    /// A column that earlier versions lack; there its value is the default.
    fn later<T: Default>(
        &self,
        name: &str,
        read: impl Fn(&Self) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        if (self.columns)(name).is_some() { read(self) } else { Ok(T::default()) }
    }

    fn flag(&self, name: &str) -> Result<bool, DataError> {
        Ok(self.get::<BooleanArray>(name, "true or false")?.value(self.i))
    }

    fn float(&self, name: &str) -> Result<f64, DataError> {
        Ok(self.maybe_float(name)?.unwrap_or(f64::NAN))
    }

    fn maybe_float(&self, name: &str) -> Result<Option<f64>, DataError> {
        let column = self.get::<Float64Array>(name, "floats")?;
        Ok(column.is_valid(self.i).then(|| column.value(self.i)))
    }

    fn list(&self, name: &str, expected: &str) -> Result<ArrayRef, DataError> {
        Ok(self.get::<ListArray>(name, expected)?.value(self.i))
    }

    fn numbers<A: Array + Clone + 'static>(&self, name: &str) -> Result<A, DataError> {
        let list = self.list(name, "a list of numbers")?;
        let numbers: Option<&A> = list.as_any().downcast_ref();
        numbers.cloned().ok_or_else(|| self.wrong(name, "a list of numbers", &list))
    }

    fn get<A: Array + 'static>(&self, name: &str, expected: &str) -> Result<&'a A, DataError> {
        let column = (self.columns)(name).ok_or_else(|| DataError::Column {
            path: self.path.to_path_buf(),
            column: name.to_string(),
            expected: expected.to_string(),
            given: "missing".into(),
        })?;
        column.as_any().downcast_ref().ok_or_else(|| self.wrong(name, expected, column))
    }

    fn wrong(&self, name: &str, expected: &str, found: &ArrayRef) -> DataError {
        DataError::Column {
            path: self.path.to_path_buf(),
            column: name.to_string(),
            expected: expected.to_string(),
            given: found.data_type().to_string(),
        }
    }
}

fn finish(place: &Place, name: &str) -> Result<FinishReason, DataError> {
    names::parse(name).ok_or_else(|| DataError::Record {
        place: place.clone(),
        expected: "\"stop\" or \"length\" in the column \"finish\"".into(),
        given: excerpt(name),
    })
}

fn workflow(place: &Place, json: &str) -> Result<Workflow, DataError> {
    serde_json::from_str(json).map_err(|error| DataError::Record {
        place: place.clone(),
        expected: "a workflow as JSON in the column \"workflow\"".into(),
        given: format!("{} ({error})", excerpt(json)),
    })
}
