//! Lines: what is said is read back, and what is none is an error that says where and why.

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};

use ripcord_sim::generator::Chance;
use ripcord_venue::account;
use ripcord_venue::line::{self, Answer, LINE_MAX, Lines, Request, parse};
use ripcord_venue::serve::{Control, Heard, Server, VenueConfig};
use ripcord_venue::trouble::Level;

/// Of each version the words that it had; the others are as they were.
const SAMPLES: [&str; 5] = [
    include_str!("../formats/v1/lines.jsonl"),
    include_str!("../formats/v2/lines.jsonl"),
    include_str!("../formats/v3/lines.jsonl"),
    include_str!("../formats/v4/lines.jsonl"),
    include_str!("../formats/v5/lines.jsonl"),
];

#[test]
fn the_words_of_each_version_are_read_for_ever_and_written_as_they_were() {
    for text in SAMPLES.iter().flat_map(|sample| sample.lines()) {
        let (side, word) = text.split_once(' ').expect("a side and a word");
        let again = match side {
            ">" => line::text(&parse::<Request>(word.as_bytes(), 1).expect(word)),
            _ => line::text(&parse::<Answer>(word.as_bytes(), 1).expect(word)),
        };
        assert_eq!(again.trim_end(), word);
    }
    let account = include_str!("../formats/v1/account.jsonl");
    let entries = account::read_from(account.as_bytes()).expect("an account");
    let again: String = entries.iter().map(line::text).collect();
    assert_eq!(again, account);
}

#[test]
fn a_line_that_is_none_is_told_with_line_field_and_value() {
    for (text, says) in [
        ("", "line 7: the word: EOF while parsing"),
        ("hello", "line 7: the word: expected value"),
        ("{\"buy\":{}}", "unknown variant `buy`, expected one of `hello`"),
        ("{\"query\":{\"id\":7}}", "query.id: invalid type: integer `7`, expected a string"),
        ("{\"query\":{\"id\":\"a\",\"more\":1}}", "query.more: unknown field `more`, expected `id`"),
        ("{\"query\":{}}", "query: missing field `id`"),
        ("{\"read\":{\"n\":-1,\"account\":0}}", "read.n: invalid value: integer `-1`"),
        ("{\"query\":{\"id\":\"a\"}} x", "its end: more than one JSON object"),
        (
            "{\"submit\":{\"id\":\"a\",\"account\":0,\"instrument\":\"B\",\"side\":\"up\"",
            "submit.side: unknown variant `up`",
        ),
    ] {
        let error = parse::<Request>(text.as_bytes(), 7).expect_err(text).to_string();
        assert!(error.contains(says) && error.contains("docs/venue-lines.md"), "{text}: {error}");
    }
    let long = format!("{{\"query\":{{\"id\":\"{}", "a".repeat(100_000));
    let error = parse::<Request>(long.as_bytes(), 1).expect_err("cut off").to_string();
    assert!(error.len() < 500, "an error does not repeat everything that was said");
    assert!(parse::<Request>(&[0xFF, 0xFE], 1).is_err());
    let deep = "[".repeat(200_000);
    assert!(parse::<Request>(deep.as_bytes(), 1).is_err());
}

#[test]
fn lines_are_bounded_and_a_cut_one_is_not_taken() {
    let long = "x".repeat(LINE_MAX + 5);
    let error = Lines::new(long.as_bytes()).read::<Request>().expect_err("too long").to_string();
    assert!(error.starts_with("line 1 is longer than 262144 bytes"), "{error}");
    let mut lines = Lines::new(&b"{\"query\":{\"id\":\"a\"}}\n{\"query\":{\"id\":\"b\"}}"[..]);
    assert!(matches!(lines.read::<Request>(), Ok(Some(Request::Query(_)))));
    let error = lines.read::<Request>().expect_err("cut off").to_string();
    assert!(error.starts_with("line 2 is cut off"), "{error}");
    assert!(matches!(Lines::new(&b""[..]).read::<Request>(), Ok(None)));
}

