//! What somebody stopped stays stopped.

use serde_json::Value;

use crate::service::Service;

fn levels(told: &Value) -> Vec<(u64, String)> {
    let accounts = told["accounts"].as_array().expect("a list").iter();
    let level = |of: &Value| Some((of["account"].as_u64()?, of["kill_level"].as_str()?.to_owned()));
    accounts.filter_map(level).collect()
}

fn released(told: &Value) -> Vec<String> {
    let accounts = told["accounts"].as_array().expect("a list").iter();
    let all = accounts.flat_map(|of| of["released"].as_array().expect("a list"));
    all.map(|bucket| bucket.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn kill_levels_and_releases_hold_over_a_kill_and_a_restart() {
    let args = ["--speed", "20", "--max-positions", "3"];
    let service = Service::start(&args);
    let held = service.holding(3);
    let id = held[0]["id"].as_str().expect("an id");
    let (bucket, _) = id.rsplit_once('-').expect("a life");
    let freed = held[0]["account"].as_u64().expect("an account");
    let stopped = (freed + 1) % 3;
    let (code, answer) = service.json(&["release", id]);
    assert_eq!(code, Some(0), "{answer}");
    let (code, answer) = service.json(&["kill", "K3", "--yes", "--account", &stopped.to_string()]);
    assert_eq!(code, Some(0), "{answer}");

    let service = service.restart(&args);
    let (_, told) = service.json(&["status"]);
    assert_eq!(levels(&told), [(stopped, "K3".to_owned())], "{told}");
    assert_eq!(released(&told), [bucket], "{told}");
    assert!(told["accounts"][0]["managed"]["instruments"].as_array().is_some_and(|all| all.len() == 3));
    let health = service.get("/health");
    assert_eq!(health["kill_levels"][stopped.to_string()], "K3", "{health}");
    let (_, text, _) = service.say(&["status"]);
    assert!(text.contains(&format!("account {stopped} is stopped by K3: nothing is sent")), "{text}");
    assert!(text.contains(&format!("let go: {bucket}; nothing here acts on it")), "{text}");

    // The demo opens nothing where something was let go.
    service.holding(1);
    let (_, told) = service.json(&["status"]);
    let there = told["positions"].as_array().expect("a list").iter();
    assert_eq!(there.filter(|of| of["account"] == freed).count(), 0, "{told}");

    let (code, answer) = service.json(&["kill", "release", "--account", &stopped.to_string()]);
    assert_eq!((code, &answer["accounts"][0]["is_new"]), (Some(0), &true.into()), "{answer}");
    let (code, answer) = service.json(&["hand-over", bucket]);
    assert_eq!(code, Some(0), "{answer}");
    let mut service = service.restart(&args);
    let (_, told) = service.json(&["status"]);
    assert_eq!((levels(&told), released(&told)), (Vec::new(), Vec::new()), "{told}");
    service.kill();
    crate::service::journal(&["journal", "replay", &service.store()]);
}

#[test]
fn a_command_that_cannot_be_written_down_is_not_done() {
    let mut service = Service::start(&["--speed", "1"]);
    service.holding(1);
    std::fs::remove_file(service.store()).expect("it is there");
    let (code, out, err) = service.say(&["panic", "--yes"]);
    assert_eq!((code, out.as_str()), (Some(4), ""), "{err}");
    assert_eq!(service.wait(), Some(1));
    assert!(!service.lines().contains("reason=PANIC_CLOSE"), "{}", service.lines());
}
