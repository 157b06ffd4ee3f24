//! Feather files (Arrow IPC), as freqtrade writes them.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use arrow_ipc::reader::FileReader;

use super::ImportOptions;
use super::arrays::{Opened, drain, guarded};
use super::assemble::Assembler;
use super::error::ImportError;
use super::name::FileName;
use super::schema::{Container, Schema};

mod check;

/// Sends the rows to the assembler. The file names no symbol.
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
    let mut file = File::open(path).map_err(ImportError::io(path))?;
    check::lengths(&mut file).map_err(|refused| ImportError::damaged(path, refused))?;
    let open = |columns| {
        let file = File::open(path).map_err(ImportError::io(path))?;
        FileReader::try_new(BufReader::new(file), columns)
            .map_err(|refused| ImportError::damaged(path, refused))
    };
    let all = open(None)?.schema();
    let names: Vec<&str> = all.fields().iter().map(|field| field.name().as_str()).collect();
    let Some(schema) = Schema::of_names(&names, Container::Binary) else {
        let found = names.into_iter().map(str::to_owned).collect();
        return Err(ImportError::UnknownColumns { path: path.to_owned(), found });
    };
    let schema = if name.about.is_funding && schema.form.is_bars() { schema.into_funding() } else { schema };
    let wanted = schema.values.iter().map(|value| value.column.at).chain([schema.time.at]).collect();
    let batches = open(Some(wanted))?;
    drain(Opened { path, schema, about: name.about, rows: None }, batches, options, out)?;
    Ok(None)
}
