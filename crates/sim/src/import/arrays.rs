//! Columns of Arrow batches, as Parquet and feather files give them, become chunks.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, TimeUnit as ArrowUnit};

use super::assemble::Assembler;
use super::chunk::{Bad, Chunk};
use super::decimal::Scaled;
use super::error::{Fault, ImportError};
use super::name::About;
use super::schema::{Schema, TimeUnit, Value};
use super::{ImportOptions, Progress};

/// Runs a decoder of binary files. The libraries that read them check most of what a damaged file
/// claims, and panic on some of the rest; a damaged file is an error like any other.
pub(super) fn guarded<T>(
    path: &Path,
    decode: impl FnOnce() -> Result<T, ImportError>,
) -> Result<T, ImportError> {
    // What the decoder was writing to is dropped with the error, so nobody sees it half done.
    let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode));
    decoded.unwrap_or_else(|_| Err(ImportError::damaged(path, "its inner offsets point outside the file")))
}

/// A binary file, opened and understood.
pub(super) struct Opened<'a> {
    pub(super) path: &'a Path,
    pub(super) schema: Schema,
    pub(super) about: About,
    /// Rows of the file, if it says so.
    pub(super) rows: Option<u64>,
}

/// Sends all batches of a file to the assembler.
pub(super) fn drain(
    opened: Opened<'_>,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    options: &ImportOptions<'_>,
    out: &mut Assembler<'_>,
) -> Result<(), ImportError> {
    let Opened { path, mut schema, about, rows } = opened;
    let mut done = 0;
    for batch in batches {
        let batch = batch.map_err(|refused| ImportError::damaged(path, refused))?;
        let times = column(&batch, &schema.time.name, path)?;
        if done == 0 {
            schema.unit = unit_of(&times, schema.unit, &schema, path)?;
            schema = out.begin(schema, about, 0)?.clone();
            out.expect(rows.unwrap_or(0));
        }
        let mut chunk = Chunk::for_schema(&schema);
        let mut bad = read_times(&times, &schema, &mut chunk.ts);
        for (value, scaled) in schema.values.iter().zip(&mut chunk.values) {
            let array = column(&batch, &value.column.name, path)?;
            let refused = read_values(&array, value, scaled, path)?;
            bad = bad.into_iter().chain(refused).min_by_key(|bad| bad.row);
        }
        done += batch.num_rows() as u64;
        out.accept(chunk.checked(bad, &schema))?;
        if let Some(tell) = options.progress {
            tell(Progress { done, total: rows.unwrap_or(done) });
        }
    }
    if done == 0 {
        out.begin(schema, about, 0)?;
    }
    Ok(())
}

fn column(batch: &RecordBatch, name: &str, path: &Path) -> Result<ArrayRef, ImportError> {
    let found = batch.column_by_name(name).cloned();
    found.ok_or_else(|| ImportError::damaged(path, format_args!("column {name} is missing in a batch")))
}

/// The unit of a time column: its type says it, or its schema, or the size of the first time.
fn unit_of(times: &ArrayRef, known: TimeUnit, schema: &Schema, path: &Path) -> Result<TimeUnit, ImportError> {
    match times.data_type() {
        DataType::Timestamp(ArrowUnit::Second, _) => Ok(TimeUnit::Seconds),
        DataType::Timestamp(ArrowUnit::Millisecond, _) => Ok(TimeUnit::Millis),
        DataType::Timestamp(ArrowUnit::Microsecond, _) => Ok(TimeUnit::Micros),
        DataType::Timestamp(ArrowUnit::Nanosecond, _) => Ok(TimeUnit::Nanos),
        DataType::Int64 if known == TimeUnit::BySize => {
            let first = times.as_primitive::<Int64Type>().values().first().copied();
            Ok(TimeUnit::by_size_of(first.unwrap_or(0)))
        }
        DataType::Int64 => Ok(known),
        other => Err(ImportError::ColumnType {
            path: path.to_owned(),
            column: schema.time.name.clone(),
            found: other.to_string(),
            wanted: "int64 or timestamp",
        }),
    }
}

