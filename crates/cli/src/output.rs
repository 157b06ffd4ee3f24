//! What every subcommand prints with: errors, notes, progress.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The request was at fault.
pub(crate) const BAD_REQUEST: u8 = 2;

/// Says what is wrong on standard error; every line of it.
pub(crate) fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    let mut err = std::io::stderr().lock();
    // With standard error closed there is nobody left to tell.
    let _closed = writeln!(err, "ripcord: {error}");
    ExitCode::from(code)
}

/// Says something worth knowing on standard error.
pub(crate) fn note(text: &str) {
    let mut err = std::io::stderr().lock();
    let _closed = writeln!(err, "note: {text}");
}

/// Writes to standard output. A reader that went away (`| head`) ends the output, not the program.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whether tables may be coloured.
pub(crate) fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A bar on a terminal, nothing elsewhere.
pub(crate) fn progress(total: u64, unit: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    let template = format!("{{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit} {{eta}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Whether a path may be written beside and renamed: nothing is there yet, or a plain file.
pub(crate) fn is_file_or_new(path: &Path) -> bool {
    std::fs::symlink_metadata(path).map_or(true, |meta| meta.is_file())
}

/// Refuses to write over what is being read. Names the first input that is the output.
pub(crate) fn overwrites<'a>(output: &Path, mut inputs: impl Iterator<Item = &'a Path>) -> Option<String> {
    let there = std::fs::canonicalize(output).ok()?;
    let same = inputs.find(|input| std::fs::canonicalize(input).is_ok_and(|input| input == there))?;
    let (out, input) = (output.display(), same.display());
    Some(format!(
        "{out} is read by this command ({input}): writing to it would destroy it; name another file"
    ))
}
