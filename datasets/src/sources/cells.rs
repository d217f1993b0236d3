//! Rows of a Parquet table as JSON objects, for benchmarks whose rows are nested.

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::{
    date32_to_datetime, timestamp_ms_to_datetime, timestamp_ns_to_datetime,
    timestamp_s_to_datetime, timestamp_us_to_datetime,
};
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

/// A row as an object of its columns. An error names the column whose type has no place in JSON.
pub fn row(batch: &RecordBatch, i: usize) -> Result<Map<String, Value>, String> {
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(batch.columns());
    fields
        .map(|(field, column)| {
            let value = cell(column, i)
                .map_err(|given| format!("{given} in the column \"{}\"", field.name()))?;
            Ok((field.name().clone(), value))
        })
        .collect()
}

fn cell(array: &dyn Array, i: usize) -> Result<Value, String> {
    if array.is_null(i) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => array.as_boolean().value(i).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(i).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(i).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(i).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(i).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(i).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(i).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(i).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(i).into(),
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(i)).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(i).into(),
        DataType::Utf8 => array.as_string::<i32>().value(i).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(i).into(),
        DataType::Utf8View => array.as_string_view().value(i).into(),
        DataType::Binary => bytes(array.as_binary::<i32>().value(i)),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(i)),
        DataType::List(_) => list(&array.as_list::<i32>().value(i))?,
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(i))?,
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(i))?,
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().zip(fields);
            let pairs = columns.map(|(column, field)| Ok((field.name().clone(), cell(column, i)?)));
            Value::Object(pairs.collect::<Result<_, String>>()?)
        }
        DataType::Date32 | DataType::Timestamp(..) => time(array, i)?,
        other => return Err(format!("values of the type {other}")),
    })
}

fn list(items: &ArrayRef) -> Result<Value, String> {
    (0..items.len()).map(|i| cell(items, i)).collect()
}

/// Text where it is text, as in old tables that do not say so; pictures as base64.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => BASE64.encode(bytes).into(),
    }
}

/// "2024-08-01T14:30:00", whatever the unit.
fn time(array: &dyn Array, i: usize) -> Result<Value, String> {
    let moment = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            timestamp_s_to_datetime(array.as_primitive::<TimestampSecondType>().value(i))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            timestamp_ms_to_datetime(array.as_primitive::<TimestampMillisecondType>().value(i))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            timestamp_us_to_datetime(array.as_primitive::<TimestampMicrosecondType>().value(i))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            timestamp_ns_to_datetime(array.as_primitive::<TimestampNanosecondType>().value(i))
        }
        _ => date32_to_datetime(array.as_primitive::<Date32Type>().value(i)),
    };
    let moment = moment.ok_or_else(|| "a time that no calendar has".to_string())?;
    Ok(moment.format("%Y-%m-%dT%H:%M:%S").to_string().into())
}
