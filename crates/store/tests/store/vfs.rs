//! A file layer for SQLite that writes down what it does, and fails when it is told to.
//!
//! It passes everything on to the system's own. Locks and shared memory are not its business.
#![allow(unsafe_code, unused_unsafe, reason = "SQLite's file layer is a table of C functions")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};

use ripcord_store::rusqlite::ffi;

/// Something that was done to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    Write {
        file: String,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        size: u64,
    },
    Sync {
        file: String,
    },
    Delete {
        file: String,
    },
    /// The test's own note: everything up to this record was acknowledged.
    Acknowledged(u64),
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The device reports an error; nothing was done.
    Error,
    /// Half of it was done.
    Torn,
    /// The disk is full.
    Full,
    /// It was done, and reported as failed.
    Lied,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) log: Vec<Op>,
    /// Writes, truncations and syncs so far.
    pub(crate) count: u64,
    /// Fail at this operation, counted from 1, and from then on if it is lasting.
    pub(crate) fail: Option<(u64, Failure, bool)>,
}

/// The file layer and its log; registered for the life of the process.
pub(crate) struct Vfs {
    pub(crate) name: String,
    pub(crate) state: Arc<Mutex<State>>,
}

struct App {
    real: *mut ffi::sqlite3_vfs,
    state: Arc<Mutex<State>>,
}

#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    app: *const App,
    /// Null for files without a name.
    name: *mut String,
}

impl Vfs {
    pub(crate) fn register(name: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let c_name = CString::new(name).expect("no zero in a name").into_raw();
        // SAFETY: the default layer lives as long as the process; what is registered is leaked.
        unsafe {
            let real = ffi::sqlite3_vfs_find(std::ptr::null());
            let app = Box::into_raw(Box::new(App { real, state: Arc::clone(&state) }));
            let mut vfs = *real;
            vfs.zName = c_name;
            vfs.pAppData = app.cast();
            vfs.pNext = std::ptr::null_mut();
            vfs.szOsFile = i32::try_from(size_of::<File>()).expect("small") + (*real).szOsFile;
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0), ffi::SQLITE_OK);
        }
        Self { name: name.to_owned(), state }
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The files that a log leaves, if the writes for which `keep` says no never arrived.
pub(crate) fn image(
    base: &BTreeMap<String, Vec<u8>>,
    log: &[Op],
    mut keep: impl FnMut(usize, &Op) -> bool,
) -> BTreeMap<String, Vec<u8>> {
    let mut files = base.clone();
    for (number, op) in log.iter().enumerate() {
        if !keep(number, op) {
            continue;
        }
        match op {
            Op::Write { file, at, bytes } => {
                let content = files.entry(file.clone()).or_default();
                let (from, to) = (*at as usize, *at as usize + bytes.len());
                content.resize(content.len().max(to), 0);
                content[from..to].copy_from_slice(bytes);
            }
            Op::Truncate { file, size } => files.entry(file.clone()).or_default().resize(*size as usize, 0),
            Op::Delete { file } => {
                files.remove(file);
            }
            Op::Sync { .. } | Op::Acknowledged(_) => {}
        }
    }
    files
}

const METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The system's file lies behind ours.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: SQLite allocates `szOsFile` bytes, which is ours and the system's.
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

/// Calls a method of the system's file.
macro_rules! pass {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: the system's file was opened, and its methods take what SQLite gave us.
        unsafe {
            let real = real($file);
            let method = (*(*real).pMethods).$method.expect("the system's layer has it");
            method(real $(, $argument)*)
        }
    }};
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: as SQLite promises for xOpen; `pAppData` is what was registered.
    unsafe {
        let app: *const App = (*vfs).pAppData.cast();
        let ours: *mut File = file.cast();
        (*ours).base.pMethods = std::ptr::null();
        let opened = (*(*app).real).xOpen.expect("the system's layer opens")(
            (*app).real,
            name,
            real(file),
            flags,
            out,
        );
        if opened != ffi::SQLITE_OK {
            return opened;
        }
        (*ours).app = app;
        (*ours).name = Box::into_raw(Box::new(short(name)));
        (*ours).base.pMethods = &raw const METHODS_STATIC.0;
        ffi::SQLITE_OK
    }
}

