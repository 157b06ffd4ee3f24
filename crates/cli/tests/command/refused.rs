//! Who may not, and what is no command.

use crate::service::{Service, ripcord};

#[test]
fn without_its_token_nobody_commands() {
    let mut service = Service::start(&["--speed", "20"]);
    service.holding(1);
    let json = "Content-Type: application/json";
    let (token, key) = (service.token(), "Idempotency-Key: k");
    assert_eq!(token.len(), 64);
    let (short, long) = (&token[..63], format!("{token}0"));
    let wrong = [
        vec![],
        vec!["Authorization: Bearer 0".to_owned()],
        vec![format!("Authorization: Bearer {short}")],
        vec![format!("Authorization: Bearer {long}")],
        vec![format!("Authorization: Basic {token}")],
        vec![format!("Authorization: Bearer {token}"), format!("Authorization: Bearer {token}")],
    ];
    for headers in &wrong {
        let all: Vec<&str> = headers.iter().map(String::as_str).chain([json, key]).collect();
        // Whatever it asks for, even what is nothing, it hears the same.
        for path in ["/v1/commands/panic", "/v1/commands/nothing"] {
            let (code, head, body) = service.post(path, &all, b"{}");
            assert_eq!(
                (code, &body["error"], &body["message"]),
                (401, &"unauthorized".into(), &"not allowed".into())
            );
            assert!(head.contains("www-authenticate: bearer"), "{head}");
        }
    }
    assert_eq!(service.get("/health")["commands_denied"], wrong.len() as u64 * 2);
    service.wait_for_line("ACCESS_DENIED");
    assert!(!service.lines().contains(&token), "the token is in no line");
    let file = service.path("other.token");
    std::fs::write(&file, "f".repeat(64)).expect("written");
    owned(&file);
    let (code, out, err) = service.say(&["panic", "--yes", "--token-file", file.to_str().expect("UTF-8")]);
    assert_eq!((code, out.as_str()), (Some(4), ""), "{err}");
    assert!(err.contains("does not allow it"), "{err}");
    let (code, _, err) = ripcord(&service.path("elsewhere"), &["panic", "--yes", "--url", &service.url]);
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("--token-file FILE"), "{err}");
    service.kill();
    let (code, _, err) = service.say(&["panic", "--yes"]);
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("does not answer"), "{err}");
    let dump = crate::service::journal(&["journal", "dump", &service.store(), "--json"]);
    assert!(!dump.contains("\"panic\"") && !dump.contains(&token));
}

/// A negative quantity is the service's to refuse, and a token set to nothing is none.
#[test]
fn a_negative_quantity_is_no_option_and_an_empty_token_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = ["close", "X-L-1-1", "--qty", "-1", "--url", "http://127.0.0.1:1"];
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_ripcord"))
        .args(command)
        .env("RIPCORD_TOKEN", "")
        .env("XDG_RUNTIME_DIR", folder.path())
        .output()
        .expect("ripcord starts");
    let err = String::from_utf8(ended.stderr).expect("text");
    assert!(ended.status.code() == Some(4) && err.contains("ripcord-1.token cannot be read"), "{err}");
}

#[cfg(unix)]
fn owned(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("ours");
}

#[cfg(not(unix))]
fn owned(_file: &std::path::Path) {}

#[cfg(unix)]
#[test]
fn the_token_is_its_owners_alone_and_goes_with_the_run() {
    use std::os::unix::fs::PermissionsExt;
    let mut service = Service::start(&["--speed", "20"]);
    let port = service.url.rsplit_once(':').expect("a port").1;
    let files = [service.path("paper.db.token"), service.path(&format!("ripcord-{port}.token"))];
    for file in &files {
        let mode = std::fs::metadata(file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let lines = service.lines();
        assert!(lines.contains("paper.db.token") && !lines.contains(&service.token()), "{lines}");
    }
    let ended = std::process::Command::new("kill").args(["-TERM", &service.pid().to_string()]).status();
    assert!(ended.expect("kill").success());
    assert_eq!(service.wait(), Some(0));
    assert!(files.iter().all(|file| !file.exists()));
}

#[test]
fn a_given_token_is_used_and_the_network_needs_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "chosen-by-somebody-0123456789abcdef\n").expect("written");
    owned(&file);
    let file = file.to_str().expect("UTF-8");
    let service = Service::start(&["--speed", "20", "--token-file", file]);
    assert!(!service.path("paper.db.token").exists());
    service.holding(1);
    let (code, out, err) = service.say(&["kill", "K1", "--token-file", file]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let (code, out, err) = ripcord(service.folder(), &["run", "--listen", "0.0.0.0:0", "--for", "1s"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("can be reached from the network") && err.contains("--token-file FILE"), "{err}");
    let args = ["run", "--listen", "0.0.0.0:0", "--for", "1s", "--token-file", file];
    let (code, out, err) = ripcord(service.folder(), &args);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("anyone there can read every position"), "{out}");
}

