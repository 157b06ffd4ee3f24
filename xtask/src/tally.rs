//! Counting tests from what the test runner prints, while it is printed.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};

/// Tests that passed and tests that did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Whose summaries to read: a failing test's output, shown by one runner, may hold a summary of the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Runner {
    /// `cargo nextest run`.
    Nextest,
    /// `cargo test`.
    Libtest,
}

impl Runner {
    /// What one printed line says about finished tests: nothing, unless it is a summary.
    fn tally(self, line: &str) -> Tally {
        let plain = without_colour(line);
        let found = match self {
            Self::Nextest => of_nextest(plain.trim()),
            Self::Libtest => of_libtest(plain.trim_end()),
        };
        found.unwrap_or_default()
    }
}

/// `Summary [   0.216s] 3 tests run: 1 passed (1 slow), 1 failed, 1 timed out, 4 skipped`.
/// Whatever ran and did not pass has failed, however the runner calls it.
fn of_nextest(line: &str) -> Option<Tally> {
    let (_, rest) = line.strip_prefix("Summary [")?.split_once(']')?;
    let (run, results) = rest.split_once(" run: ")?;
    // A cancelled run prints "5/10 tests": five of ten ran.
    let run: u64 = run.split_whitespace().next()?.split('/').next()?.parse().ok()?;
    let passed = results.split(", ").find_map(|part| count_before(part, "passed")).unwrap_or(0);
    Some(Tally { passed, failed: run.saturating_sub(passed) })
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.20s`.
fn of_libtest(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word| counts.split("; ").find_map(|part| count_before(part, word));
    Some(Tally { passed: count("passed")?, failed: count("failed")? })
}

fn count_before(part: &str, word: &str) -> Option<u64> {
    let (number, rest) = part.trim().split_once(' ')?;
    if rest.split_whitespace().next() == Some(word) { number.parse().ok() } else { None }
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        rest = rest.get(1..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// Runs the command, shows both its streams as they come, and counts the tests they report.
pub(crate) fn stream(command: &mut Command, runner: Runner) -> io::Result<(ExitStatus, Tally)> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let tally = std::thread::scope(|scope| {
        let of_stderr =
            scope.spawn(|| stderr.map_or(Ok(Tally::default()), |pipe| copy(pipe, io::stderr(), runner)));
        let mut tally = stdout.map_or(Ok(Tally::default()), |pipe| copy(pipe, io::stdout(), runner))?;
        let of_stderr = of_stderr.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        tally.add(of_stderr);
        io::Result::Ok(tally)
    });
    Ok((child.wait()?, tally?))
}

fn copy(from: impl Read, mut to: impl Write, runner: Runner) -> io::Result<Tally> {
    let mut from = BufReader::new(from);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        tally.add(runner.tally(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runner: Runner, line: &str, passed: u64, failed: u64) {
        assert_eq!(runner.tally(line), Tally { passed, failed }, "{line}");
    }

    #[test]
    fn nextest_summaries() {
        check(Runner::Nextest, "     Summary [   0.216s] 2 tests run: 2 passed, 1 skipped", 2, 0);
        check(Runner::Nextest, "     Summary [   0.216s] 1 test run: 1 passed, 0 skipped", 1, 0);
        check(
            Runner::Nextest,
            "     Summary [  10.2s] 9 tests run: 5 passed (1 slow, 1 flaky), 2 failed, 2 timed out, 1 skipped",
            5,
            4,
        );
        check(Runner::Nextest, "     Summary [   0.1s] 5/10 tests run: 4 passed, 1 failed, 0 skipped", 4, 1);
        check(Runner::Nextest, "     Summary [   0.1s] 1 test run: 0 passed, 1 exec failed, 0 skipped", 0, 1);
        check(
            Runner::Nextest,
            "\x1b[32;1m     Summary\x1b[0m [   0.2s] \x1b[1m2\x1b[0m tests run: \x1b[1m2\x1b[0m passed",
            2,
            0,
        );
    }

    #[test]
    fn libtest_summaries() {
        check(
            Runner::Libtest,
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.20s",
            12,
            0,
        );
        check(
            Runner::Libtest,
            "test result: \x1b[31mFAILED\x1b[0m. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            3,
            2,
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        for runner in [Runner::Nextest, Runner::Libtest] {
            check(runner, "        PASS [   0.007s] (1/2) core num::tests::one_passed", 0, 0);
            check(runner, "running 7 tests", 0, 0);
            check(runner, "test num::tests::summary ... ok", 0, 0);
            check(runner, "", 0, 0);
        }
    }

    #[test]
    fn the_output_of_a_failing_test_is_not_a_summary() {
        let inner = "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out";
        check(Runner::Nextest, inner, 0, 0);
        check(Runner::Libtest, inner, 0, 0);
    }

    #[test]
    fn copying_keeps_every_byte_and_adds_up() {
        let text = b"a\xff\n\ntest result: ok. 1 passed; 0 failed; 0 ignored\ntest result: ok. 2 passed; 0 failed; no newline";
        let mut shown = Vec::new();
        let tally = copy(&text[..], &mut shown, Runner::Libtest).expect("memory does not fail");
        assert_eq!(shown, text);
        assert_eq!(tally, Tally { passed: 3, failed: 0 });
    }
}
