//! Plans in short words: `hard 6%; stop 2%; trail 1.5% after 1%; legs 25%@1% 50%@2r/soft`.

use ripcord_core::market::PriceSource;
use ripcord_core::num::Decimal;
use ripcord_core::order::TriggerSource;
use ripcord_core::plan::level::Rounding;
use ripcord_core::plan::spec::{
    AtrText, BasisSpec, BracketSpec, CurvePointSpec, DistanceSpec, DynamicSpec, Enabled, ExitSpec,
    LadderSpec, LegOfSpec, LegSpec, LiquidationSpec, LossLimitSpec, OffsetSpec, OnlyWhenSpec, PlanSpec,
    PricesSpec, RatchetSpec, SignalExitSpec, StopLossSpec, TimeLimitSpec, TrailingSpec,
};
use ripcord_core::plan::{GapPolicy, SingleLot};

pub(crate) fn plan_spec(text: &str) -> Result<PlanSpec, String> {
    let mut spec = PlanSpec::empty("p");
    for clause in text.split(';') {
        let words: Vec<&str> = clause.split_whitespace().collect();
        let Some((&rule, words)) = words.split_first() else { continue };
        match rule {
            "hard" => spec.hard_stop = Some(loss_limit(words)?),
            "guard" => spec.loss_guard = Some(loss_limit(words)?),
            "soft" => spec.soft_stop = Some(loss_limit(words)?),
            "stop" => {
                spec.stop_loss = Some(StopLossSpec {
                    distance: distance(words[0])?,
                    source: on(words),
                    exit: exit(words)?,
                    minimum: after(words, "min").map(percent).transpose()?,
                    cushion: after(words, "cushion").map(percent).transpose()?,
                    fee: after(words, "fee").map(percent).transpose()?,
                    risk_floor: after(words, "floor").map(percent).transpose()?,
                    distance_min: after(words, "least").map(percent).transpose()?,
                    ..StopLossSpec::default()
                });
            }
            "trail" => spec.trailing = Some(trailing(words)?),
            "legs" => spec.ladder = Some(ladder(words)?),
            "ratchet" => {
                spec.ratchet = Some(RatchetSpec {
                    enabled: Enabled(true),
                    offset: match after(words, "offset") {
                        None => None,
                        Some("fees") => Some(OffsetSpec::Fees),
                        Some(word) => Some(OffsetSpec::Fraction(percent(word)?)),
                    },
                    legs_max: after(words, "max").map(|n| n.parse().expect("a number")),
                });
            }
            "leverage" => spec.leverage = Some(number(words[0])?),
            "fee" => spec.taker_fee = Some(percent(words[0])?),
            "atr" => {
                let [bar_secs, period] =
                    [words[0], words[1]].map(|word| word.parse::<u32>().expect("a number"));
                spec.atr = Some(AtrText { bar_secs, period: u16::try_from(period).expect("a period") });
            }
            "signal" => spec.signal_exit = Some(signal(words)?),
            "time" => spec.time_limit = Some(time(words)?),
            "liquidation" => {
                spec.liquidation = Some(LiquidationSpec {
                    enabled: Enabled(true),
                    maintenance: percent(words[0])?,
                    buffer: after(words, "buffer").map(percent).transpose()?,
                });
            }
            "bracket" => {
                spec.bracket = Some(BracketSpec {
                    enabled: Enabled(true),
                    band: after(words, "band").map(percent).transpose()?,
                    patience_ms: after(words, "patience").map(|word| seconds(word) * 1_000),
                    trigger: triggers_on(words),
                });
            }
            "prices" => spec.prices = Some(prices(words)?),
            "rebase" => spec.rebase = true,
            "half_up" => spec.rounding = Rounding::HalfUp,
            word => return Err(format!("unknown rule `{word}`")),
        }
    }
    Ok(spec)
}

fn loss_limit(words: &[&str]) -> Result<LossLimitSpec, String> {
    Ok(LossLimitSpec {
        enabled: Enabled(true),
        fraction: percent(words[0])?,
        basis: if words.contains(&"margin") { BasisSpec::Margin } else { BasisSpec::Price },
        net: words.contains(&"net"),
        source: on(words),
        exit: exit(words)?,
    })
}

/// `2%`, `1.5` (a price), `2atr/2%` (with what stands in).
fn distance(word: &str) -> Result<DistanceSpec, String> {
    let mut spec = DistanceSpec::default();
    if let Some((multiple, fallback)) = word.split_once("atr/") {
        spec.atr = Some(number(multiple)?);
        spec.fraction = Some(percent(fallback)?);
    } else if word.ends_with('%') {
        spec.fraction = Some(percent(word)?);
    } else {
        spec.price = Some(number(word)?);
    }
    Ok(spec)
}

fn trailing(words: &[&str]) -> Result<TrailingSpec, String> {
    let mut curve = Vec::new();
    for point in after(words, "curve").into_iter().flat_map(|list| list.split(',')) {
        let (r, fraction) = point.split_once("r:").ok_or("a curve point is 1r:2%")?;
        curve.push(CurvePointSpec { r: number(r)?, fraction: percent(fraction)? });
    }
    Ok(TrailingSpec {
        activation: after(words, "after").map(percent).transpose()?,
        distance: distance(words[0])?,
        distance_min: after(words, "min").map(percent).transpose()?,
        distance_max: after(words, "max").map(percent).transpose()?,
        step: after(words, "step").map(distance).transpose()?,
        curve,
        exit: exit(words)?,
        ..TrailingSpec::default()
    })
}

