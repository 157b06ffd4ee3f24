//! Profit and loss, with and without fees, as the reports compute them.

use ripcord_core::num::{MONEY_DECIMALS, Money, Ratio, Round};
use ripcord_report::exits::ExitRow;
use ripcord_report::summary::{By, Summary};
use serde_json::Value;

use crate::area::{Answer, Answered};
use crate::case::Case;
use crate::drive::{Drive, Fee, fine_instrument};
use crate::number::Number;
use crate::plans;

const OF_THE_COST: &str =
    "a net share is of what was paid for the position, entry fee not included (one basis for gross and net)";

/// Gross and net profit as shares, of a position bought as maker and sold as taker.
pub(crate) fn fee_aware_pnl(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (entry, price) = (input.number("entry")?, input.number("price")?);
    let (maker, taker) = (rate(input.number("maker_fee")?)?, rate(input.number("taker_fee")?)?);
    let mut drive = traded(case, entry, price, Number::ONE, Paid::Rate(maker), Fee::Rate(taker))?;
    let row = only_row(&mut drive)?;
    let cost = entry;
    let answered = Answered::default()
        .with("pnl_raw_pct", amount(row.gross).over(cost).to_string())
        .with("pnl_net_pct", amount(row.net).over(cost).to_string());
    // The source divides by the cost with its fee.
    let expected = case.expect.get("pnl_net_pct").and_then(crate::case::number_of);
    let Some(expected) = expected else { return answered.done() };
    let of_cost = expected.times(Number::ONE.plus(Number::ratio(maker)));
    answered.ruled("pnl_net_pct", Some(Value::from(of_cost.to_string())), OF_THE_COST).done()
}

/// Money of a trade, open or closed, and sums of many.
pub(crate) fn pnl(case: &Case) -> Result<Answer, String> {
    if case.input.has("count") { sum_of_many(case) } else { one_trade(case) }
}

fn one_trade(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (entry, size) = (input.number("entry")?, input.number("size")?);
    let is_closed = input.has("exit");
    let price = input.number(if is_closed { "exit" } else { "price" })?;
    let fee_rate = input.maybe("fee_rate")?.map(rate).transpose()?;
    let bought = input.maybe("buy_fee")?.or(input.maybe("entry_fee")?);
    let paid = match (bought, fee_rate) {
        (Some(fee), _) => Paid::Fixed(money(fee)?),
        (None, Some(rate)) => Paid::Rate(rate),
        (None, None) => Paid::Fixed(Money::ZERO),
    };
    let fee = match (input.maybe("sell_fee")?, fee_rate) {
        (Some(fee), _) => Fee::Fixed(money(fee)?),
        (None, Some(rate)) if is_closed => Fee::Rate(rate),
        (None, _) => Fee::Rate(Ratio::ZERO),
    };
    let mut drive = traded(case, entry, price, size, paid, fee)?;
    let unrealised = drive.view().and_then(|view| view.unrealised).unwrap_or_default();
    let row = only_row(&mut drive)?;
    let filled = drive.records.iter().find_map(|record| match record {
        ripcord_core::Record::Filled(filled) => Some((filled.entry_fees, filled.fee)),
        _ => None,
    });
    let (entry_fee, exit_fee) = filled.unwrap_or_default();
    let gross = if is_closed { row.gross } else { unrealised };
    let percent = amount(row.gross).over(entry.times(size)).times(Number::whole(100));
    Answered::default()
        .with("entry_fee", amount(entry_fee).to_string())
        .with("exit_fee", amount(exit_fee).to_string())
        .with("gross", amount(gross).to_string())
        .with("net", amount(row.net).to_string())
        .with("unrealized_net", amount(row.net).to_string())
        .with("return_pct", percent.to_string())
        .done()
}

/// The sum of many equal results, as a summary adds them.
fn sum_of_many(case: &Case) -> Result<Answer, String> {
    let each = case.input.number("pnl_each")?;
    let count = usize::try_from(case.input.number("count")?.units(0)?).map_err(|_| "count is negative")?;
    let entry = Number::whole(1).plus(each.magnitude());
    let free = Fee::Rate(Ratio::ZERO);
    let mut drive = traded(case, entry, entry.plus(each), Number::ONE, Paid::Fixed(Money::ZERO), free)?;
    let row = only_row(&mut drive)?;
    let rows: Vec<ExitRow> = std::iter::repeat_n(row, count).collect();
    let sum = Summary::of(&rows, By::Reason).total.net;
    Answered::default().with("sum", amount(sum).to_string()).done()
}

/// What was paid for the entry.
enum Paid {
    Rate(Ratio),
    Fixed(Money),
}

/// A position opened at `entry`, seen at `price`, with the venue's fee set for its exit.
fn traded(
    case: &Case,
    entry: Number,
    price: Number,
    size: Number,
    paid: Paid,
    fee: Fee,
) -> Result<Drive, String> {
    let side = plans::side_of(&case.input)?;
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry, price]), &plans::empty())?;
    drive.fee = fee;
    let qty = size.qty(drive.instrument.qty_decimals)?;
    let fees = match paid {
        Paid::Rate(rate) => drive.instrument.notional(drive.price_of(entry)?, qty).times(rate, Round::Up),
        Paid::Fixed(fee) => fee,
    };
    drive.open_with_fees(plan, size, entry, fees)?;
    drive.tick(price)?;
    Ok(drive)
}

/// The row of the position's only exit: everything, now.
fn only_row(drive: &mut Drive) -> Result<ExitRow, String> {
    drive.close(None);
    drive.rows().pop().ok_or_else(|| "the close was not filled".to_owned())
}

fn rate(number: Number) -> Result<Ratio, String> {
    number.units(Ratio::DECIMALS).map(Ratio)
}

fn money(number: Number) -> Result<Money, String> {
    Ok(Money(i128::from(number.units(12)?) * 10_i128.pow(u32::from(MONEY_DECIMALS - 12))))
}

fn amount(money: Money) -> Number {
    Number::scaled(money.0, MONEY_DECIMALS)
}
