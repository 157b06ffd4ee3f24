//! Tokens in files that only their owner can read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
#[cfg(unix)]
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AccessError, CHOSEN_MAX, CHOSEN_MIN, DRAWN_BYTES};

/// The length of a file with a drawn token: two digits a byte, and the end of the line.
const DRAWN_MAX: u64 = DRAWN_BYTES as u64 * 2 + 1;

/// Where the command line looks for the token of the service at a port of this machine: in the
/// user's own runtime folder, else in the folder for temporary files.
#[must_use]
pub fn default_place(port: u16) -> PathBuf {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|own| own.is_dir());
    own.unwrap_or_else(std::env::temp_dir).join(format!("ripcord-{port}.token"))
}

/// Reads the token that a file holds.
///
/// # Errors
/// When it cannot be read, holds no token, or others can read it.
pub fn read_token(path: &Path) -> Result<String, AccessError> {
    let read = |source| AccessError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    let about = file.metadata().map_err(read)?;
    if about.is_dir() {
        return Err(AccessError::Folder { path: path.to_owned() });
    }
    refuse_shared(path, &about)?;
    let unfit = |found: &str| AccessError::Unfit { path: path.to_owned(), found: found.to_owned() };
    let mut text = String::new();
    let limit = CHOSEN_MAX as u64 + 3;
    match file.take(limit).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(unfit("no text")),
        Err(error) => return Err(read(error)),
    }
    let token = text.trim_end_matches(['\n', '\r']);
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unfit("spaces, more than one line, or other characters"));
    }
    match token.len() {
        0 => Err(unfit("nothing")),
        length @ 1..CHOSEN_MIN => Err(unfit(&format!("{length} characters"))),
        CHOSEN_MIN..=CHOSEN_MAX => Ok(token.to_owned()),
        _ => Err(unfit("too many characters")),
    }
}

