//! Writing a tape: block by block into a temporary file beside the target, which takes the
//! target's name only when all of it is on the disk. A failed build leaves nothing behind.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::format::{BLOCK_ROWS, Header, Layout};
use super::pyramid::{self, FAN_OUT, LastSeen, NOTHING, Rows, Share};
use super::verify::block_crc;
use super::{Columns, SourceSet, Tape, TapeError, TapeMeta};

impl Tape {
    /// Writes the tape to a file, which appears under its name complete or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), TapeError> {
        let mut row = 0;
        write(path, &self.meta, self.sources, self.rows as u64, |block| {
            let rows = row..(row + BLOCK_ROWS).min(self.rows);
            block.ts.extend_from_slice(&self.ts()[rows.clone()]);
            block.price.extend_from_slice(&self.price()[rows.clone()]);
            block.qty.extend_from_slice(&self.qty()[rows.clone()]);
            block.source.extend_from_slice(&self.source()[rows.clone()]);
            row = rows.end;
            Ok(())
        })
    }
}

/// Writes a tape of so many rows; `next_block` fills the emptied columns with the next 65,536 of
/// them, or with what is left.
pub(super) fn write(
    path: &Path,
    meta: &TapeMeta,
    sources: SourceSet,
    rows: u64,
    mut next_block: impl FnMut(&mut Columns) -> Result<(), TapeError>,
) -> Result<(), TapeError> {
    meta.check(path)?;
    let Some(layout) = Layout::of(rows, sources) else {
        return Err(TapeError::Meta { path: path.to_owned(), what: format!("{rows} rows are too many") });
    };
    let wrote = TapeError::io;
    let mut file = beside(path).map_err(wrote(path, "create a file beside"))?;
    let mut out = Output { file: file.as_file_mut(), layout, sources, pyramid_crc: 0 };
    let mut table = Vec::with_capacity(layout.blocks() * 4);
    let mut last_seen = LastSeen::default();
    let mut block = Columns::default();
    out.file.set_len(layout.end).map_err(wrote(path, "reserve"))?;
    for from in (0..rows).step_by(BLOCK_ROWS) {
        for column in [&mut block.ts, &mut block.price, &mut block.qty] {
            column.clear();
        }
        block.source.clear();
        next_block(&mut block)?;
        let crc = out.block(from, &block, &mut last_seen).map_err(wrote(path, "write"))?;
        table.extend_from_slice(&crc.to_le_bytes());
    }
    out.upper_levels().map_err(wrote(path, "write the pyramid of"))?;
    let pyramid_crc = out.pyramid_crc;
    let header = Header { meta: meta.clone(), sources, rows, table_crc: crc32c::crc32c(&table), pyramid_crc };
    out.put(layout.table, &table).map_err(wrote(path, "write"))?;
    out.put(0, &header.encode(layout.end)).map_err(wrote(path, "write"))?;
    file.as_file().sync_all().map_err(wrote(path, "flush"))?;
    file.persist(path)
        .map_err(|refused| TapeError::io(path, "rename the finished file to")(refused.error))?;
    sync_directory(path).map_err(wrote(path, "flush the directory of"))
}

/// The file under construction.
struct Output<'a> {
    file: &'a mut File,
    layout: Layout,
    sources: SourceSet,
    /// Of the pyramid's bytes so far; they are written in file order.
    pyramid_crc: u32,
}

impl Output<'_> {
    fn put(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)
    }

    /// One block of rows and the level-1 nodes over it; its checksum.
    fn block(&mut self, from: u64, block: &Columns, last_seen: &mut LastSeen) -> io::Result<u32> {
        let [ts, price, qty] =
            [&block.ts, &block.price, &block.qty].map(|column| bytemuck::cast_slice(column));
        let layout = self.layout;
        self.put(layout.ts + from * 8, ts)?;
        self.put(layout.price + from * 8, price)?;
        self.put(layout.qty + from * 8, qty)?;
        self.put(layout.source + from, &block.source)?;
        let rows = Rows { ts: &block.ts, price: &block.price, source: &block.source };
        let mut nodes = vec![NOTHING; rows.ts.len().div_ceil(FAN_OUT) * self.sources.len()];
        pyramid::summarise(rows, self.sources, last_seen, &mut nodes);
        self.put_nodes(from / FAN_OUT as u64, &nodes)?;
        Ok(block_crc([ts, price, qty, &block.source]))
    }

    /// The levels above the first, each read back from the one below, so that memory stays small
    /// however long the tape is.
    fn upper_levels(&mut self) -> io::Result<()> {
        let (shape, slots) = (self.layout.shape, self.sources.len());
        for level in 2..=shape.levels() {
            let (start, count) = (shape.start(level - 1), shape.count(level - 1));
            for first in (0..count).step_by(CHILDREN_AT_ONCE) {
                let children = CHILDREN_AT_ONCE.min(count - first);
                let mut below = vec![NOTHING; children * slots];
                self.file.seek(SeekFrom::Start(self.node_at((start + first) as u64)))?;
                self.file.read_exact(bytemuck::cast_slice_mut(&mut below))?;
                let mut above = vec![NOTHING; children.div_ceil(FAN_OUT) * slots];
                pyramid::gather(&below, slots, &mut above);
                self.put_nodes((shape.start(level) + first / FAN_OUT) as u64, &above)?;
            }
        }
        Ok(())
    }

    fn put_nodes(&mut self, first: u64, nodes: &[Share]) -> io::Result<()> {
        let bytes = bytemuck::cast_slice(nodes);
        self.pyramid_crc = crc32c::crc32c_append(self.pyramid_crc, bytes);
        self.put(self.node_at(first), bytes)
    }

    fn node_at(&self, node: u64) -> u64 {
        self.layout.pyramid + node * self.layout.slots * size_of::<Share>() as u64
    }
}

/// Nodes read back at once; a multiple of the fan-out. At most 2.6 MB with all five sources.
const CHILDREN_AT_ONCE: usize = 256 * FAN_OUT;

/// A nameless-to-others file in the directory of the target, so that the rename stays on one disk.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tape-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As readable as any file the user creates; temporary files are private by default.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory_of(path))
}

/// The directory that will hold the file.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    }
}

/// A rename is on the disk when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory_of(path))?.sync_all()?;
    Ok(())
}
