//! Episode rows to columns. Version 4 of the format; docs/formats.md has the same table in words.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{Field, Schema};
use conductor_types::{Call, RewardParts};

use super::EpisodeRow;
use crate::names;

/// The schema of version 4.
pub fn schema() -> Arc<Schema> {
    batch(&[]).schema()
}

/// Rows as one batch of the schema.
pub fn batch(rows: &[EpisodeRow]) -> RecordBatch {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns(rows)
        .into_iter()
        .map(|(name, nulls, array)| {
            (Field::new(name, array.data_type().clone(), nulls == Nulls::Allowed), array)
        })
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .expect("every column has one value a row, and nulls only where they are allowed")
}

/// Whether a column may hold nulls.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Nulls {
    Allowed,
    Never,
}

type Column = (&'static str, Nulls, ArrayRef);

/// Every column, in file order.
fn columns(rows: &[EpisodeRow]) -> Vec<Column> {
    let mut columns = policy_columns(rows);
    columns.extend(workflow_columns(rows));
    columns.extend(verdict_columns(rows));
    columns.extend(cost_columns(rows));
    columns
}

fn policy_columns(rows: &[EpisodeRow]) -> Vec<Column> {
    let lists = |lengths: fn(&EpisodeRow) -> usize, values: ArrayRef| {
        list(rows.iter().map(lengths), values)
    };
    let tokens: Int64Array = rows
        .iter()
        .flat_map(|row| row.completion_tokens.iter().copied())
        .collect::<Vec<_>>()
        .into();
    let logprobs: Float32Array =
        rows.iter().flat_map(|row| row.logprobs.iter().copied()).collect::<Vec<_>>().into();
    vec![
        ("step", Nulls::Never, whole(rows, |row| row.step)),
        ("task_id", Nulls::Never, text(rows, |row| &row.task_id)),
        ("sample", Nulls::Never, whole(rows, |row| u64::from(row.sample))),
        ("round", Nulls::Never, whole(rows, |row| u64::from(row.round))),
        ("domain", Nulls::Never, text(rows, |row| &row.domain)),
        ("prompt", Nulls::Never, text(rows, |row| &row.prompt)),
        ("prompt_length", Nulls::Never, whole(rows, |row| row.prompt_length)),
        ("completion", Nulls::Never, text(rows, |row| &row.completion)),
        (
            "completion_tokens",
            Nulls::Never,
            lists(|row| row.completion_tokens.len(), Arc::new(tokens)),
        ),
        ("logprobs", Nulls::Never, lists(|row| row.logprobs.len(), Arc::new(logprobs))),
        ("finish", Nulls::Never, maybe_text(rows, |row| Some(names::of(&row.finish)))),
    ]
}

fn workflow_columns(rows: &[EpisodeRow]) -> Vec<Column> {
    let json = |row: &EpisodeRow| {
        row.workflow.as_ref().map(|workflow| {
            serde_json::to_string(workflow).expect("a workflow is numbers, texts and lists of them")
        })
    };
    let pair = |side: fn(&(String, String)) -> &String| {
        move |pair: &Option<(String, String)>| pair.as_ref().map(|pair| side(pair).clone())
    };
    let (kind, message) = (pair(|pair| &pair.0), pair(|pair| &pair.1));
    vec![
        ("outcome", Nulls::Never, text(rows, |row| &row.outcome)),
        ("workflow", Nulls::Allowed, maybe_text(rows, json)),
        ("format_error", Nulls::Allowed, maybe_text(rows, |row| kind(&row.format_error))),
        (
            "format_error_message",
            Nulls::Allowed,
            maybe_text(rows, |row| message(&row.format_error)),
        ),
        ("calls", Nulls::Never, calls(rows)),
        ("worker_error", Nulls::Allowed, maybe_text(rows, |row| kind(&row.worker_error))),
        (
            "worker_error_message",
            Nulls::Allowed,
            maybe_text(rows, |row| message(&row.worker_error)),
        ),
        ("answer", Nulls::Allowed, maybe_text(rows, |row| row.answer.clone())),
        ("recorded_score", Nulls::Allowed, maybe_float(rows, |row| row.recorded_score)),
    ]
}

fn verdict_columns(rows: &[EpisodeRow]) -> Vec<Column> {
    let part =
        |part: fn(&RewardParts) -> f64| maybe_float(rows, move |row| row.reward.as_ref().map(part));
    vec![
        ("extracted", Nulls::Allowed, maybe_text(rows, |row| row.extracted.clone())),
        ("verdict", Nulls::Allowed, maybe_text(rows, |row| row.verdict.clone())),
        ("cause", Nulls::Allowed, maybe_text(rows, |row| row.cause.clone())),
        ("detail", Nulls::Allowed, maybe_text(rows, |row| row.detail.clone())),
        ("score", Nulls::Allowed, maybe_float(rows, |row| row.score)),
        ("reward", Nulls::Allowed, part(RewardParts::total)),
        ("reward_format", Nulls::Allowed, part(|reward| reward.format)),
        ("reward_correctness", Nulls::Allowed, part(|reward| reward.correctness)),
        ("reward_cost", Nulls::Allowed, part(|reward| reward.cost)),
        ("reward_steps", Nulls::Allowed, part(|reward| reward.steps)),
        ("reward_latency", Nulls::Allowed, part(|reward| reward.latency)),
        ("reward_obedience", Nulls::Allowed, part(|reward| reward.obedience)),
        ("advantage", Nulls::Allowed, maybe_float(rows, |row| row.advantage)),
    ]
}

fn cost_columns(rows: &[EpisodeRow]) -> Vec<Column> {
    vec![
        ("cost_usd", Nulls::Never, maybe_float(rows, |row| Some(row.cost_usd))),
        ("worker_prompt_tokens", Nulls::Never, whole(rows, |row| row.worker_prompt_tokens)),
        ("worker_completion_tokens", Nulls::Never, whole(rows, |row| row.worker_completion_tokens)),
        ("critical_path_ms", Nulls::Allowed, maybe_float(rows, |row| row.critical_path_ms)),
    ]
}

/// `list<struct>`, one list a row; the readers' form of [`Call`].
fn calls(rows: &[EpisodeRow]) -> ArrayRef {
    let all: Vec<&Call> = rows.iter().flat_map(|row| &row.calls).collect();
    let texts = |value: fn(&Call) -> Option<&str>| -> ArrayRef {
        Arc::new(all.iter().map(|&call| value(call)).collect::<StringArray>())
    };
    let wholes = |value: fn(&Call) -> u64| -> ArrayRef {
        Arc::new(all.iter().map(|&call| Some(signed(value(call)))).collect::<Int64Array>())
    };
    let floats = |value: fn(&Call) -> Option<f64>| -> ArrayRef {
        Arc::new(all.iter().map(|&call| value(call)).collect::<Float64Array>())
    };
    let flags = |value: fn(&Call) -> bool| -> ArrayRef {
        Arc::new(all.iter().map(|&call| Some(value(call))).collect::<BooleanArray>())
    };
    let steps: Int32Array =
        all.iter().map(|call| Some(i32::try_from(call.step).unwrap_or(i32::MAX))).collect();
    let columns: Vec<Column> = vec![
        ("step", Nulls::Never, Arc::new(steps)),
        ("worker", Nulls::Never, texts(|call| Some(&call.worker))),
        ("answer", Nulls::Never, texts(|call| Some(&call.answer))),
        ("recorded_score", Nulls::Allowed, floats(|call| call.recorded_score)),
        ("prompt_tokens", Nulls::Never, wholes(|call| call.usage.prompt_tokens)),
        ("completion_tokens", Nulls::Never, wholes(|call| call.usage.completion_tokens)),
        ("cost_usd", Nulls::Never, floats(|call| Some(call.usage.cost_usd))),
        ("saved_usd", Nulls::Never, floats(|call| Some(call.usage.saved_usd))),
        ("latency_ms", Nulls::Never, floats(|call| Some(call.usage.latency_ms))),
        ("queue_ms", Nulls::Never, floats(|call| Some(call.usage.queue_ms))),
        ("attempts", Nulls::Never, wholes(|call| u64::from(call.usage.attempts))),
        ("reused", Nulls::Never, flags(|call| call.usage.reused)),
        ("estimated", Nulls::Never, flags(|call| call.usage.estimated)),
        ("error", Nulls::Allowed, texts(|call| call.error.as_deref())),
    ];
    let columns: Vec<(Arc<Field>, ArrayRef)> = columns
        .into_iter()
        .map(|(name, nulls, array)| {
            let field = Field::new(name, array.data_type().clone(), nulls == Nulls::Allowed);
            (Arc::new(field), array)
        })
        .collect();
    list(rows.iter().map(|row| row.calls.len()), Arc::new(StructArray::from(columns)))
}

/// One list a row, cut from the values of all rows; neither lists nor items are null.
fn list(lengths: impl IntoIterator<Item = usize>, values: ArrayRef) -> ArrayRef {
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), false));
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths), values, None))
}

fn text<'a>(rows: &'a [EpisodeRow], value: impl Fn(&'a EpisodeRow) -> &'a str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(value)))
}

fn maybe_text(rows: &[EpisodeRow], value: impl Fn(&EpisodeRow) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<StringArray>())
}

fn whole(rows: &[EpisodeRow], value: impl Fn(&EpisodeRow) -> u64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| signed(value(row)))))
}

fn maybe_float(rows: &[EpisodeRow], value: impl Fn(&EpisodeRow) -> Option<f64>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<Float64Array>())
}

/// Counts are signed in files, as every reader of Parquet expects; none comes near the limit.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
