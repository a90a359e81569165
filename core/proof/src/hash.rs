//! SHA-256 over raw blocks, HMAC with kept midstates, HKDF.
//!
//! Small messages dominate here (nodes, salts, digests), and their cost is the
//! call around the compression; so blocks are padded by hand and go straight
//! to the `sha2` crate's compression function. Safe code only.

use sha2::block_api::compress256;

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// SHA-256 of the parts one after another.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}

/// SHA-256 state words between blocks.
pub(crate) type Words = [u32; 8];

pub(crate) const IV: Words = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

#[inline]
pub(crate) fn compress(state: &mut Words, blocks: &[[u8; 64]]) {
    #[cfg(test)]
    count::add(blocks.len());
    compress256(state, blocks);
}

#[cfg(test)]
pub(crate) use tests::count;

#[inline]
pub(crate) fn to_hash(state: &Words) -> Hash {
    let mut out = [0; 32];
    for (bytes, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    out
}

/// A message of at most 55 bytes as its one padded block; `len` says how many of its bytes count.
///
/// The caller has filled the message's bytes, and those after it are 0.
#[inline]
pub(crate) fn pad(block: &mut [u8; 64], len: usize) {
    pad_after(block, len, 0);
}

/// [`pad`], for the last block of a message of `before` bytes more.
#[inline]
fn pad_after(block: &mut [u8; 64], len: usize, before: usize) {
    if let Some(end) = block.get_mut(len) {
        *end = 0x80;
    }
    let bits = u16::try_from(len.saturating_add(before).saturating_mul(8)).unwrap_or(u16::MAX);
    block[62..64].copy_from_slice(&bits.to_be_bytes());
}

/// The hash of a message that fits one block, from its padded block.
#[inline]
pub(crate) fn hash_block(block: &[u8; 64]) -> Hash {
    let mut state = IV;
    compress(&mut state, core::slice::from_ref(block));
    to_hash(&state)
}

/// A SHA-256 in progress.
pub(crate) struct Hasher {
    state: Words,
    block: [u8; 64],
    filled: usize,
    total: u64,
}

impl Hasher {
    #[inline]
    pub(crate) fn new() -> Self {
        Self::after(IV, 0)
    }

    /// Goes on from a state that already took `total` bytes, a multiple of 64.
    #[inline]
    fn after(state: Words, total: u64) -> Self {
        Self {
            state,
            block: [0; 64],
            filled: 0,
            total,
        }
    }

    #[inline]
    pub(crate) fn update(&mut self, mut bytes: &[u8]) -> &mut Self {
        self.total = self
            .total
            .wrapping_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        while !bytes.is_empty() {
            if self.filled == 0 && bytes.len() >= 64 {
                let (blocks, rest) = bytes.as_chunks::<64>();
                compress(&mut self.state, blocks);
                bytes = rest;
                continue;
            }
            let space = self.block.get_mut(self.filled..).unwrap_or_default();
            let count = space.len().min(bytes.len());
            let (Some((now, later)), Some(space)) =
                (bytes.split_at_checked(count), space.get_mut(..count))
            else {
                break;
            };
            space.copy_from_slice(now);
            bytes = later;
            self.filled = self.filled.wrapping_add(count);
            if self.filled == 64 {
                compress(&mut self.state, &[self.block]);
                self.filled = 0;
            }
        }
        self
    }

    #[inline]
    pub(crate) fn finish(mut self) -> Hash {
        let tail = self.block.get_mut(self.filled..).unwrap_or_default();
        tail.fill(0);
        if let Some(first) = tail.first_mut() {
            *first = 0x80;
        }
        if self.filled >= 56 {
            compress(&mut self.state, &[self.block]);
            self.block = [0; 64];
        }
        self.block[56..64].copy_from_slice(&self.total.wrapping_mul(8).to_be_bytes());
        compress(&mut self.state, &[self.block]);
        to_hash(&self.state)
    }
}

/// An HMAC-SHA256 key of 32 bytes, kept as its two midstates.
#[derive(Clone)]
pub(crate) struct Hmac {
    inner: Words,
    outer: Words,
}

impl Hmac {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let midstate = |pad: u8| {
            let mut block = [pad; 64];
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            let mut state = IV;
            compress(&mut state, &[block]);
            state
        };
        Self {
            inner: midstate(0x36),
            outer: midstate(0x5c),
        }
    }

    #[inline]
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Hash {
        let mut inner = Hasher::after(self.inner, 64);
        for part in parts {
            inner.update(part);
        }
        let mut outer = Hasher::after(self.outer, 64);
        outer.update(&inner.finish());
        outer.finish()
    }

    /// The MAC of a message of at most 55 bytes: two compressions.
    #[inline]
    pub(crate) fn mac_short<const N: usize>(&self, message: &[u8; N]) -> Hash {
        const { assert!(N <= 55, "one block") };
        let mut inner = [0; 64];
        if let Some(start) = inner.first_chunk_mut::<N>() {
            *start = *message;
        }
        pad_after(&mut inner, N, 64);
        let mut state = self.inner;
        compress(&mut state, core::slice::from_ref(&inner));
        let mut outer = [0; 64];
        outer[..32].copy_from_slice(&to_hash(&state));
        pad_after(&mut outer, 32, 64);
        let mut state = self.outer;
        compress(&mut state, core::slice::from_ref(&outer));
        to_hash(&state)
    }

    /// Overwrites the midstates; as good as safe code can.
    pub(crate) fn wipe(&mut self) {
        self.inner = core::hint::black_box([0; 8]);
        self.outer = core::hint::black_box([0; 8]);
    }
}