#[cfg(unix)]
fn refuse_shared(path: &Path, about: &std::fs::Metadata) -> Result<(), AccessError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(AccessError::Shared { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_shared(_path: &Path, _about: &std::fs::Metadata) -> Result<(), AccessError> {
    Ok(())
}

/// Files that hold a token of ours; they go when this goes.
#[derive(Debug, Default)]
pub(super) struct Written {
    files: Vec<Mine>,
}

/// A file with a token.
#[derive(Debug)]
struct Mine {
    path: PathBuf,
    hash: blake3::Hash,
    /// Locked as long as the run lives, however it ends: what nobody holds was left behind.
    _held: File,
}

impl Written {
    /// Writes a token where nothing is, or where a run that was killed left its own.
    pub(super) fn write(&mut self, path: &Path, token: &str) -> Result<(), AccessError> {
        let failed = |source| AccessError::Write { path: path.to_owned(), source };
        match std::fs::symlink_metadata(path) {
            Ok(about) if about.is_file() && about.len() <= DRAWN_MAX => {
                let left = std::fs::read(path).map_err(failed)?;
                if !is_drawn(&left) {
                    return Err(AccessError::Taken { path: path.to_owned() });
                }
                std::fs::remove_file(path).map_err(failed)?;
            }
            Ok(_) => return Err(AccessError::Taken { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let text = format!("{token}\n");
        let held = write_new(path, &text).map_err(failed)?;
        // Elsewhere a lock would keep readers out. Without one a run is known by its port alone.
        #[cfg(unix)]
        let _unheld = held.try_lock();
        self.files.push(Mine { path: path.to_owned(), hash: blake3::hash(text.as_bytes()), _held: held });
        Ok(())
    }
}

/// Removes the tokens that killed runs of the owner of `own` left in its folder, for ports at which nobody listens:
/// each was written long ago, and no run holds its lock.
#[cfg(unix)]
pub(super) fn sweep(own: &Path, lasts: Duration) {
    use std::os::unix::fs::MetadataExt;
    let Ok(owner) = std::fs::metadata(own).map(|about| about.uid()) else { return };
    let entries = own.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(port) = port_of(&path).filter(|_| path != own) else { continue };
        let Ok(about) = std::fs::symlink_metadata(&path) else { continue };
        let age = about.modified().ok().and_then(|at| at.elapsed().ok());
        let is_old = age.is_some_and(|age| age >= lasts);
        if !about.is_file() || about.uid() != owner || about.len() != DRAWN_MAX || !is_old {
            continue;
        }
        let Ok(mut file) = File::open(&path) else { continue };
        let mut text = Vec::new();
        let is_left = file.try_lock().is_ok()
            && file.read_to_end(&mut text).is_ok()
            && is_drawn(&text)
            && !is_heard(port);
        if is_left {
            // Another start may have been faster.
            let _gone = std::fs::remove_file(&path);
        }
    }
}

/// Elsewhere nothing says whose a file is, or whether its run lives.
#[cfg(not(unix))]
pub(super) fn sweep(_own: &Path, _lasts: Duration) {}

/// The port in the name of a token's file.
#[cfg(unix)]
fn port_of(path: &Path) -> Option<u16> {
    path.file_name()?.to_str()?.strip_prefix("ripcord-")?.strip_suffix(".token")?.parse().ok()
}

/// Whether somebody listens at a port of this machine; unless it is said that nobody does, somebody may.
#[cfg(unix)]
fn is_heard(port: u16) -> bool {
    const WITHIN: Duration = Duration::from_millis(200);
    let heard = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), WITHIN);
    !heard.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

impl Drop for Written {
    fn drop(&mut self) {
        for Mine { path, hash, .. } in &self.files {
            // Another run may have the place by now.
            if std::fs::read(path).is_ok_and(|text| blake3::hash(&text) == *hash) {
                // What cannot be removed is worth nothing: its run has ended.
                let _stays = std::fs::remove_file(path);
            }
        }
    }
}

/// Whether this is what a run wrote, whole or cut off.
fn is_drawn(text: &[u8]) -> bool {
    text.trim_ascii_end().iter().all(u8::is_ascii_hexdigit)
}

/// A new file for its owner alone; never through a link, and never over something.
pub(super) fn write_new(path: &Path, text: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn what_was_written_is_its_owners_and_goes_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.token");
        let mut written = Written::default();
        written.write(&file, TOKEN).expect("written");
        assert_eq!(read_token(&file).expect("a token"), TOKEN);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(written);
        assert!(!file.exists());
    }

    #[test]
    fn what_a_killed_run_left_is_replaced_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.token");
        for left in ["", "0011", TOKEN] {
            std::fs::write(&file, left).expect("written");
            let mut written = Written::default();
            written.write(&file, TOKEN).expect(left);
        }
        std::fs::write(&file, "the only copy of something").expect("written");
        let error = Written::default().write(&file, TOKEN).expect_err("not ours");
        assert!(matches!(error, AccessError::Taken { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "the only copy of something");
        #[cfg(unix)]
        {
            let link = folder.path().join("b.token");
            std::os::unix::fs::symlink(&file, &link).expect("a link");
            assert!(matches!(Written::default().write(&link, TOKEN), Err(AccessError::Taken { .. })));
        }
    }

    #[cfg(unix)]
    #[test]
    fn tokens_of_killed_runs_are_swept_and_those_of_living_runs_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let heard = file(&format!("ripcord-{}.token", listener.local_addr().expect("it is bound").port()));
        let text = format!("{TOKEN}\n");
        // Nobody listens at port 1 or 2 of this machine.
        let (left, living, foreign) =
            (file("ripcord-1.token"), file("ripcord-2.token"), file("ripcord-3.token"));
        for path in [&left, &heard, &file("ripcord-x.token"), &file("ripcord-1.token.copy")] {
            std::fs::write(path, &text).expect("written");
        }
        std::fs::write(&foreign, "x".repeat(text.len())).expect("written");
        let mut written = Written::default();
        written.write(&living, TOKEN).expect("written");
        let own = file("ripcord-4.token");
        written.write(&own, TOKEN).expect("written");
        sweep(&own, Duration::from_secs(3_600));
        assert!(left.exists(), "what was written just now may be that of a start");
        sweep(&own, Duration::ZERO);
        assert!(!left.exists());
        for path in [&heard, &living, &foreign, &own, &file("ripcord-x.token"), &file("ripcord-1.token.copy")]
        {
            assert!(path.exists(), "{path:?}");
        }
    }

    #[test]
    fn a_folder_is_called_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = read_token(folder.path()).expect_err("no file").to_string();
        assert!(error.contains("is a folder") && !error.contains("chmod"), "{error}");
    }

    #[test]
    fn the_place_of_another_run_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.token");
        let mut written = Written::default();
        written.write(&file, TOKEN).expect("written");
        let other = TOKEN.replace('0', "9") + "\n";
        std::fs::write(&file, &other).expect("written");
        drop(written);
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), other);
    }
}
