//! A file that loses its name while it is written to is noticed before anybody acts on what it took.

use ripcord_core::time::Timestamp;
use ripcord_store::StoreError;

use crate::support::{Place, fact};

#[test]
fn a_store_whose_file_log_or_lock_is_removed_refuses_everything_from_then_on() {
    for end in ["", "-wal", ".lock"] {
        let place = Place::new();
        let mut store = place.create();
        store.append(Timestamp(1), &[fact(1)]).expect("memory");
        store.commit().expect("durable");
        let mut file = place.file().into_os_string();
        file.push(end);
        std::fs::remove_file(&file).expect("it is there");
        store.append(Timestamp(2), &[fact(2)]).expect("memory");
        let error = store.commit().expect_err("nobody could read it again");
        assert!(matches!(error, StoreError::Gone { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&file.to_string_lossy().into_owned()) && text.contains("ripcord db restore"),
            "{text}"
        );
        let error = store.append(Timestamp(3), &[fact(3)]).expect_err("it stays like that");
        assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
    }
}

#[test]
fn a_store_whose_name_another_file_took_refuses_everything() {
    let place = Place::new();
    let mut store = place.create();
    std::fs::rename(place.file(), place.folder().join("elsewhere.db")).expect("moved");
    std::fs::write(place.file(), "another file").expect("written");
    store.append(Timestamp(2), &[fact(2)]).expect("memory");
    let error = store.commit().expect_err("its name leads elsewhere");
    assert!(matches!(error, StoreError::Gone { .. }), "{error}");
}
