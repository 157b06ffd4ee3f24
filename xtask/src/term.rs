//! Colours, where there is somebody to see them.

use std::io::IsTerminal;

/// Whether messages (standard error) may carry colour: a terminal, no `NO_COLOR`, not a dumb one.
pub(crate) fn has_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !refused && !dumb && std::io::stderr().is_terminal()
}

pub(crate) fn red(text: &str) -> String {
    paint("31;1", text)
}

pub(crate) fn yellow(text: &str) -> String {
    paint("33;1", text)
}

pub(crate) fn green(text: &str) -> String {
    paint("32;1", text)
}

pub(crate) fn bold(text: &str) -> String {
    paint("1", text)
}

fn paint(code: &str, text: &str) -> String {
    if has_colour() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
