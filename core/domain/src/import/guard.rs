//! Text checked before anything parses it.
//!
//! Gives out legal characters only: UTF-8 without control characters other than tab and line
//! ends; and at most a megabyte for one element or row. What was before an illegal byte is given
//! out first, so that a caller keeps it.

use super::{ImportError, Place};
use std::io::{self, BufRead, Read};

#[derive(Clone, Copy)]
pub(super) enum Refused {
    Illegal,
    Cut,
    TooLarge,
}

impl Refused {
    pub(super) fn at(self, place: Place) -> ImportError {
        match self {
            Self::Illegal => ImportError::Illegal(place),
            Self::Cut => ImportError::Truncated(place),
            Self::TooLarge => ImportError::TooLarge(place),
        }
    }
}

/// A buffer that gives only legal characters, and only so many at a time.
pub(super) struct Guard<R> {
    input: R,
    buffer: Box<[u8]>,
    /// What may be given out: `at..legal`; `legal..filled` was not judged yet.
    at: usize,
    legal: usize,
    filled: usize,
    /// Bytes given out in all and in this element.
    consumed: u64,
    element: usize,
    line: u64,
    ended: bool,
    pending: Option<Refused>,
    refused: Option<Refused>,
}

impl<R: Read> Guard<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            at: 0,
            legal: 0,
            filled: 0,
            consumed: 0,
            element: 0,
            line: 1,
            ended: false,
            pending: None,
            refused: None,
        }
    }

    /// Where the next byte given out stands.
    pub(super) fn place(&self) -> Place {
        Place {
            offset: self.consumed,
            line: Some(self.line),
        }
    }

    /// A new element or row begins; it may be as long as any.
    pub(super) fn next_unit(&mut self) {
        self.element = 0;
    }

    /// Why nothing more is given out.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Whether the input has no more bytes.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    fn refill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.legal..self.filled, 0);
        self.filled -= self.legal;
        (self.at, self.legal) = (0, 0);
        while !self.ended {
            let Some(room) = self
                .buffer
                .get_mut(self.filled..)
                .filter(|room| !room.is_empty())
            else {
                break;
            };
            match self.input.read(room) {
                Ok(0) => self.ended = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let fresh = self.buffer.get(..self.filled).unwrap_or_default();
        self.legal = match std::str::from_utf8(fresh) {
            Ok(_) => fresh.len(),
            Err(error) => {
                if error.error_len().is_some() {
                    self.pending = Some(Refused::Illegal);
                } else if self.ended {
                    self.pending = Some(Refused::Cut);
                }
                error.valid_up_to()
            }
        };
        let text = fresh.get(..self.legal).unwrap_or_default();
        if let Some(at) = text
            .iter()
            .position(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'))
        {
            self.legal = at;
            self.pending = Some(Refused::Illegal);
        }
        Ok(())
    }

    fn refuse(&mut self, why: Refused) -> io::Error {
        self.refused = Some(why);
        io::Error::from(io::ErrorKind::InvalidData)
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let count = from.len().min(to.len());
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Guard<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.element > MAX_ELEMENT {
            return Err(self.refuse(Refused::TooLarge));
        }
        if self.at == self.legal {
            if let Some(why) = self.pending {
                return Err(self.refuse(why));
            }
            if !self.ended || self.filled > self.legal {
                self.refill()?;
            }
            if self.at == self.legal
                && let Some(why) = self.pending
            {
                return Err(self.refuse(why));
            }
        }
        Ok(self.buffer.get(self.at..self.legal).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let end = self.at.saturating_add(count).min(self.legal);
        let gone = self.buffer.get(self.at..end).unwrap_or_default();
        self.line += gone
            .iter()
            .map(|byte| u64::from(*byte == b'\n'))
            .sum::<u64>();
        self.element += gone.len();
        self.consumed += gone.len() as u64;
        self.at = end;
    }
}

const BUFFER: usize = 64 * 1024;
const MAX_ELEMENT: usize = 1 << 20;
