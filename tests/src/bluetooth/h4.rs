//! Where HCI packets end in a stream of bytes (Bluetooth Core 5.4, volume 4, part A, section 2).
//!
//! `/dev/vhci` takes exactly one packet a write; a socket or a serial line knows no packets.

use std::fmt;

/// A byte that starts no packet: the stream is out of step and cannot be brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfStep(pub u8);

impl fmt::Display for OutOfStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x} starts no HCI packet", self.0)
    }
}

impl std::error::Error for OutOfStep {}

/// Cuts a stream into packets, each with its type byte.
#[derive(Debug, Default)]
pub struct Packets {
    kept: Vec<u8>,
}

impl Packets {
    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    /// The next whole packet; none until more bytes are fed.
    ///
    /// # Errors
    ///
    /// [`OutOfStep`] when what comes next is no packet.
    pub fn next_packet(&mut self) -> Result<Option<Vec<u8>>, OutOfStep> {
        let Some(length) = length(&self.kept)? else {
            return Ok(None);
        };
        if self.kept.len() < length {
            return Ok(None);
        }
        let rest = self.kept.split_off(length);
        Ok(Some(std::mem::replace(&mut self.kept, rest)))
    }
}

/// The length of the packet at the start of `bytes`, its type byte counted; none while its header
/// is not whole.
fn length(bytes: &[u8]) -> Result<Option<usize>, OutOfStep> {
    let Some((&kind, header)) = bytes.split_first() else {
        return Ok(None);
    };
    let one = |at: usize| header.get(at).map(|&byte| usize::from(byte));
    let two = |at: usize| Some(one(at)? | one(at + 1)? << 8);
    let (header, body) = match kind {
        COMMAND | SYNCHRONOUS => (3, one(2)),
        ACL => (4, two(2)),
        EVENT => (2, one(1)),
        ISO => (4, two(2).map(|length| length & 0x3fff)),
        other => return Err(OutOfStep(other)),
    };
    Ok(body.map(|body| 1 + header + body))
}

const COMMAND: u8 = 1;
const ACL: u8 = 2;
const SYNCHRONOUS: u8 = 3;
const EVENT: u8 = 4;
const ISO: u8 = 5;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should panic")]
    use super::*;

    const RESET: [u8; 4] = [1, 0x03, 0x0c, 0];
    const COMPLETE: [u8; 7] = [4, 0x0e, 4, 1, 0x03, 0x0c, 0];
    const DATA: [u8; 8] = [2, 0x40, 0x00, 3, 0, 7, 8, 9];

    fn cut(pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, OutOfStep> {
        let mut packets = Packets::default();
        let mut found = Vec::new();
        for piece in pieces {
            packets.feed(piece);
            while let Some(packet) = packets.next_packet()? {
                found.push(packet);
            }
        }
        Ok(found)
    }

    #[test]
    fn every_kind_of_packet_ends_where_its_length_says() {
        let iso = [5, 1, 0, 2, 0x40, 1, 2]; // the two high bits are no length
        let voice = [3, 1, 0, 1, 9];
        let cases: [&[u8]; 5] = [&RESET, &COMPLETE, &DATA, &iso, &voice];
        for case in cases {
            assert_eq!(cut(&[case]).unwrap(), [case.to_vec()], "{case:02x?}");
        }
    }

    #[test]
    fn a_packet_comes_out_whole_however_the_stream_was_cut() {
        let stream = [&RESET[..], &COMPLETE, &DATA].concat();
        let expected = [RESET.to_vec(), COMPLETE.to_vec(), DATA.to_vec()];
        for at in 0..=stream.len() {
            assert_eq!(
                cut(&[&stream[..at], &stream[at..]]).unwrap(),
                expected,
                "{at}"
            );
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(cut(&single).unwrap(), expected);
    }

    #[test]
    fn half_a_packet_is_none_yet() {
        for end in 0..DATA.len() {
            assert_eq!(
                cut(&[&DATA[..end]]).unwrap(),
                Vec::<Vec<u8>>::new(),
                "{end}"
            );
        }
    }

    #[test]
    fn a_stream_out_of_step_is_said_to_be_so() {
        assert_eq!(cut(&[&RESET, &[0xff, 0]]), Err(OutOfStep(0xff)));
        assert_eq!(cut(&[&[0]]), Err(OutOfStep(0)));
    }
}
