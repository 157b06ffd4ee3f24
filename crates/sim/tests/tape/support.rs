//! Small files and tapes for the tests.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use ripcord_sim::import::{self, Candles, ImportError, ImportOptions, Market, Ticks};
use ripcord_sim::tape::{Columns, Tape, TapeMeta};
use tempfile::TempDir;

/// A directory that goes away with its test.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a scratch file");
        path
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("the scratch directory");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

pub(crate) fn read(path: &Path) -> Result<Market, ImportError> {
    import::read(path, &ImportOptions::default())
}

pub(crate) fn ticks(path: &Path) -> Ticks {
    match read(path) {
        Ok(Market::Ticks(ticks)) => ticks,
        other => panic!("{} holds ticks: {other:?}", path.display()),
    }
}

pub(crate) fn candles(path: &Path) -> Candles {
    match read(path) {
        Ok(Market::Candles(candles)) => candles,
        other => panic!("{} holds candles: {other:?}", path.display()),
    }
}

/// What reading a file of this name and content is refused with.
pub(crate) fn refusal(name: &str, bytes: impl AsRef<[u8]>) -> ImportError {
    let scratch = Scratch::new();
    let path = scratch.file(name, bytes);
    match read(&path) {
        Err(refused) => refused,
        Ok(market) => panic!("{name} is refused, but was read: {market:?}"),
    }
}

pub(crate) fn meta(symbol: &str, price_decimals: u8, qty_decimals: u8) -> TapeMeta {
    TapeMeta { symbol: symbol.to_owned(), price_decimals, qty_decimals }
}

pub(crate) fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub(crate) fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

pub(crate) fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub(crate) fn dates(millis: &[i64]) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from(millis.to_vec()).with_timezone("UTC"))
}

pub(crate) fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>, metadata: &[(&str, &str)]) {
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let pairs = metadata.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(pairs.collect())).build();
    let file = File::create(path).expect("a scratch file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("rows are written");
    writer.close().expect("the footer is written");
}

pub(crate) fn write_feather(
    path: &Path,
    columns: Vec<(&str, ArrayRef)>,
    compression: Option<CompressionType>,
) {
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let options = IpcWriteOptions::default().try_with_compression(compression).expect("a known compression");
    let file = File::create(path).expect("a scratch file");
    let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options).expect("a writer");
    writer.write(&batch).expect("rows are written");
    writer.finish().expect("the footer is written");
}

/// A small generator: the same seed gives the same rows everywhere.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % limit
    }
}

/// A walk around 10,000 in steps of up to 20; sources drawn from `codes`.
pub(crate) fn walk(seed: u64, rows: usize, codes: &[u8]) -> Columns {
    let mut draw = Draw(seed);
    let mut columns = Columns::default();
    let (mut ts, mut price) = (1_735_689_600_000_000_000, 10_000);
    for _ in 0..rows {
        ts += draw.below(5) * draw.below(1_000_000);
        price = (price + draw.below(41) - 20).max(1);
        columns.ts.push(ts);
        columns.price.push(price);
        columns.qty.push(draw.below(1_000));
        columns.source.push(codes[draw.below(codes.len() as i64) as usize]);
    }
    columns
}

pub(crate) fn tape_of(columns: Columns) -> Tape {
    Tape::from_columns(meta("BTCUSDT", 2, 3), columns).expect("rows keep the rules")
}