#[test]
fn the_same_key_gets_the_same_answer_and_does_it_once() {
    let mut service = Service::start(&["--speed", "20"]);
    let id = service.holding(1)[0]["id"].as_str().expect("an id").to_owned();
    let body = format!("{{\"position\":\"{id}\"}}");
    let (code, head, first) = service.command("close", "one", &body);
    assert_eq!((code, head.contains("idempotency-replayed")), (200, false), "{first}");
    let (code, head, again) = service.command("close", "one", &body);
    assert_eq!((code, &again, head.contains("idempotency-replayed: true")), (200, &first, true));
    for (word, other) in
        [("close", "{\"position\":\"BTCUSDT-L-0-9\"}"), ("panic", body.as_str()), ("panic", "{}")]
    {
        let (code, _, told) = service.command(word, "one", other);
        let is_kept = (code, &told["error"]) == (409, &"key_reused".into());
        // What is no command is told before its key is looked at.
        assert!(is_kept || (code, &told["error"]) == (400, &"bad_body".into()), "{word} {other}: {told}");
    }
    // A refusal of the engine is an answer too.
    let (code, _, refused) = service.command("kill", "two", "{\"level\":\"K3\"}");
    assert_eq!((code, &refused["why"]), (409, &"not_confirmed".into()), "{refused}");
    let (code, head, again) = service.command("kill", "two", "{\"level\":\"K3\"}");
    assert_eq!((code, &again, head.contains("idempotency-replayed: true")), (409, &refused, true));
    let (code, answer) = service.json(&["kill", "K1", "--key", "three"]);
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!(service.json(&["kill", "K1", "--key", "three"]), (Some(0), answer));
    service.kill();
    let dump = crate::service::journal(&["journal", "dump", &service.store(), "--json"]);
    assert_eq!(dump.matches("\"command\":{\"close\"").count(), 1, "once");
}

#[test]
fn what_is_no_command_is_refused_by_what_is_wrong() {
    let service = Service::start(&["--speed", "20"]);
    let id = service.holding(1)[0]["id"].as_str().expect("an id").to_owned();
    let with = |rest: &str| format!("{{\"position\":\"{id}\",{rest}}}");
    for (word, body, code, error, says) in [
        ("panic", "{".to_owned(), 400, "bad_body", "EOF"),
        ("panic", "{\"acount\":1}".to_owned(), 400, "bad_body", "unknown field `acount`"),
        ("close", with("\"size\":\"1\""), 400, "bad_body", "unknown field `size`"),
        ("close", with("\"qty\":1"), 400, "bad_body", "in quotes"),
        ("close", with("\"qty\":\"0.0000000001\""), 400, "bad_number", "is finer than the lot"),
        ("move-stop", with("\"to\":\"1.00000000001\""), 400, "bad_number", "is finer than the tick"),
        ("move-stop", with("\"to\":\"-5\""), 400, "bad_number", "not above 0"),
        (
            "close",
            "{\"symbol\":\"DOGEUSDT\",\"side\":\"long\"}".to_owned(),
            400,
            "unknown_symbol",
            "`DOGEUSDT`",
        ),
        ("release", "{\"position\":\"nothing\"}".to_owned(), 400, "bad_position", "`nothing` is no position"),
        ("kill", "{\"level\":\"K9\"}".to_owned(), 400, "bad_level", "K1, K2, K3, K4 or release"),
        ("explode", "{}".to_owned(), 404, "not_found", "close, panic, kill"),
        ("panic", format!("{{\"account\":{}1}}", " ".repeat(64 << 10)), 413, "body_too_large", "65536"),
    ] {
        let (got, _, told) = service.command(word, "key", &body);
        assert_eq!((got, &told["error"]), (code, &error.into()), "{word}: {told}");
        assert!(told["message"].as_str().is_some_and(|text| text.contains(says)), "{told}");
    }
    let token = format!("Authorization: Bearer {}", service.token());
    let (json, key) = ("Content-Type: application/json", "Idempotency-Key: k");
    for (headers, code, error) in [
        (vec![json], 400, "idempotency_key"),
        (vec![json, "Idempotency-Key: two words"], 400, "idempotency_key"),
        (vec![key], 415, "not_json"),
        (vec![key, "Content-Type: text/plain"], 415, "not_json"),
        (vec![key, json, "Origin: http://evil.example"], 403, "cross_origin"),
        (vec![key, json, "Origin: null"], 403, "cross_origin"),
    ] {
        let headers: Vec<&str> = headers.into_iter().chain([token.as_str()]).collect();
        let (got, _, told) = service.post("/v1/commands/panic", &headers, b"{}");
        assert_eq!((got, &told["error"]), (code, &error.into()), "{headers:?}: {told}");
    }
    for (args, code, says) in [
        (&["close", "DOGEUSDT-L-0-1"][..], 2, "`DOGEUSDT` is not traded here"),
        (&["close", &id, "--qty", "0.0000000001"], 2, "finer than the lot"),
        (&["close", "BTCUSDT-L-999-1"], 3, "refused: BTCUSDT LONG of account 999 is not open"),
        (&["panic", "--yes", "--account", "999"], 3, "account 999 is not managed here"),
        (&["kill", "K5"], 2, "K5"),
        (&["close"], 2, "ID"),
        (&["kill", "K1", "--key", "two words"], 2, "--key must be"),
    ] {
        let (got, out, err) = service.say(args);
        assert_eq!((got, out.as_str()), (Some(code), ""), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
    }
    assert!(service.holding(1).iter().any(|of| of["id"] == id.as_str()), "nothing was done");
}
