//! The body of `POST /add-checkpoint`: `old N`, proof lines, an empty line, the note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

/// A checkpoint to cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddCheckpoint {
    /// What the log believes the witness cosigned last.
    pub(crate) old_size: u64,
    /// Consistency proof from there.
    pub(crate) proof: Vec<[u8; 32]>,
    /// The signed note.
    pub(crate) note: String,
}

impl AddCheckpoint {
    pub(crate) fn write(&self) -> String {
        let mut text = format!("old {}\n", self.old_size);
        for node in &self.proof {
            // writing to a String cannot fail
            let _ = writeln!(text, "{}", STANDARD.encode(node));
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let size = lines.next()?.strip_prefix("old ")?;
        let old_size: u64 = size.parse().ok()?;
        if old_size.to_string() != size {
            return None;
        }
        let proof = lines
            .map(|line| STANDARD.decode(line).ok()?.try_into().ok())
            .collect::<Option<Vec<[u8; 32]>>>()?;
        (proof.len() <= MOST_NODES).then(|| Self {
            old_size,
            proof,
            note: note.to_owned(),
        })
    }
}

const MOST_NODES: usize = 63;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_other_spellings_are_not() {
        let message = AddCheckpoint {
            old_size: 7,
            proof: vec![[1; 32], [2; 32]],
            note: "o\n9\nroot\n\n— o sig\n".to_owned(),
        };
        let text = message.write();
        assert_eq!(AddCheckpoint::read(&text).unwrap(), message);
        for bad in [
            text.replace("old 7", "old 07"),
            text.replace("old 7", "new 7"),
            text.replace("old 7", "old -7"),
            text.replace("\n\n", "\n"),
            text.replacen("AQEB", "AQ!B", 1),
            String::new(),
        ] {
            assert_eq!(AddCheckpoint::read(&bad), None, "{bad}");
        }
    }
}
