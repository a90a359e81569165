//! Receipts in the forms that others read, and proofs of others read here.
//!
//! Every export says what the native receipt says, or less: none is accepted
//! back as a receipt. The forms are those of `docs/receipt-format.md`, section 8.

pub mod base45;
pub mod certificate;
pub mod chainpoint;
pub mod cose;
pub mod foreign;
pub mod qr;
pub mod tlog;

use vitalwitness_proof::entry::{Entry, entry_leaf};
use vitalwitness_proof::merkle::{leaf_hash_of, root_from_path};
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::{Hash, Rejection};

/// A receipt whose parts lead to one another; who signed is not checked.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// The receipt.
    pub receipt: Receipt<'a>,
    /// Its entry.
    pub entry: Entry,
    /// The log's root, as the paths give it.
    pub root: Hash,
}

impl<'a> Source<'a> {
    /// Reads a receipt and walks its paths.
    ///
    /// # Errors
    ///
    /// As [`Receipt::decode`] and [`Entry::decode`]; `INDEX_OUT_OF_RANGE`, `PATH_LENGTH`;
    /// `ENTRY_MISMATCH` where the entry does not hold the batch.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let receipt = Receipt::decode(bytes)?;
        let entry = Entry::decode(receipt.entry)?;
        if let Some(record) = &receipt.record {
            let leaf = leaf_hash_of(&record.record_hash);
            let batch_root = root_from_path(&leaf, record.index, record.size, record.path)?;
            if batch_root != entry.event.recordhash {
                return Err(Rejection::EntryMismatch);
            }
        }
        let log = &receipt.log;
        let root = root_from_path(&entry_leaf(receipt.entry), log.index, log.size, log.path)?;
        Ok(Self {
            receipt,
            entry,
            root,
        })
    }

    /// What the receipt is of: the record hash, or the event's recordhash.
    pub fn hash(&self) -> Hash {
        match &self.receipt.record {
            Some(record) => record.record_hash,
            None => self.entry.event.recordhash,
        }
    }
}

/// Whether a letter of a record's text would move or turn what its reader sees around it: control
/// characters (Cc), separators of lines, and format characters (Cf) that set the direction or
/// cannot be seen. What joins letters (U+200C, U+200D) stays: scripts and emoji need it.
pub fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0001}'
        )
}
