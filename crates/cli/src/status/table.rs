//! The status as a table for people.

use std::fmt::Write as _;

use ripcord_core::num::{MONEY_DECIMALS, Money, Round, fixed};
use serde_json::Value;

use crate::output::plural;

const TITLES: [&str; 9] = [
    "position",
    "held",
    "cover",
    "stop at venue",
    "rule of ours",
    "price",
    "worst without us",
    "worst with us",
    "naked",
];
const RIGHT: [bool; 9] = [false, true, false, true, false, true, true, true, true];

/// Everything, as lines.
pub(super) fn text(told: &Value, is_coloured: bool) -> String {
    let mut text = head(told);
    let positions: &[Value] = told["positions"].as_array().map_or(&[], Vec::as_slice);
    if !positions.is_empty() {
        text += "\n";
        text += &rows(positions, is_coloured);
        text += "\n";
    }
    text += &sums(told);
    text += &accounts(told, is_coloured);
    text += &alarms(told);
    text += &verdict(told, positions, is_coloured);
    text
}

fn head(told: &Value) -> String {
    let mut text = format!(
        "ripcord {} {} {}, {} | as of {}\n",
        word(&told["version"]),
        if told["mode"] == "shadow" { "in" } else { "on" },
        word(&told["mode"]),
        word(&told["health"]).replace('_', " "),
        word(&told["as_of"])
    );
    if told["mode"] == "shadow" {
        text += "  no order of it reaches the account: it protects nothing there\n";
    }
    for reason in told["reasons"].as_array().into_iter().flatten() {
        writeln!(text, "  {}", word(reason)).expect("text");
    }
    let store = &told["store"];
    match store["path"].as_str() {
        Some(path) => {
            let sound = if store["journal"] == "sound" { ", each as it was written" } else { "" };
            write!(text, "kept in {path}: {} records durable{sound}", store["records"]).expect("text");
            if let Some(hash) = store["config_hash"].as_str() {
                write!(text, ", configuration {}", hash.chars().take(12).collect::<String>()).expect("text");
            }
            text.push('\n');
        }
        None => text += "kept nowhere: a restart forgets everything (`ripcord run --db FILE` keeps it)\n",
    }
    text
}

fn rows(positions: &[Value], is_coloured: bool) -> String {
    let all: Vec<[String; 9]> = positions.iter().map(cells).collect();
    let widths: [usize; 9] = std::array::from_fn(|column| {
        let widths = all.iter().map(|row| row[column].chars().count());
        widths.chain([TITLES[column].len()]).max().unwrap_or(0)
    });
    let mut text = String::new();
    let line = |row: &[String; 9]| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let spaces = " ".repeat(widths[column] - cell.chars().count());
            line += &if RIGHT[column] { format!("{spaces}{cell}  ") } else { format!("{cell}{spaces}  ") };
        }
        line.trim_end().to_owned()
    };
    writeln!(text, "{}", line(&TITLES.map(str::to_owned))).expect("text");
    for (row, position) in all.iter().zip(positions) {
        let line = line(row);
        let is_short = position["is_short"] == true;
        let line = if is_short { alarming(&line, is_coloured) } else { line };
        writeln!(text, "{line}").expect("text");
    }
    text
}

