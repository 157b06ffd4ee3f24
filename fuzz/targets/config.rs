//! Configurations with profiles; the plans they name are presets or tables of their own.

use std::path::Path;

use ripcord_sim::plan_file::config::{self, Keys};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A plan may be a file, and files of this machine are none of ours: only what cannot be there is named.
    if text.contains('/') || text.contains('\\') {
        return;
    }
    match config::parse(text, "config.toml", Path::new("nowhere")) {
        Ok(config) => {
            assert!(!config.profiles.is_empty());
            for profile in &config.profiles {
                assert!(profile.matches.matches(&profile.matches));
                assert!(config.profile(&profile.matches).is_some(), "{}", profile.name);
            }
            let nobody = Keys::default();
            let found = config.profile(&nobody);
            assert!(found.is_none_or(|profile| profile.matches.matches(&nobody)));
            drop(config.unknown(&nobody));
        }
        Err(faults) => assert!(!faults.0.is_empty()),
    }
}
