//! A service on paper, its words, and what it left.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

/// Wide stops of ours, and one at the venue: in a calm market positions stay.
const PLAN: &str = "version = 1\nname = \"held\"\ntaker_fee = 0.0005\n\
    [stop_loss]\ndistance = { fraction = 0.05 }\n[hard_stop]\nfraction = 0.08\n[bracket]\n";

pub(crate) struct Service {
    folder: Arc<TempDir>,
    child: Child,
    pub(crate) url: String,
    lines: Arc<Mutex<String>>,
}

/// Runs `ripcord`, where the tokens of this folder are found.
pub(crate) fn ripcord(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripcord"));
    command.args(args).env("NO_COLOR", "1").env("XDG_RUNTIME_DIR", folder).env_remove("RIPCORD_TOKEN");
    let ran = command.stdin(Stdio::null()).output().expect("ripcord starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

/// A command on a store at rest that must go well.
pub(crate) fn journal(args: &[&str]) -> String {
    let (code, out, err) = ripcord(Path::new("."), args);
    assert_eq!(code, Some(0), "{args:?}: {err}");
    out
}

impl Service {
    /// A service with a store of its own.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().expect("a folder")), args)
    }

    fn in_folder(folder: Arc<TempDir>, args: &[&str]) -> Self {
        let (plan, store) = (folder.path().join("plan.toml"), folder.path().join("paper.db"));
        std::fs::write(&plan, PLAN).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ripcord"));
        command.args(["run", "--listen", "127.0.0.1:0", "--regime", "calm", "--plan"]).arg(plan);
        command.arg("--db").arg(store).args(args).env("NO_COLOR", "1").env("XDG_RUNTIME_DIR", folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("ripcord starts");
        let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut seen = String::new();
        while !seen.contains("COMPLETE") {
            let before = seen.len();
            assert!(reader.read_line(&mut seen).is_ok() && seen.len() > before, "it does not start: {seen}");
        }
        let addr = seen.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
        let url = format!("http://{addr}");
        let lines = Arc::new(Mutex::new(seen));
        let kept = Arc::clone(&lines);
        // Whoever writes must be read.
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                kept.lock().expect("nobody panicked").push_str(&(line + "\n"));
            }
        });
        Self { folder, child, url, lines }
    }

    /// Killed in the middle of whatever it did.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("ours");
        self.child.wait().expect("gone");
    }

    /// The same again, as after a crash.
    pub(crate) fn restart(mut self, args: &[&str]) -> Self {
        self.kill();
        Self::in_folder(Arc::clone(&self.folder), args)
    }

    /// How it ends by itself.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("an end").code()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> String {
        self.path("paper.db").to_str().expect("UTF-8").to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn lines(&self) -> String {
        self.lines.lock().expect("nobody panicked").clone()
    }

    /// Waits for a line, but not for ever.
    pub(crate) fn wait_for_line(&self, word: &str) {
        for _ in 0..500 {
            if self.lines().contains(word) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("no {word} in\n{}", self.lines());
    }

    pub(crate) fn token(&self) -> String {
        let text = std::fs::read_to_string(self.path("paper.db.token")).expect("a token");
        text.trim_end().to_owned()
    }

    /// Says something to it on the command line.
    pub(crate) fn say(&self, args: &[&str]) -> (Option<i32>, String, String) {
        ripcord(self.folder.path(), &[args, &["--url", &self.url]].concat())
    }

    pub(crate) fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let (code, out, err) = self.say(&[args, &["--json"]].concat());
        (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{args:?}: {code:?} {out} {err}")))
    }

    /// Its positions, once there are so many, none of them on its way out.
    pub(crate) fn holding(&self, least: usize) -> Vec<Value> {
        for _ in 0..500 {
            let (_, told) = self.json(&["status"]);
            let held = told["positions"].as_array().expect("a list");
            if held.len() >= least && held.iter().all(|of| of["closing"].is_null() && of["stop"].is_object())
            {
                return held.clone();
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("it does not hold {least} positions:\n{}", self.lines());
    }

    /// A request as it goes over the wire, without a token unless it is among the headers.
    pub(crate) fn post(&self, path: &str, headers: &[&str], body: &[u8]) -> (u16, String, Value) {
        let addr = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(addr).expect("a connection");
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
        for header in headers {
            head += &format!("{header}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).expect("sent");
        // It may have been refused before its end.
        let _closed = stream.write_all(body);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code");
        (code, head.to_lowercase(), serde_json::from_str(body).expect("JSON"))
    }

    /// A command with everything that it needs.
    pub(crate) fn command(&self, word: &str, key: &str, body: &str) -> (u16, String, Value) {
        let token = format!("Authorization: Bearer {}", self.token());
        let key = format!("Idempotency-Key: {key}");
        let headers = [token.as_str(), key.as_str(), "Content-Type: application/json"];
        self.post(&format!("/v1/commands/{word}"), &headers, body.as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let addr = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(addr).expect("a connection");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("head and body");
        serde_json::from_str(body).expect("JSON")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
