//! Parquet files: symbol and kind from their metadata, rows batch by batch.

use std::fs::File;
use std::path::Path;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::ImportOptions;
use super::arrays::{Opened, drain, guarded};
use super::assemble::Assembler;
use super::error::ImportError;
use super::name::{About, FileName};
use super::schema::{Container, Schema};

mod pages;

/// Rows of a batch: three columns of them stay in the cache of a core.
const BATCH_ROWS: usize = 16_384;

/// Sends the rows to the assembler; returns the symbol that the metadata names.
pub(super) fn read(
    path: &Path,
    name: &FileName,
    options: &ImportOptions<'_>,
    out: &mut Assembler<'_>,
) -> Result<Option<String>, ImportError> {
    guarded(path, || decode(path, name, options, out))
}

fn decode(
    path: &Path,
    name: &FileName,
    options: &ImportOptions<'_>,
    out: &mut Assembler<'_>,
) -> Result<Option<String>, ImportError> {
    let damaged = |refused| ImportError::damaged(path, refused);
    let mut file = File::open(path).map_err(ImportError::io(path))?;
    let whole = file.try_clone().map_err(ImportError::io(path))?;
    // The types that Parquet itself knows are enough, and there are fewer of them.
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(whole, plain).map_err(damaged)?;
    let fields = builder.schema().fields().clone();
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let Some(schema) = Schema::of_names(&names, Container::Binary) else {
        let found = names.into_iter().map(str::to_owned).collect();
        return Err(ImportError::UnknownColumns { path: path.to_owned(), found });
    };
    let about_file = builder.metadata().file_metadata();
    let says = |key: &str| {
        let pairs = about_file.key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.clone()
    };
    let symbol = says("symbol");
    let about = says("kind").map_or(name.about, |kind| About::of_kind(&kind));
    let rows = u64::try_from(about_file.num_rows()).ok();
    let wanted = schema.values.iter().map(|value| value.column.at).chain([schema.time.at]);
    let wanted: Vec<usize> = wanted.collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
    for group in builder.metadata().row_groups() {
        for (leaf, column) in group.columns().iter().enumerate() {
            if wanted.contains(&builder.parquet_schema().get_column_root_idx(leaf)) {
                let checked = pages::check(&mut file, column.byte_range());
                checked.map_err(|why| ImportError::damaged(path, why))?;
            }
        }
    }
    let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(damaged)?;
    drain(Opened { path, schema, about, rows }, batches, options, out)?;
    Ok(symbol)
}
