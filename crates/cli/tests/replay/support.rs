//! A folder of its own for each test, and the binary to run in it.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Folder(tempfile::TempDir);

/// What a run of the binary gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.path(name), text).expect("the folder takes files");
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file was written")
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("the folder is there");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("a name").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run_in(self.0.path(), args)
    }
}

pub(crate) fn run_in(folder: &Path, args: &[&str]) -> Ran {
    let done = Command::new(env!("CARGO_BIN_EXE_ripcord"))
        .args(args)
        .current_dir(folder)
        .output()
        .expect("the binary runs");
    Ran {
        code: done.status.code().expect("it ended by itself"),
        out: String::from_utf8(done.stdout).expect("text"),
        err: String::from_utf8(done.stderr).expect("text"),
    }
}

/// A market that rises from 100.00 to 110.00 and falls to 90.00, a tick of 0.10 a second.
pub(crate) fn market() -> String {
    let up = (0..=100).map(|step| 10_000 + step * 10);
    let down = (1..=200).map(|step| 11_000 - step * 10);
    let mut text = String::from("ts_ns,price,qty,side\n");
    for (second, cents) in up.chain(down).enumerate() {
        let ts = 1_767_225_600_000_000_000_u64 + second as u64 * 1_000_000_000;
        text += &format!("{ts},{}.{:02},1.000,buy\n", cents / 100, cents % 100);
    }
    text
}

pub(crate) const HEADER: &str =
    "id,symbol,side,entry_index,entry_price,qty,stop_pct,target_pct,trail_arm_pct,trail_pct\n";