fn cells(of: &Value) -> [String; 9] {
    let stop = &of["stop"];
    let at = stop["trigger"].as_str().map_or_else(
        || if of["wants_stop"] == true { "missing" } else { "none" }.to_owned(),
        |trigger| {
            let waits = if stop["is_triggered"] == true { " triggered" } else { "" };
            // Lists come every ten seconds: what was not seen for longer is worth a word.
            let unseen = stop["seen_ms_ago"].as_i64().filter(|&ms| ms > 15_000);
            let unseen = unseen.map_or_else(String::new, |ms| format!(" not seen for {}", age(ms)));
            format!("{trigger}{waits}{unseen}")
        },
    );
    let rule = &of["rule"];
    let rule = match (rule["reason"].as_str(), of["closing"]["reason"].as_str()) {
        (_, Some(closing)) => {
            let age =
                of["closing"]["for_ms"].as_i64().map_or_else(String::new, |ms| format!(" for {}", age(ms)));
            format!("closing {closing}{age}")
        }
        (Some(reason), None) => format!("{reason} {}", word(&rule["level"])),
        (None, None) => "none".to_owned(),
    };
    let naked = of["naked_ms"].as_i64().unwrap_or(0);
    let cover = word(&of["cover"]).replace('_', " ");
    let unknown = of["unknown_orders"].as_u64().filter(|&count| count > 0);
    [
        word(&of["id"]),
        word(&of["held"]),
        unknown.map_or_else(|| cover.clone(), |count| format!("{cover}, {count} unknown")),
        at,
        rule,
        word(&of["price"]),
        money(&of["worst_without_us"]),
        money(&of["worst_with_us"]),
        if of["naked_since"].is_string() {
            format!("now, {}", age(naked))
        } else if naked > 0 {
            age(naked)
        } else {
            "-".to_owned()
        },
    ]
}

fn sums(told: &Value) -> String {
    let (of, is_shadow) = (&told["totals"], told["mode"] == "shadow");
    let by = if is_shadow { "stops on paper, none of it at the account" } else { "stops at the venue" };
    let bounded = |worst: &str, unbounded: &str| {
        let count = of[unbounded].as_u64().unwrap_or(0);
        let more = match count {
            0 => String::new(),
            1 => ", and 1 position unbounded".to_owned(),
            more => format!(", and {more} positions unbounded"),
        };
        format!("{}{more}", money(&of[worst]))
    };
    format!(
        "held: {} {} worth {}; {} % of it is covered by {by}\n\
         worst if only the venue lives:  {}\nworst while ripcord lives:      {}\n\
         worst is net of fees, at the levels themselves: gaps and slippage come on top\n",
        of["positions"],
        plural(of["positions"].as_u64().unwrap_or(0), "position"),
        money(&of["value"]).trim_start_matches('+'),
        word(&of["covered_percent"]),
        bounded("worst_without_us", "unbounded_without_us"),
        bounded("worst_with_us", "unbounded_with_us")
    )
}

/// What somebody stopped or let go, and accounts whose holdings are not known.
fn accounts(told: &Value, is_coloured: bool) -> String {
    let mut text = String::new();
    for account in told["accounts"].as_array().into_iter().flatten() {
        let number = &account["account"];
        if account["kill_level"].is_string() {
            let (level, means) = (word(&account["kill_level"]), word(&account["kill_level_means"]));
            let line = format!("account {number} is stopped by {level}: {means}");
            writeln!(text, "{}", alarming(&line, is_coloured)).expect("text");
        }
        let budget = &account["budget"];
        let how = match budget["pace"].as_str() {
            Some("choice_waits") => "targets, signals and time limits wait for room",
            Some("spent") => "used up; what must go goes, and the venue decides",
            _ => "",
        };
        if !how.is_empty() {
            let (orders, seconds) = (&budget["orders"], budget["window_ms"].as_i64().unwrap_or(0) / 1_000);
            let line = format!("account {number}: {orders} orders in {seconds} s: {how}");
            writeln!(text, "{}", alarming(&line, is_coloured)).expect("text");
        }
        for bucket in account["released"].as_array().into_iter().flatten() {
            let bucket = word(bucket);
            writeln!(text, "let go: {bucket}; nothing here acts on it (`ripcord hand-over {bucket}`)")
                .expect("text");
        }
        let failed = account["managed"]["failed_reads"].as_u64().unwrap_or(0);
        if failed > 0 {
            writeln!(text, "account {number} could not be read, {failed} in a row").expect("text");
        }
    }
    text
}

