//! The recovery kit: 24 words on paper, from which the account's two key pairs follow.
//!
//! ```text
//! words (BIP39, English) = 256 bits E
//! PRK = HKDF-Extract(salt = "vitalwitness kit v1", ikm = E)
//! scalar(label) = the first of HKDF-Expand(PRK, label || u8 c, 32), c = 0, 1, ..., in [1, q-1]
//! KK = scalar("vwK1 kk"): HPKE pair, opens vault secrets and backups
//! AIK = scalar("vwK1 aik"): signing pair, the account's identity
//! ```
//!
//! Exact, with a vector, in `docs/keys.md`. The private halves are on paper only: nothing here
//! stores them.

use crate::keys::{KeyError, NoRandomness, PrivateKey, Random};
use ring::hkdf::{HKDF_SHA256, Salt};
use std::fmt;
use zeroize::Zeroizing;

/// Why words are no kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// A kit has 24 words.
    #[error("a recovery kit has 24 words, not {found}")]
    WordCount {
        /// How many there are.
        found: usize,
    },
    /// This word is not in the list, or not the kit's at this place.
    #[error("word {position} is wrong")]
    Word {
        /// Its place, from 1.
        position: usize,
    },
    /// Every word is in the list, and together they are no kit: some are wrong or in wrong order.
    #[error("these words do not belong together: one is wrong, or their order is")]
    Checksum,
    /// Nothing is synced before the kit is confirmed.
    #[error("the recovery kit is not confirmed yet")]
    NotConfirmed,
    /// The kit is one, of another account.
    #[error("this is the recovery kit of another account")]
    OtherAccount,
    /// No key on this device may sign this yet: ask for the kit.
    #[error("this needs the recovery kit")]
    Needed,
}

/// The recovery kit. Show it, let it be written down, drop it.
pub struct Kit {
    entropy: Zeroizing<[u8; 32]>,
    kk: PrivateKey,
    aik: PrivateKey,
}

impl Kit {
    /// A new kit.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] when the randomness fails.
    pub fn generate(random: &dyn Random) -> Result<Self, KeyError> {
        let mut entropy = Zeroizing::new([0; 32]);
        random.fill(entropy.as_mut_slice())?;
        Self::from_entropy(&entropy)
    }

    /// The kit of 256 bits.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotValid`] with a chance of 2^-8192.
    pub fn from_entropy(entropy: &[u8; 32]) -> Result<Self, KeyError> {
        Ok(Self {
            entropy: Zeroizing::new(*entropy),
            kk: derive(entropy, b"vwK1 kk")?,
            aik: derive(entropy, b"vwK1 aik")?,
        })
    }

    /// Reads the words, in any case and spacing, or the text of the QR code.
    ///
    /// # Errors
    ///
    /// Names the first wrong word's position; a wrong combination is [`KitError::Checksum`].
    pub fn from_words(text: &str) -> Result<Self, KitError> {
        let text = text.trim();
        let text = text.strip_prefix(QR_PREFIX).unwrap_or(text);
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let list = bip39::Language::English;
        for (index, word) in words.iter().enumerate() {
            if list.find_word(word).is_none() {
                return Err(KitError::Word {
                    position: index + 1,
                });
            }
        }
        if words.len() != WORDS {
            return Err(KitError::WordCount { found: words.len() });
        }
        let joined = Zeroizing::new(words.join(" "));
        let mnemonic =
            bip39::Mnemonic::parse_in_normalized(list, &joined).map_err(|_| KitError::Checksum)?;
        let entropy = Zeroizing::new(mnemonic.to_entropy());
        let entropy = <&[u8; 32]>::try_from(entropy.as_slice()).map_err(|_| KitError::Checksum)?;
        Self::from_entropy(entropy).map_err(|_| KitError::Checksum)
    }

    /// The 24 words.
    ///
    /// # Errors
    ///
    /// None in practice: 256 bits always have words.
    pub fn words(&self) -> Result<Zeroizing<String>, KitError> {
        let mnemonic = bip39::Mnemonic::from_entropy(self.entropy.as_slice())
            .map_err(|_| KitError::Checksum)?;
        Ok(Zeroizing::new(
            mnemonic.words().collect::<Vec<_>>().join(" "),
        ))
    }

