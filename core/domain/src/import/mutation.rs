//! Damaged files, the same ones every time.

/// A sequence of numbers from a seed (`SplitMix64`).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }
}

/// `file` with one to four changes: bits, bytes, pieces cut, repeated, swapped in, or words of a
/// hostile file put in.
pub(super) fn damaged(file: &[u8], words: &[&[u8]], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        let len = dice.below(40).min(bytes.len().saturating_sub(at));
        match dice.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(dice.below(256)).unwrap_or(0);
                }
            }
            2 => drop(bytes.drain(at..at + len)),
            3 => {
                let piece = bytes.get(at..at + len).unwrap_or_default().to_vec();
                bytes.splice(at..at, piece);
            }
            4 => bytes.truncate(at),
            5 => {
                let from = dice.below(file.len());
                let piece = file
                    .get(from..(from + len).min(file.len()))
                    .unwrap_or_default();
                bytes.splice(at..at + len, piece.iter().copied());
            }
            _ => {
                let word = words
                    .get(dice.below(words.len()))
                    .copied()
                    .unwrap_or_default();
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
    bytes
}

/// How many damaged files a reader is tried on.
pub(super) const TRIES: usize = 100_000;
