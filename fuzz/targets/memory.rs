//! How much one input makes a target hold at once, counted by the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

/// What one input may hold at once, above what was held before it.
pub(crate) const BYTES_MAX: isize = 64 << 20;

struct Counting;

static HELD: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held =
            HELD.fetch_add(layout.size().cast_signed(), Ordering::Relaxed) + layout.size().cast_signed();
        MOST.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs a target and panics when it held too much on the way.
pub(crate) fn bounded(work: impl FnOnce()) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    work();
    let most = MOST.load(Ordering::Relaxed) - before;
    assert!(
        most <= BYTES_MAX,
        "the input made it hold {most} bytes at once; at most {BYTES_MAX} are allowed"
    );
}