    /// The text of the QR code; [`Kit::from_words`] reads it.
    ///
    /// # Errors
    ///
    /// As [`Kit::words`].
    pub fn qr_text(&self) -> Result<Zeroizing<String>, KitError> {
        Ok(Zeroizing::new(format!("{QR_PREFIX}{}", *self.words()?)))
    }

    /// The pair that vault secrets and backups are sealed to.
    pub fn kk(&self) -> &PrivateKey {
        &self.kk
    }

    /// The account's identity key; its id is the account's id.
    pub fn aik(&self) -> &PrivateKey {
        &self.aik
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kit(..)")
    }
}

/// Three different positions, 1 to 24, ascending, at which a person is asked for their words.
///
/// # Errors
///
/// [`NoRandomness`] when the source fails.
pub fn ask(random: &dyn Random) -> Result<[u8; 3], NoRandomness> {
    let mut positions = [0_u8; 3];
    let mut found = 0;
    while found < 3 {
        let mut byte = [0];
        random.fill(&mut byte)?;
        // 240 = 10 x 24: no position is likelier than another.
        let position = byte[0] % 24 + 1;
        if byte[0] < 240 && !positions.contains(&position) {
            positions[found] = position;
            found += 1;
        }
    }
    positions.sort_unstable();
    Ok(positions)
}

fn derive(entropy: &[u8; 32], label: &[u8]) -> Result<PrivateKey, KeyError> {
    let prk = Salt::new(HKDF_SHA256, b"vitalwitness kit v1").extract(entropy);
    for counter in 0..=u8::MAX {
        let info = [label, &[counter]];
        let mut scalar = Zeroizing::new([0; 32]);
        prk.expand(&info, HKDF_SHA256)
            .and_then(|okm| okm.fill(scalar.as_mut_slice()))
            .map_err(|_| KeyError::NotValid)?;
        if let Ok(key) = PrivateKey::from_scalar(&scalar) {
            return Ok(key);
        }
    }
    Err(KeyError::NotValid)
}

const WORDS: usize = 24;
const QR_PREFIX: &str = "vitalwitness-kit:";

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
mod tests {
    use super::*;

    fn kit() -> Kit {
        Kit::from_entropy(&[0x0b; 32]).unwrap()
    }

    #[test]
    fn words_and_qr_give_the_same_keys_back() {
        let kit = kit();
        let words = kit.words().unwrap();
        assert_eq!(words.split(' ').count(), 24);
        let loud = format!("  {}\n", words.to_uppercase().replace(' ', "   "));
        for text in [
            words.as_str(),
            loud.as_str(),
            kit.qr_text().unwrap().as_str(),
        ] {
            let again = Kit::from_words(text).unwrap();
            assert_eq!(again.kk().spki(), kit.kk().spki());
            assert_eq!(again.aik().spki(), kit.aik().spki());
        }
        assert_ne!(kit.kk().spki(), kit.aik().spki());
    }

    #[test]
    fn a_wrong_word_is_named_by_its_position_and_a_swap_is_a_checksum_error() {
        let words = kit().words().unwrap();
        let mut list: Vec<&str> = words.split(' ').collect();
        list[16] = "vitalwitness";
        let error = Kit::from_words(&list.join(" ")).unwrap_err();
        assert_eq!(error, KitError::Word { position: 17 });

        let short = words.rsplit_once(' ').unwrap().0;
        let error = Kit::from_words(short).unwrap_err();
        assert_eq!(error, KitError::WordCount { found: 23 });

        let mut list: Vec<&str> = words.split(' ').collect();
        let other = if list[0] == "zoo" { "abandon" } else { "zoo" };
        list[0] = other;
        assert_eq!(
            Kit::from_words(&list.join(" ")).unwrap_err(),
            KitError::Checksum
        );
    }

    #[test]
    fn the_derivation_is_the_one_in_the_document() {
        let kit = Kit::from_entropy(&[0; 32]).unwrap();
        assert_eq!(
            kit.words().unwrap().as_str(),
            format!("{}art", "abandon ".repeat(23))
        );
        let document = include_str!("../../../docs/keys.md");
        for key in [kit.kk(), kit.aik()] {
            let hex = hex::encode(key.spki());
            assert!(document.contains(&hex), "docs/keys.md lacks {hex}");
        }
    }
}