struct Methods(ffi::sqlite3_io_methods);
// SAFETY: a table of functions that is never changed.
unsafe impl Sync for Methods {}
static METHODS_STATIC: Methods = Methods(METHODS);

/// A file's name without its folder.
unsafe fn short(name: *const c_char) -> String {
    if name.is_null() {
        return "temporary".to_owned();
    }
    // SAFETY: SQLite gives names that end in zero.
    let text = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    text.rsplit('/').next().unwrap_or_default().to_owned()
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: as SQLite promises for xDelete.
    unsafe {
        let app: *const App = (*vfs).pAppData.cast();
        let mut state = (*app).state.lock().unwrap_or_else(PoisonError::into_inner);
        state.log.push(Op::Delete { file: short(name) });
        (*(*app).real).xDelete.expect("the system's layer deletes")((*app).real, name, sync)
    }
}

/// Counts an operation, and says how it is to fail.
unsafe fn count(file: *mut ffi::sqlite3_file) -> Option<Failure> {
    // SAFETY: the file is ours and open.
    let mut state =
        unsafe { (*(*file.cast::<File>()).app).state.lock().unwrap_or_else(PoisonError::into_inner) };
    state.count += 1;
    let number = state.count;
    let (at, failure, lasting) = state.fail?;
    (number == at || (lasting && number > at)).then_some(failure)
}

unsafe fn note(file: *mut ffi::sqlite3_file, op: impl FnOnce(String) -> Op) {
    // SAFETY: the file is ours and open.
    unsafe {
        let ours = file.cast::<File>();
        let mut state = (*(*ours).app).state.lock().unwrap_or_else(PoisonError::into_inner);
        state.log.push(op((*(*ours).name).clone()));
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, data: *const c_void, size: c_int, at: i64) -> c_int {
    // SAFETY: as SQLite promises for xWrite.
    unsafe {
        let failure = count(file);
        let done = match failure {
            Some(Failure::Error | Failure::Full) => 0,
            Some(Failure::Torn) => size / 2,
            Some(Failure::Lied) | None => size,
        };
        let bytes =
            std::slice::from_raw_parts(data.cast::<u8>(), usize::try_from(done).expect("a length")).to_vec();
        note(file, |file| Op::Write { file, at: at.cast_unsigned(), bytes });
        let result = if done > 0 { pass!(file, xWrite, data, done, at) } else { ffi::SQLITE_OK };
        match failure {
            None => result,
            Some(Failure::Full) => ffi::SQLITE_FULL,
            Some(_) => ffi::SQLITE_IOERR_WRITE,
        }
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: the file is ours and open.
    unsafe {
        let failure = count(file);
        if matches!(failure, None | Some(Failure::Lied)) {
            note(file, |file| Op::Truncate { file, size: size.cast_unsigned() });
            let result = pass!(file, xTruncate, size);
            if failure.is_none() {
                return result;
            }
        }
        ffi::SQLITE_IOERR_TRUNCATE
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is ours and open.
    unsafe {
        let failure = count(file);
        if matches!(failure, None | Some(Failure::Lied)) {
            note(file, |file| Op::Sync { file });
            let result = pass!(file, xSync, flags);
            if failure.is_none() {
                return result;
            }
        }
        ffi::SQLITE_IOERR_FSYNC
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let result = pass!(file, xClose);
    // SAFETY: the name was boxed when the file was opened, and nobody uses it any more.
    unsafe { drop(Box::from_raw((*file.cast::<File>()).name)) };
    result
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, size: c_int, at: i64) -> c_int {
    pass!(file, xRead, to, size, at)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    pass!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, out)
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, op: c_int, argument: *mut c_void) -> c_int {
    pass!(file, xFileControl, op, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    // The plainest disk there is: it promises nothing.
    0
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    pass!(file, xShmLock, offset, n, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    pass!(file, xShmBarrier);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass!(file, xShmUnmap, delete)
}
