//! What a row of the outbox asks for. What is sent is built when it is sent, by the keys and
//! secrets of that moment.

use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};

/// One thing the cloud is to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// The account and this device.
    Account,
    /// A vault secret, sealed to kit and devices.
    VaultSecret {
        /// Its generation.
        generation: u32,
    },
    /// A channel with the ENROLs of this device's keys.
    Channel {
        /// Its category byte.
        category: u8,
    },
    /// A bag item.
    Bag {
        /// Its id.
        item: [u8; 16],
    },
    /// A new stream key, to be wrapped for every live grant that covers its stream.
    Envelopes {
        /// Its id.
        stream_key: [u8; 16],
    },
    /// A sealed batch.
    Batch {
        /// Its id.
        batch: [u8; 16],
        /// Its revision.
        revision: u32,
    },
    /// Blobs of an erased batch are to be deleted.
    Erase {
        /// Its id.
        batch: [u8; 16],
    },
    /// Something of the sharing module: what, and its bytes.
    Other {
        /// Chosen there, from 64.
        what: u8,
        /// As fixed there.
        bytes: Vec<u8>,
    },
}

impl Task {
    /// As stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        match self {
            Self::Account => out.array(1).int(1),
            Self::VaultSecret { generation } => out.array(2).int(2).uint(u64::from(*generation)),
            Self::Channel { category } => out.array(2).int(3).uint(u64::from(*category)),
            Self::Bag { item } => out.array(2).int(4).bytes(item),
            Self::Envelopes { stream_key } => out.array(2).int(5).bytes(stream_key),
            Self::Batch { batch, revision } => {
                out.array(3).int(6).bytes(batch).uint(u64::from(*revision))
            }
            Self::Erase { batch } => out.array(2).int(7).bytes(batch),
            Self::Other { what, bytes } => out.array(2).int(i64::from(*what)).bytes(bytes),
        };
        out.finish()
    }

    /// Reads what [`Task::encode`] wrote.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, when a newer version wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let small = |number: u64| u32::try_from(number).map_err(|_| Rejection::Malformed);
        let mut reader = Reader::new(bytes);
        let len = reader.array()?;
        let task = match (reader.uint()?, len) {
            (1, 1) => Self::Account,
            (2, 2) => Self::VaultSecret {
                generation: small(reader.uint()?)?,
            },
            (3, 2) => Self::Channel {
                category: u8::try_from(reader.uint()?).map_err(|_| Rejection::Malformed)?,
            },
            (4, 2) => Self::Bag {
                item: reader.byte_array()?,
            },
            (5, 2) => Self::Envelopes {
                stream_key: reader.byte_array()?,
            },
            (6, 3) => Self::Batch {
                batch: reader.byte_array()?,
                revision: small(reader.uint()?)?,
            },
            (7, 2) => Self::Erase {
                batch: reader.byte_array()?,
            },
            (what @ 64..=255, 2) => Self::Other {
                what: u8::try_from(what).map_err(|_| Rejection::Malformed)?,
                bytes: reader.bytes()?.to_vec(),
            },
            _ => return Err(Rejection::Malformed),
        };
        reader.finish()?;
        Ok(task)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn a_task_reads_back_as_it_was_written() {
        for task in [
            Task::Account,
            Task::VaultSecret { generation: 2 },
            Task::Channel { category: 3 },
            Task::Bag { item: [1; 16] },
            Task::Envelopes {
                stream_key: [2; 16],
            },
            Task::Batch {
                batch: [3; 16],
                revision: 1,
            },
            Task::Erase { batch: [4; 16] },
            Task::Other {
                what: 64,
                bytes: vec![5],
            },
        ] {
            assert_eq!(Task::decode(&task.encode()).unwrap(), task);
        }
    }
}