/// Times in nanoseconds, up to the first that cannot be.
fn read_times(times: &ArrayRef, schema: &Schema, out: &mut Vec<i64>) -> Option<Bad> {
    let values: &[i64] = match times.data_type() {
        DataType::Timestamp(ArrowUnit::Second, _) => times.as_primitive::<TimestampSecondType>().values(),
        DataType::Timestamp(ArrowUnit::Millisecond, _) => {
            times.as_primitive::<TimestampMillisecondType>().values()
        }
        DataType::Timestamp(ArrowUnit::Microsecond, _) => {
            times.as_primitive::<TimestampMicrosecondType>().values()
        }
        DataType::Timestamp(ArrowUnit::Nanosecond, _) => {
            times.as_primitive::<TimestampNanosecondType>().values()
        }
        // The first batch was held against `unit_of`; all batches of a file have one schema.
        _ => times.as_primitive_opt::<Int64Type>().map_or(&[], |times| times.values()),
    };
    let nanos = schema.unit.nanos();
    let last = i64::MAX / nanos;
    let end = first_null(times).unwrap_or(values.len());
    let values = &values[..end];
    let odd = values.iter().position(|time| !(0..=last).contains(time));
    out.extend(values[..odd.unwrap_or(end)].iter().map(|time| time * nanos));
    let (row, value, fault) = match odd {
        Some(row) => (row, values[row].to_string(), Fault::TimeOutOfRange),
        None if end < times.len() => (end, String::new(), Fault::Missing),
        None => return None,
    };
    Some(Bad { row, column: schema.time.name.clone(), value, fault })
}

/// Numbers up to the first that cannot be.
fn read_values(
    array: &ArrayRef,
    value: &Value,
    out: &mut Scaled,
    path: &Path,
) -> Result<Option<Bad>, ImportError> {
    let end = first_null(array).unwrap_or(array.len());
    let whole = array;
    let array = array.slice(0, end);
    let refused = match array.data_type() {
        DataType::Int64 => {
            out.decimals = value.integer_decimals;
            out.values.extend_from_slice(array.as_primitive::<Int64Type>().values());
            None
        }
        DataType::Int32 => {
            out.decimals = value.integer_decimals;
            out.values
                .extend(array.as_primitive::<Int32Type>().values().iter().map(|&value| i64::from(value)));
            None
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            all(values.iter(), |&value| out.push_float(value))
        }
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            all((0..end).map(|row| values.value(row)), |text| out.push_text(text.as_bytes()))
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            all((0..end).map(|row| values.value(row)), |text| out.push_text(text.as_bytes()))
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            all((0..end).map(|row| values.value(row)), |text| out.push_text(text.as_bytes()))
        }
        DataType::Decimal128(_, scale @ 0..=18) => {
            let scale = scale.unsigned_abs();
            all(array.as_primitive::<Decimal128Type>().values().iter(), |&value| {
                let narrow = i64::try_from(value).map_err(|_| Fault::TooFine)?;
                out.push(narrow, scale)
            })
        }
        other => {
            return Err(ImportError::ColumnType {
                path: path.to_owned(),
                column: value.column.name.clone(),
                found: other.to_string(),
                wanted: "decimal text, float64, int64 or decimal128",
            });
        }
    };
    let (row, text, fault) = match refused {
        Some((row, text, fault)) => (row, text, fault),
        None if end < whole.len() => (end, String::new(), Fault::Missing),
        None => return Ok(None),
    };
    Ok(Some(Bad { row, column: value.column.name.clone(), value: text, fault }))
}

/// Pushes values until one is refused; its row, its text and why.
fn all<T: std::fmt::Display + Copy>(
    values: impl Iterator<Item = T>,
    mut push: impl FnMut(T) -> Result<(), Fault>,
) -> Option<(usize, String, Fault)> {
    for (row, value) in values.enumerate() {
        if let Err(fault) = push(value) {
            return Some((row, value.to_string(), fault));
        }
    }
    None
}

fn first_null(array: &ArrayRef) -> Option<usize> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0)?;
    nulls.iter().position(|is_valid| !is_valid)
}