fn alarms(told: &Value) -> String {
    let alarms: &[Value] = told["alarms"].as_array().map_or(&[], Vec::as_slice);
    if alarms.is_empty() {
        return "alarms: none stand\n".to_owned();
    }
    let mut text = String::new();
    for alarm in alarms {
        let (position, words, since) =
            (word(&alarm["position"]), word(&alarm["text"]), word(&alarm["since"]));
        writeln!(text, "alarm: {position}: {words} (since {since})").expect("text");
    }
    text
}

fn verdict(told: &Value, positions: &[Value], is_coloured: bool) -> String {
    if positions.is_empty() {
        return "nothing is held\n".to_owned();
    }
    let is_shadow = told["mode"] == "shadow";
    let (short, all) = (&told["totals"]["short"], positions.len());
    let text = match told["state"].as_str() {
        Some("covered") if is_shadow => {
            return "on paper everything held is covered as its plan wants; the account is not\n".to_owned();
        }
        Some("covered") => return "everything held is covered as its plan wants\n".to_owned(),
        Some("unwatched") => {
            "NOT WATCHED: rules of ours may not act now, for what is said above; stops at the venue still do"
                .to_owned()
        }
        Some("alarmed") => "NOT AS PLANNED: alarms stand that somebody must look at".to_owned(),
        _ => format!("NOT COVERED: {short} of {all} positions are not covered as their plans want"),
    };
    alarming(&text, is_coloured) + "\n"
}

fn alarming(text: &str, is_coloured: bool) -> String {
    if is_coloured { format!("\x1b[1;31m{text}\x1b[0m") } else { text.to_owned() }
}

/// A text of ours, without what a terminal would obey.
fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or("?");
    text.chars().filter(|letter| !letter.is_control()).collect()
}

/// Exact money with two decimals, rounded against us; small amounts keep enough not to be nothing.
fn money(value: &Value) -> String {
    let Some(text) = value.as_str() else { return "unbounded".to_owned() };
    let Some(Money(exact)) = parsed(text) else { return "?".to_owned() };
    let is_small = exact.unsigned_abs() < 10_u128.pow(16);
    let decimals = if exact != 0 && is_small { 8 } else { 2 };
    let shown = Round::Down.divide(exact, 10_i128.pow(u32::from(MONEY_DECIMALS - decimals)));
    let sign = if shown > 0 { "+" } else { "" };
    format!("{sign}{}", fixed(shown, decimals))
}

/// Exact decimals, as the API writes money.
fn parsed(text: &str) -> Option<Money> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = (whole.bytes().chain(part.bytes())).all(|byte| byte.is_ascii_digit());
    if !is_plain || whole.is_empty() || part.len() > usize::from(MONEY_DECIMALS) {
        return None;
    }
    let units: i128 = format!("{whole}{part:0<width$}", width = usize::from(MONEY_DECIMALS)).parse().ok()?;
    Some(Money(sign * units))
}

fn age(ms: i64) -> String {
    match ms {
        ..10_000 => format!("{}.{:03} s", ms / 1_000, ms % 1_000),
        10_000..600_000 => format!("{} s", ms / 1_000),
        _ => format!("{} min", ms / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_against_us_and_keeps_its_sign() {
        for (text, shown) in [
            ("12.3456", "+12.34"),
            ("-4.396", "-4.40"),
            ("-4", "-4.00"),
            ("-0.5", "-0.50"),
            ("0", "0.00"),
            ("-0.00012345678", "-0.00012346"),
            ("1e9", "?"),
            ("", "?"),
            ("-\u{1b}[2J", "?"),
        ] {
            assert_eq!(money(&text.into()), shown);
        }
        assert_eq!(money(&Value::Null), "unbounded");
    }

    #[test]
    fn what_a_terminal_obeys_is_left_out() {
        assert_eq!(word(&"a\x1b[2Jb\n".into()), "a[2Jb");
    }
}
