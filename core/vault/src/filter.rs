//! Which record hashes may be in a sealed batch: the first 24 bits of each, ascending, as LEB128
//! differences. About two bytes a record; one batch of 4,095 is opened in vain once in 4,096 looks.

use vitalwitness_domain::record::Hash;

/// The filter of a batch with these record hashes.
pub(crate) fn of(hashes: &[Hash]) -> Vec<u8> {
    let mut heads: Vec<u32> = hashes.iter().map(head).collect();
    heads.sort_unstable();
    let mut out = Vec::with_capacity(heads.len() * 2);
    let mut before = 0;
    for head in heads {
        let mut rest = head - before;
        before = head;
        while rest >= 0x80 {
            out.push(low(rest) | 0x80);
            rest >>= 7;
        }
        out.push(low(rest));
    }
    out
}

/// Whether a batch may hold the record `hash`.
pub(crate) fn may_hold(filter: &[u8], hash: &Hash) -> bool {
    let wanted = head(hash);
    let mut at = 0_u32;
    let (mut rest, mut shift) = (0_u32, 0);
    for byte in filter {
        rest |= u32::from(byte & 0x7f) << shift;
        shift = (shift + 7).min(28);
        if *byte < 0x80 {
            at = at.saturating_add(rest);
            if at >= wanted {
                return at == wanted;
            }
            (rest, shift) = (0, 0);
        }
    }
    false
}

/// The low seven bits.
fn low(rest: u32) -> u8 {
    u8::try_from(rest & 0x7f).unwrap_or(0)
}

fn head(hash: &Hash) -> u32 {
    u32::from_be_bytes([0, hash[0], hash[1], hash[2]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_found_and_hardly_any_other() {
        let hash = |seed: u32| {
            let digest = ring::digest::digest(&ring::digest::SHA256, &seed.to_be_bytes());
            let mut hash = [0; 32];
            hash.copy_from_slice(digest.as_ref());
            hash
        };
        let held: Vec<Hash> = (0..4_095).map(hash).collect();
        let filter = of(&held);
        assert!(filter.len() < held.len() * 2);
        assert!(held.iter().all(|hash| may_hold(&filter, hash)));
        let others = (10_000..20_000).map(hash);
        let wrong = others.filter(|hash| may_hold(&filter, hash)).count();
        assert!(wrong < 10, "{wrong} of 10,000");
    }
}
