//! What every subcommand prints with: errors, notes, progress.

use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use ripcord_store::StoreError;

mod whole;

pub(crate) use whole::{WholeFile, is_file_or_new, takes_no_file};

/// The width of a line: what is wider goes on below itself where it can.
pub(crate) const WIDTH: usize = 100;
/// The work failed.
pub(crate) const FAILED: u8 = 1;
/// The request was at fault.
pub(crate) const BAD_REQUEST: u8 = 2;
/// The engine refused a command, or could not send all of it.
pub(crate) const REFUSED: u8 = 3;
/// A service is not reachable, or does not allow it.
pub(crate) const NOT_ALLOWED: u8 = 4;

/// Says what is wrong on standard error; every line of it.
pub(crate) fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    let mut err = std::io::stderr().lock();
    // With standard error closed there is nobody left to tell.
    let _closed = writeln!(err, "ripcord: {error}");
    ExitCode::from(code)
}

/// Says why a store cannot be used: [`BAD_REQUEST`] when the request was at fault, [`FAILED`] when the work or
/// the file is.
pub(crate) fn refuse_store(error: &StoreError) -> ExitCode {
    fail(if error.is_request() { BAD_REQUEST } else { FAILED }, error)
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

/// Writes to standard output.
///
/// # Errors
/// What the output says; [`ended`] tells it.
pub(crate) fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Writes to standard output and ends the command with `code`. A reader that went away (`| head`) has read
/// what it wanted; any other refusal of the output, such as a full disk, is a failure.
pub(crate) fn print_and_end(text: &str, code: ExitCode) -> ExitCode {
    ended(write(text), code)
}

/// The end of a command whose output was `written`, see [`print_and_end`].
pub(crate) fn ended(written: std::io::Result<()>, code: ExitCode) -> ExitCode {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => fail(
            FAILED,
            &format!("standard output cannot be written: {error}; what was printed is cut short"),
        ),
        Ok(()) | Err(_) => code,
    }
}

/// Whether tables may be coloured.
pub(crate) fn colours() -> bool {
    coloured(std::io::stdout().is_terminal(), std::env::var_os("NO_COLOR").as_deref())
}

/// On a terminal, unless `NO_COLOR` is set to anything (no-color.org).
fn coloured(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

/// The word for so many.
pub(crate) fn plural(count: u64, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// Names and what is said of them, two columns within [`WIDTH`]; long texts go on below themselves.
pub(crate) fn two_columns(rows: &[(String, String)]) -> String {
    const GAP: usize = 2;
    /// Narrower than this, a text is left as long as it is.
    const LEAST: usize = 30;
    let left = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + GAP;
    let room = WIDTH.saturating_sub(left).max(LEAST);
    let mut text = String::new();
    for (name, about) in rows {
        let mut line = format!("{name:<left$}");
        let mut used = 0;
        for word in about.split(' ') {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > room {
                text += &format!("{}\n", line.trim_end());
                line = " ".repeat(left);
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line += word;
            used += length;
        }
        text += &format!("{}\n", line.trim_end());
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_owner_did_not_say_no() {
        let set = |text: &'static str| Some(OsStr::new(text));
        assert!(coloured(true, None) && coloured(true, set("")));
        assert!(!coloured(true, set("1")) && !coloured(true, set("0")));
        assert!(!coloured(false, None));
    }

    #[test]
    fn two_columns_fit_a_line() {
        let about = "word ".repeat(60);
        let text = two_columns(&[
            ("a name".to_owned(), about.trim_end().to_owned()),
            ("b".to_owned(), "c".to_owned()),
        ]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH && line == line.trim_end()), "{text}");
        assert!(text.lines().count() > 3 && text.ends_with("\nb       c\n"), "{text}");
        assert_eq!(text.matches("word").count(), 60, "nothing is cut");
    }
}
