//! The printer: a thread that writes lines, so that a slow terminal never holds up an exit.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use ripcord_core::time::Timestamp;

use crate::clock::Speed;
use crate::line::{Line, Style, Tag};

/// Batches that wait for the output; one batch is what a turn of the loop said.
const BATCHES_MAX: usize = 256;

/// The host's end: takes lines.
#[derive(Debug)]
pub struct Printer {
    batches: Option<SyncSender<Vec<Line>>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    is_gone: Arc<AtomicBool>,
    waits: bool,
    is_quiet: bool,
    /// Left out since the last batch that went through.
    missing: u64,
    dropped: u64,
}

impl Printer {
    /// Starts to print to `output`. A market at full speed waits for a slow output; one that keeps
    /// time leaves lines out, and says so.
    #[must_use]
    pub fn start(output: Box<dyn Write + Send>, style: Style, is_quiet: bool, speed: Speed) -> Self {
        let (batches, inbox) = sync_channel(BATCHES_MAX);
        let is_gone = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&is_gone);
        let thread = std::thread::spawn(move || {
            let written = write_all(&inbox, output, style);
            if written.is_err() {
                gone.store(true, Ordering::Release);
            }
            match written {
                // Nobody reads any more (`| head`): the run has no audience and ends.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written,
            }
        });
        let waits = speed == Speed::Max;
        Self {
            batches: Some(batches),
            thread: Some(thread),
            is_gone,
            waits,
            is_quiet,
            missing: 0,
            dropped: 0,
        }
    }

    /// Prints lines.
    pub fn print(&mut self, mut lines: Vec<Line>) {
        if self.is_quiet {
            lines.retain(|line| line.tag.is_essential());
        }
        let Some(last) = lines.last().map(|line| line.at) else { return };
        if self.missing > 0 {
            lines.insert(0, missing_line(last, self.missing));
        }
        let Some(batches) = &self.batches else { return };
        if self.waits {
            if batches.send(lines).is_err() {
                self.is_gone.store(true, Ordering::Release);
            }
            return;
        }
        let told = usize::from(self.missing > 0);
        match batches.try_send(lines) {
            Ok(()) => self.missing = 0,
            Err(TrySendError::Full(lines)) => {
                let lost = u64::try_from(lines.len() - told).unwrap_or(0);
                self.missing += lost;
                self.dropped += lost;
            }
            Err(TrySendError::Disconnected(_)) => self.is_gone.store(true, Ordering::Release),
        }
    }

    /// Lines left out so far.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether nobody reads any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    /// Prints last lines, waiting for the output, and ends.
    ///
    /// # Errors
    /// When the output refused lines, now or before. A reader that went away is no error.
    pub fn finish(mut self, lines: Vec<Line>) -> io::Result<()> {
        self.waits = true;
        self.print(lines);
        self.batches = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            Some(Err(_)) => Err(io::Error::other("the printer stopped; the messages above say where")),
            None => Ok(()),
        }
    }
}

fn missing_line(at: Timestamp, missing: u64) -> Line {
    let text = format!("{missing} lines are missing here: the output is slower than the market");
    Line::new(Tag::LinesDropped, at, text).with("count", missing)
}

fn write_all(inbox: &Receiver<Vec<Line>>, mut output: Box<dyn Write + Send>, style: Style) -> io::Result<()> {
    let mut text = String::new();
    while let Ok(lines) = inbox.recv() {
        text.clear();
        for line in &lines {
            text += &style.render(line);
        }
        output.write_all(text.as_bytes())?;
        output.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// An output that takes a batch only when it is told to.
    struct Stuck {
        go: Receiver<()>,
        wrote: Sender<String>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.go.recv().map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            self.wrote
                .send(String::from_utf8_lossy(bytes).into_owned())
                .map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(text: &str) -> Vec<Line> {
        vec![Line::new(Tag::Market, Timestamp(0), text.to_owned())]
    }

    #[test]
    fn a_stuck_output_costs_lines_and_says_how_many() {
        let ((go_now, go), (wrote, written)) = (channel(), channel());
        let mut printer = Printer::start(Box::new(Stuck { go, wrote }), Style::Plain, false, Speed::Times(1));
        // One batch may be with the output, the queue takes its own number, the rest is left out.
        let batches = BATCHES_MAX + 10;
        for n in 0..batches {
            printer.print(lines(&format!("line {n}")));
        }
        let dropped = printer.dropped();
        assert!((9..=10).contains(&dropped), "{dropped}");
        for _ in 0..batches {
            go_now.send(()).expect("the output waits");
        }
        printer.finish(lines("end")).expect("the output takes it");
        drop(go_now);
        let all: String = written.iter().collect();
        // The output takes its first batch when it likes, so the gap may be told in two pieces.
        let told =
            all.lines().filter_map(|line| line.split_once("LINES_DROPPED")?.1.split_whitespace().next());
        let told: u64 = told.map(|count| count.parse::<u64>().expect("a count")).sum();
        assert_eq!(told, dropped, "{all}");
        assert!(all.ends_with("end\n"), "{all}");
    }

    #[test]
    fn nobody_reading_is_noticed() {
        let ((go_now, go), (wrote, written)) = (channel(), channel());
        drop((go_now, written));
        let mut printer = Printer::start(Box::new(Stuck { go, wrote }), Style::Plain, false, Speed::Max);
        while !printer.is_gone() {
            printer.print(lines("x"));
        }
        assert!(printer.finish(Vec::new()).is_ok(), "a reader that went away is no failure");
    }

    #[test]
    fn a_quiet_run_prints_what_matters() {
        let ((go_now, go), (wrote, written)) = (channel(), channel());
        let mut printer = Printer::start(Box::new(Stuck { go, wrote }), Style::Plain, true, Speed::Max);
        go_now.send(()).expect("the output waits");
        printer.print(lines("a price"));
        let end = vec![Line::new(Tag::Summary, Timestamp(0), "the end".to_owned())];
        printer.finish(end).expect("the output takes it");
        let all: Vec<String> = written.iter().collect();
        assert_eq!(all, ["1970-01-01T00:00:00.000Z SUMMARY         the end\n"]);
    }
}
