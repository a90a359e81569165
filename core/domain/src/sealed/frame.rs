//! From plain bytes to sealed ones and back: zstd, padding, AES-256-GCM.

use super::{Expect, OpenError, SealError};
use crate::Secret32;
use crate::stream::{batch_aad, batch_key};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// Compresses, pads and encrypts.
pub(super) fn close(
    plain: &[u8],
    stream_key: &Secret32,
    place: &Expect,
    nonce: [u8; NONCE_LEN],
) -> Result<Vec<u8>, SealError> {
    if plain.len() > MAX_PLAIN {
        return Err(SealError::TooLarge);
    }
    let packed = zstd::bulk::compress(plain, LEVEL).map_err(|_| SealError::TooLarge)?;
    let packed = Zeroizing::new(packed);
    let length = u32::try_from(packed.len()).map_err(|_| SealError::TooLarge)?;
    let padded = padme(packed.len() + LENGTH_LEN);

    let mut out = Vec::with_capacity(HEAD_LEN + padded + AES_256_GCM.tag_len());
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&place.batch);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&packed);
    out.resize(HEAD_LEN + padded, 0);
    let tag = key(stream_key, place)
        .ok_or(SealError::TooLarge)?
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad(place)),
            &mut out[HEAD_LEN..],
        )
        .map_err(|_| SealError::TooLarge)?;
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

/// Decrypts and decompresses; allocates no more than the batch may hold.
pub(super) fn reveal(
    sealed: &[u8],
    stream_key: &Secret32,
    place: &Expect,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (magic, rest) = sealed
        .split_at_checked(MAGIC.len())
        .ok_or(OpenError::Damaged)?;
    let (version, rest) = rest.split_first().ok_or(OpenError::Damaged)?;
    if magic != MAGIC {
        return Err(OpenError::Damaged);
    }
    if *version != VERSION {
        return Err(OpenError::NewerVersion);
    }
    let (batch, rest) = rest.split_first_chunk::<16>().ok_or(OpenError::Damaged)?;
    let (nonce, rest) = rest.split_first_chunk().ok_or(OpenError::Damaged)?;
    if batch != &place.batch {
        return Err(OpenError::OtherBatch);
    }
    if rest.len() > MAX_SEALED {
        return Err(OpenError::Damaged);
    }
    let mut buffer = Zeroizing::new(rest.to_vec());
    let padded = key(stream_key, place)
        .ok_or(OpenError::Key)?
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(aad(place)),
            &mut buffer,
        )
        .map_err(|_| OpenError::Key)?;
    unpad_and_decompress(padded)
}

/// What the AEAD protects: length, zstd frame, zeros.
pub(super) fn unpad_and_decompress(padded: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (length, rest) = padded
        .split_first_chunk::<LENGTH_LEN>()
        .ok_or(OpenError::Damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| OpenError::Damaged)?;
    let (packed, padding) = rest.split_at_checked(length).ok_or(OpenError::Damaged)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(OpenError::Damaged);
    }
    let size = zstd::zstd_safe::get_frame_content_size(packed)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= MAX_PLAIN)
        .ok_or(OpenError::Damaged)?;
    let plain = zstd::bulk::decompress(packed, size).map_err(|_| OpenError::Damaged)?;
    Ok(Zeroizing::new(plain))
}

/// Padmé (Nikitin et al., PETS 2019): hides all but the magnitude of a length, adds at most 12 %.
/// Never below 256: a single entry shows nothing by its size.
pub(super) fn padme(length: usize) -> usize {
    let length = length.max(MIN_PADDED);
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1_usize << exponent.saturating_sub(kept)) - 1;
    (length + mask) & !mask
}

fn key(stream_key: &Secret32, place: &Expect) -> Option<LessSafeKey> {
    let key = batch_key(stream_key, &place.batch);
    let unbound = UnboundKey::new(&AES_256_GCM, key.expose()).ok()?;
    Some(LessSafeKey::new(unbound))
}

fn aad(place: &Expect) -> Vec<u8> {
    batch_aad(
        &place.channel,
        &place.stream_key,
        &place.batch,
        &place.root,
        place.leaves,
    )
}

/// The most plain bytes of a batch, and of its values.
pub(super) const MAX_PLAIN: usize = 16 << 20;
/// The most sealed bytes behind the head: zstd's bound on incompressible bytes, padded.
const MAX_SEALED: usize = MAX_PLAIN + (MAX_PLAIN >> 3);

const MAGIC: &[u8] = b"vwb";
const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;
const HEAD_LEN: usize = MAGIC.len() + 1 + 16 + NONCE_LEN;
const LENGTH_LEN: usize = 4;
const MIN_PADDED: usize = 256;
const LEVEL: i32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_leaks_the_magnitude_only() {
        for (length, padded) in [
            (0, 256),
            (256, 256),
            (257, 272),
            (272, 272),
            (1_000, 1_024),
            (9_000, 9_216),
            (100_000, 100_352),
            (1 << 20, 1 << 20),
        ] {
            assert_eq!(padme(length), padded, "{length}");
        }
        for length in 256..70_000 {
            let padded = padme(length);
            assert!(
                padded >= length && (padded - length) * 100 <= length * 12,
                "{length}"
            );
            assert_eq!(padme(padded), padded, "{length}");
        }
    }
}