/// `25%@1%`, `25%@2r`, `50%@110.5`, each with `/soft` behind it; `initial` for fractions of it.
fn ladder(words: &[&str]) -> Result<LadderSpec, String> {
    let mut legs = Vec::new();
    for word in words.iter().filter(|word| word.contains('@')) {
        let (close, target) = word.split_once('@').ok_or("a leg is 25%@1%")?;
        let (target, soft) = target.strip_suffix("/soft").map_or((target, false), |target| (target, true));
        let mut leg = LegSpec { close: percent(close)?, at: None, at_r: None, at_price: None, soft };
        if target.ends_with('%') {
            leg.at = Some(percent(target)?);
        } else if let Some(r) = target.strip_suffix('r') {
            leg.at_r = Some(number(r)?);
        } else {
            leg.at_price = Some(number(target)?);
        }
        legs.push(leg);
    }
    Ok(LadderSpec {
        legs,
        of: if words.contains(&"initial") { LegOfSpec::Initial } else { LegOfSpec::Remaining },
        gap_policy: if words.contains(&"one") { GapPolicy::One } else { GapPolicy::All },
        single_lot: if words.contains(&"close") { SingleLot::Close } else { SingleLot::Hold },
        sweep: words.contains(&"sweep"),
        dynamic: words.contains(&"follow").then(|| DynamicSpec {
            enabled: Enabled(true),
            follow: true,
            ..DynamicSpec::default()
        }),
        worst: after(words, "worst").map(percent).transpose()?,
        expires_secs: after(words, "expires").map(seconds),
        ..LadderSpec::default()
    })
}

/// `60s [above 1%] [not-trailing] [worst 1%] [expires 5s]`
fn signal(words: &[&str]) -> Result<SignalExitSpec, String> {
    Ok(SignalExitSpec {
        enabled: Enabled(true),
        ttl_secs: seconds(words[0]),
        profit_min: after(words, "above").map(percent).transpose()?,
        while_trailing: Enabled(!words.contains(&"not-trailing")),
        exit: exit(words)?,
        worst: after(words, "worst").map(percent).transpose()?,
        expires_secs: after(words, "expires").map(seconds),
    })
}

/// `60s [below 1%] [above 1%] [worst 1%] [expires 5s]`
fn time(words: &[&str]) -> Result<TimeLimitSpec, String> {
    let below = after(words, "below").map(percent).transpose()?.map(OnlyWhenSpec::Below);
    let above = after(words, "above").map(percent).transpose()?.map(OnlyWhenSpec::Above);
    Ok(TimeLimitSpec {
        enabled: Enabled(true),
        after_secs: seconds(words[0]),
        only: below.or(above),
        exit: exit(words)?,
        worst: after(words, "worst").map(percent).transpose()?,
        expires_secs: after(words, "expires").map(seconds),
    })
}

/// `stale 10s`, `silence 30s`, `spike 2%`, `divergence 1%`, `confirm 300ms`, `act-on-stale`, in any order.
fn prices(words: &[&str]) -> Result<PricesSpec, String> {
    Ok(PricesSpec {
        stale_after_ms: after(words, "stale").map(|word| seconds(word) * 1_000),
        silence_secs: after(words, "silence").map(seconds),
        spike: after(words, "spike").map(percent).transpose()?,
        divergence: after(words, "divergence").map(percent).transpose()?,
        confirm_ms: after(words, "confirm").map(|word| word.trim_end_matches("ms").parse().expect("ms")),
        act_on_stale: words.contains(&"act-on-stale"),
    })
}

fn seconds(word: &str) -> u32 {
    word.trim_end_matches('s').parse().expect("seconds")
}

/// `market`, or `limit 0.1% 2s`.
fn exit(words: &[&str]) -> Result<Option<ExitSpec>, String> {
    if words.contains(&"market") {
        return Ok(Some(ExitSpec::Market));
    }
    let Some(at) = words.iter().position(|word| *word == "limit") else { return Ok(None) };
    let seconds: u32 = words[at + 2].trim_end_matches('s').parse().expect("seconds");
    Ok(Some(ExitSpec::Limit { through: percent(words[at + 1])?, market_after_ms: seconds * 1_000 }))
}

fn triggers_on(words: &[&str]) -> Option<TriggerSource> {
    match after(words, "on")? {
        "mark" => Some(TriggerSource::Mark),
        "last" => Some(TriggerSource::Last),
        _ => None,
    }
}

fn on(words: &[&str]) -> Option<PriceSource> {
    after(words, "on").map(|word| match word {
        "last" => PriceSource::Last,
        "bid" => PriceSource::Bid,
        "ask" => PriceSource::Ask,
        "mark" => PriceSource::Mark,
        "index" => PriceSource::Index,
        word => panic!("unknown source {word}"),
    })
}

fn after<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().position(|word| *word == name).map(|at| words[at + 1])
}

fn number(word: &str) -> Result<Decimal, String> {
    Decimal::parse(word.as_bytes()).map_err(|error| error.to_string())
}

fn percent(word: &str) -> Result<Decimal, String> {
    let value = number(word.strip_suffix('%').ok_or_else(|| format!("`{word}` is no percentage"))?)?;
    Decimal::new(value.mantissa(), value.decimals() + 2).map_err(|error| error.to_string())
}
