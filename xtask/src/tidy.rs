//! `cargo xtask tidy`: what no compiler checks, over all files that git tracks or would track.
//!
//! A check takes a [`Source`] and returns faults; it neither reads nor prints. All faults are shown
//! at once, each with its place and what to do. Start reading at [`inspect`].

mod bans;
mod links;
mod planted;
mod sizes;
mod source;
mod text;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::{Outcome, term, tools};
use source::Source;

/// Something that is not as it should be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    path: String,
    line: usize,
    text: String,
    is_error: bool,
}

impl Fault {
    fn error(source: &Source, line: usize, text: String) -> Self {
        Self { path: source.path.clone(), line, text, is_error: true }
    }

    fn warning(source: &Source, line: usize, text: String) -> Self {
        Self { is_error: false, ..Self::error(source, line, text) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

pub(crate) fn run(_: &[String]) -> Outcome {
    Ok(if report()? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks the tree and prints what it finds; whether there was no error.
pub(crate) fn report() -> Result<bool, String> {
    let root = tools::root();
    let paths = tree(&root)?;
    let sources: Vec<Source> = paths.iter().filter_map(|path| read(&root, path)).collect();
    let mut faults = inspect(&paths, &sources);
    faults.extend(planted::binary(&root));
    for fault in &faults {
        let kind = if fault.is_error { term::red("error") } else { term::yellow("warning") };
        eprintln!("{kind} {fault}");
    }
    let errors = faults.iter().filter(|fault| fault.is_error).count();
    let warnings = faults.len() - errors;
    eprintln!("tidy: {} files, {errors} errors, {warnings} warnings", sources.len());
    Ok(errors == 0)
}

/// All faults of the tree, in the order of its files.
fn inspect(paths: &[String], sources: &[Source]) -> Vec<Fault> {
    let targets = links::Targets::new(paths, sources);
    let names = crate::command_names();
    let mut faults = Vec::new();
    for source in sources {
        faults.extend(sizes::files(source));
        faults.extend(bans::purity(source));
        faults.extend(bans::mode_switches(source));
        faults.extend(bans::leftovers(source));
        faults.extend(planted::manifest(source));
        faults.extend(text::white_space(source));
        faults.extend(text::machine_paths(source));
        faults.extend(links::links(source, &targets));
        faults.extend(links::commands(source, &names));
        faults.extend(links::libraries(source, sources));
    }
    let none = Source::new(sizes::EXCEPTIONS, "");
    let exceptions = sources.iter().find(|source| source.path == sizes::EXCEPTIONS).unwrap_or(&none);
    faults.extend(sizes::functions(sources, exceptions));
    faults.sort();
    faults
}

/// Paths of the files that are in git, or would be after `git add --all`; what was deleted is not among them.
fn tree(root: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git could not be started: {error}; tidy asks it which files are ours"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git could not list the files: {}", said.trim()));
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    let mut paths: Vec<String> = listed
        .split('\0')
        .filter(|path| root.join(path).symlink_metadata().is_ok_and(|found| found.is_file()))
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// The file as text; `None` for pictures, tapes and other bytes.
fn read(root: &Path, path: &str) -> Option<Source> {
    let bytes = fs::read(root.join(path)).ok()?;
    if bytes.contains(&0) {
        return None;
    }
    String::from_utf8(bytes).ok().map(|text| Source::new(path, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
        let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        inspect(&paths, &sources).iter().map(Fault::to_string).collect()
    }

    #[test]
    fn a_clean_tree_has_no_faults() {
        let files = [
            ("README.md", "# Ripcord\n\n`cargo xtask run`, then [the licence](LICENSE).\n"),
            ("LICENSE", "Apache\n"),
            ("crates/core/src/lib.rs", "//! Core.\n\nfn a() {}\n"),
        ];
        assert_eq!(inspected(&files), [""; 0]);
    }

    #[test]
    fn all_faults_come_at_once_in_the_order_of_files() {
        let files = [
            ("crates/core/src/b.rs", "fn a(x: f64) {}\nfn c() { todo!() }\x20\n"),
            ("README.md", "[gone](gone.md)\n`cargo xtask fly`\n"),
        ];
        let faults = inspected(&files);
        let places: Vec<&str> = faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
        let core = "crates/core/src/b.rs";
        assert_eq!(
            places,
            ["README.md:1", "README.md:2", &format!("{core}:1"), &format!("{core}:2"), &format!("{core}:2")]
        );
    }
}
