//! Client order ids: what an order is for, as a text that a venue takes and gives back.
//!
//! 36 of the 64 characters that every venue takes: `r`, ten for the installation, eleven for account,
//! instrument and side, fourteen for generation, exit, leg, slice and attempt. No clock and no chance: the same
//! order has the same id after a restart, and another installation never has it.

use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_journal::entry::InstallationId;

/// In the order of their bytes, so that ids of one installation sort like their orders.
const DIGITS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
/// The first character: the version of this form.
const FORM: u8 = b'r';
const OWNER: usize = 10;
const BUCKET: usize = 11;
const ORDER: usize = 14;

/// Writes and reads the ids of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIds {
    owner: String,
}

impl ClientIds {
    /// Those of an installation: 60 of its 128 bits stand in each.
    #[must_use]
    pub fn of(installation: InstallationId) -> Self {
        let bits = u128::from_be_bytes(installation.0) >> (128 - 6 * OWNER);
        Self { owner: digits(bits, OWNER) }
    }

    /// The id of an order.
    #[must_use]
    pub fn text(&self, id: &OrderId) -> String {
        let OrderId { episode: EpisodeId { key, generation }, exit, leg, slice, attempt } = *id;
        let side = match key.side {
            Side::Long => 0,
            Side::Short => 1,
        };
        let bucket = u128::from(key.account.0) << 33 | u128::from(key.instrument.0) << 1 | side;
        let order = u128::from(generation) << 48
            | u128::from(exit) << 32
            | u128::from(leg) << 24
            | u128::from(slice) << 16
            | u128::from(attempt);
        format!("{}{}{}{}", FORM as char, self.owner, digits(bucket, BUCKET), digits(order, ORDER))
    }

    /// The order of an id; none when it is not one of ours.
    #[must_use]
    pub fn order(&self, text: &str) -> Option<OrderId> {
        let bytes = text.as_bytes();
        if bytes.len() != 1 + OWNER + BUCKET + ORDER || !text.is_ascii() || bytes[0] != FORM {
            return None;
        }
        let (owner, rest) = text[1..].split_at(OWNER);
        let (bucket, order) = rest.split_at(BUCKET);
        if owner != self.owner {
            return None;
        }
        let (bucket, order) = (number(bucket)?, number(order)?);
        let account = AccountId(u32::try_from(bucket >> 33).ok()?);
        let part = |bits: u128, mask: u128| u32::try_from(bits & mask).ok();
        let instrument = InstrumentId(part(bucket >> 1, u128::from(u32::MAX))?);
        let side = if bucket & 1 == 0 { Side::Long } else { Side::Short };
        let generation = u32::try_from(order >> 48).ok()?;
        let small = |at: u32, mask: u128| part(order >> at, mask);
        Some(OrderId {
            episode: EpisodeId { key: PositionKey { account, instrument, side }, generation },
            exit: u16::try_from(small(32, 0xFFFF)?).ok()?,
            leg: u8::try_from(small(24, 0xFF)?).ok()?,
            slice: u8::try_from(small(16, 0xFF)?).ok()?,
            attempt: u16::try_from(small(0, 0xFFFF)?).ok()?,
        })
    }
}

/// A number for an id that is not ours: the same for the same id (FNV-1a).
#[must_use]
pub fn foreign_number(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn digits(bits: u128, count: usize) -> String {
    let digit = |at: usize| DIGITS[usize::try_from(bits >> (6 * at) & 63).expect("six bits")] as char;
    (0..count).rev().map(digit).collect()
}

fn number(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0_u128, |bits, digit| {
        let value = DIGITS.iter().position(|&known| known == digit)?;
        Some(bits << 6 | value as u128)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(account: u32, generation: u32, attempt: u16) -> OrderId {
        let key = PositionKey {
            account: AccountId(account),
            instrument: InstrumentId(account ^ 5),
            side: if attempt.is_multiple_of(2) { Side::Long } else { Side::Short },
        };
        let episode = EpisodeId { key, generation };
        let (exit, leg, slice) = (attempt.rotate_left(3), attempt as u8, (attempt >> 8) as u8);
        OrderId { episode, exit, leg, slice, attempt }
    }

    #[test]
    fn every_order_has_an_id_of_its_own_that_reads_back_and_fits_every_venue() {
        let ids = ClientIds::of(InstallationId(*b"0123456789abcdef"));
        let mut seen = std::collections::BTreeSet::new();
        for account in [0, 1, 7, u32::MAX] {
            for generation in [1, 2, u32::MAX] {
                for attempt in [0, 1, 255, 256, u16::MAX] {
                    let id = order(account, generation, attempt);
                    let text = ids.text(&id);
                    assert_eq!((text.len(), ids.order(&text)), (36, Some(id)), "{text}");
                    assert_eq!(ripcord_venue::line::check_id(&text), Ok(()));
                    assert!(seen.insert(text));
                }
            }
        }
    }

    #[test]
    fn ids_of_others_are_not_ours() {
        let ids = ClientIds::of(InstallationId([7; 16]));
        let text = ids.text(&order(3, 4, 5));
        assert_eq!(ClientIds::of(InstallationId([8; 16])).order(&text), None);
        let last = text.len() - 1;
        for other in ["", "r", "by hand", &text[..last], &format!("{text}0"), &text.replacen('r', "s", 1)] {
            assert_eq!(ids.order(other), None, "{other}");
        }
        assert_eq!(ids.order(&format!("{}é", &text[..last - 1])), None);
        // Bits that no order has.
        assert_eq!(ids.order(&format!("{}zz{}", &text[..11], &text[13..])), None);
        assert_ne!(foreign_number("a"), foreign_number("b"));
    }
}