#[test]
fn whatever_is_said_nothing_panics() {
    let mut chance = Chance::new(3);
    let words: Vec<&str> = SAMPLES[1].lines().map(|line| &line[2..]).collect();
    for _ in 0..20_000 {
        let mut bytes = words[chance.below(words.len() as u64) as usize].as_bytes().to_vec();
        for _ in 0..chance.below(4) {
            let at = chance.below(bytes.len() as u64) as usize;
            match chance.below(3) {
                0 => bytes[at] = chance.draw() as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"{}[]\",:-0"[chance.below(9) as usize]),
            }
        }
        if let Ok(Request::Submit(order)) = parse::<Request>(&bytes, 1) {
            let _meant_or_not = order.check();
        }
        let _word_or_not = parse::<Answer>(&bytes, 1);
    }
}

/// A venue in this process; where it is, and how to end it.
fn venue() -> (std::net::SocketAddr, impl FnOnce()) {
    let config = VenueConfig {
        listen: "127.0.0.1:0".parse().expect("an address"),
        seed: 1,
        trouble: Level::None,
        accounts: 2,
        positions_max: 4,
        is_blind: false,
        account: None,
    };
    let (addr, server) = Server::bind(config).expect("a port");
    let control = server.control();
    let runs = std::thread::spawn(move || server.run());
    let end = move || {
        control.send(Heard::Control(Control::Stop)).expect("it runs");
        runs.join().expect("no panic").expect("it ends well");
    };
    (addr, end)
}

/// What a venue answers to these lines, up to the end of the conversation.
fn said_to(addr: std::net::SocketAddr, lines: &str) -> Vec<Answer> {
    let mut stream = TcpStream::connect(addr).expect("a connection");
    stream.write_all(lines.as_bytes()).expect("said");
    let mut answers = Vec::new();
    let mut read = Lines::new(BufReader::new(stream));
    while let Ok(Some(answer)) = read.read::<Answer>() {
        let is_last = matches!(answer, Answer::Error(_));
        answers.push(answer);
        if is_last {
            break;
        }
    }
    answers
}

#[test]
fn a_venue_ends_a_conversation_that_is_none_and_goes_on_with_others() {
    let (addr, end) = venue();
    let hello = "{\"hello\":{\"protocol\":\"ripcord-venue-lines\",\"version\":5,\"client\":\"test\"}}\n";
    let submit = "{\"submit\":{\"id\":\"a\",\"account\":0,\"instrument\":\"BTCUSDT\",\"side\":\"long\",\"qty\":0,\"kind\":{\"market\":{}}}}\n";
    for (lines, says) in [
        ("{\"subscribe\":{}}\n".to_owned(), "the first line must be a hello"),
        (hello.replace(":5,", ":9,"), "hello.version is 9; this side speaks version 5: run the same release"),
        (hello.replace("lines", "birds"), "hello.protocol is \"ripcord-venue-birds\""),
        (format!("{hello}GET / HTTP/1.1\n"), "line 2: the word: expected value"),
        (format!("{hello}{submit}"), "submit.qty is 0; it must be above 0"),
        (format!("{hello}{{\"query\":{{\"id\":\"{}\"}}}}\n", "a".repeat(5_000)), ""),
        (format!("{hello}{{\"cancel\":{{\"id\":\"{}\"}}}}\n", "a".repeat(37)), "it must be 1 to 36 of A-Z"),
    ] {
        if says.is_empty() {
            continue;
        }
        let answers = said_to(addr, &lines);
        let Some(Answer::Error(fault)) = answers.last() else { panic!("{lines}: {answers:?}") };
        assert!(fault.why.contains(says), "{lines}: {}", fault.why);
    }
    let bind = TcpListener::bind(addr);
    assert!(bind.is_err(), "it goes on");
    end();
}