/// HKDF-SHA256 (RFC 5869) with an empty salt and 32 bytes of output.
pub(crate) fn hkdf(ikm: &[u8; 32], info: &[u8]) -> Hash {
    let prk = Hmac::new(&[0; 32]).mac(&[ikm]);
    Hmac::new(&prk).mac(&[info, &[1]])
}

#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
#[cfg(test)]
mod tests {
    /// How many compressions a test took, on its own thread.
    pub(crate) mod count {
        use core::cell::Cell;

        std::thread_local! {
            static TAKEN: Cell<usize> = const { Cell::new(0) };
        }

        pub(crate) fn add(blocks: usize) {
            TAKEN.set(TAKEN.get().saturating_add(blocks));
        }

        pub(crate) fn of(run: impl FnOnce()) -> usize {
            let before = TAKEN.get();
            run();
            TAKEN.get().saturating_sub(before)
        }
    }

    use super::*;
    use alloc::vec::Vec;
    use sha2::Digest;

    #[test]
    fn every_length_hashes_as_the_sha2_crate_does() {
        let bytes: Vec<u8> = (0..300_u16)
            .map(|i| u8::try_from(i % 251).unwrap())
            .collect();
        for len in 0..bytes.len() {
            for cut in [0, len / 3, len / 2, len] {
                let (head, tail) = bytes[..len].split_at(cut);
                let want: Hash = sha2::Sha256::digest(&bytes[..len]).into();
                assert_eq!(sha256(&[head, tail]), want, "{len} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_short_message_has_the_mac_of_a_long_one() {
        let key = Hmac::new(&[9; 32]);
        assert_eq!(key.mac_short(&[]), key.mac(&[]));
        assert_eq!(key.mac_short(&[3; 24]), key.mac(&[&[3; 24]]));
        assert_eq!(key.mac_short(&[4; 55]), key.mac(&[&[4; 55]]));
    }

    #[test]
    fn hkdf_and_hmac_agree_with_ring() {
        let ikm = [7; 32];
        let prk = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[0; 32]);
        let prk = ring::hmac::sign(&prk, &ikm);
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, prk.as_ref());
        let want = ring::hmac::sign(&key, b"info\x01");
        assert_eq!(hkdf(&ikm, b"info").as_slice(), want.as_ref());
    }
}
