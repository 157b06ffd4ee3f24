//! What every subcommand prints with: errors, notes, progress.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

mod whole;

pub(crate) use whole::{WholeFile, is_file_or_new};

/// The work failed.
pub(crate) const FAILED: u8 = 1;
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

/// Writes to standard output and ends the command well.
pub(crate) fn print(text: &str) -> ExitCode {
    print_and_end(text, ExitCode::SUCCESS)
}

/// Writes to standard output and ends the command with `code`. A reader that went away (`| head`) has read
/// what it wanted; any other refusal of the output, such as a full disk, is a failure.
pub(crate) fn print_and_end(text: &str, code: ExitCode) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => fail(
            FAILED,
            &format!("standard output cannot be written: {error}; what was printed is cut short"),
        ),
        Ok(()) | Err(_) => code,
    }
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

/// Refuses to write over what is being read. Names the first input that is the output.
pub(crate) fn overwrites<'a>(output: &Path, mut inputs: impl Iterator<Item = &'a Path>) -> Option<String> {
    let there = std::fs::canonicalize(output).ok()?;
    let same = inputs.find(|input| std::fs::canonicalize(input).is_ok_and(|input| input == there))?;
    let (out, input) = (output.display(), same.display());
    Some(format!(
        "{out} is read by this command ({input}): writing to it would destroy it; name another file"
    ))
}
