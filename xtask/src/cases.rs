//! `cargo xtask cases`: known numeric cases of exit behaviour through the real core.

use std::process::ExitCode;

use crate::{Outcome, tools};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let root = tools::root();
    let mut cargo = tools::cargo(&["run", "--quiet", "--package", "ripcord-cases", "--manifest-path"]);
    cargo.arg(root.join("Cargo.toml")).arg("--").args(arguments);
    if !names_folder(arguments) {
        // The default folder is beside the repository, wherever we were called.
        cargo.current_dir(&root);
    }
    let status = cargo.status().map_err(|error| tools::not_started(&error))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

fn names_folder(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| !argument.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::names_folder;

    #[test]
    fn an_option_names_no_folder() {
        assert!(!names_folder(&[]) && !names_folder(&["--json".to_owned()]));
        assert!(names_folder(&["--json".to_owned(), "cases".to_owned()]));
    }
}
