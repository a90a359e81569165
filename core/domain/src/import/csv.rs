//! This app's table: `code,start,end,value,unit,source,note`, RFC 4180, UTF-8.
//!
//! | column | holds |
//! |---|---|
//! | code | `loinc\|8867-4`, `vw\|mood`; or `medicine`, `note`, `episode` |
//! | start, end | ISO 8601 with the offset from UTC; end is empty for a moment |
//! | value | a number; words; `120/80` for a blood pressure; several parts: see unit `components` |
//! | unit | UCUM; empty for words; `components` for `code number unit; code number unit` |
//! | source | `typed`, `sensor`, `paired`, `file`, `clinician`; then `:` and 32 hex digits of a device |
//! | note | `name=text; name=text`; in names and texts `%`, `;`, `=` and line ends are `%25` and so on |
//!
//! Notes of this app begin with `@`: `@name` and `@status` of a medicine, `@kind` of a note or an
//! episode, `@reason`. What is written reads back equal, apart from the record's id. Links to other
//! records, files and waveforms have no place in a table: such records are left out and counted.

mod row;
mod write;

pub use write::{Written, write};

use super::guard::Guard;
use super::sink::{Sink, Stop};
use super::{Each, End, ImportError, Skip, finish};
use std::io::{BufRead, Read};

/// Reads a table; `total` is its length, for the progress.
///
/// Rows that are no record are skipped and counted.
///
/// # Errors
///
/// Says why and where reading stopped; rows before stand.
pub fn read(input: impl Read, total: Option<u64>, each: Each<'_>) -> Result<End, ImportError> {
    let mut sink = Sink::new(each, total);
    finish(table(&mut Rows::new(input), &mut sink))
}

fn table<R: Read>(rows: &mut Rows<R>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    if !rows.next()? || !rows.row.iter().map(String::as_str).eq(HEADER.split(',')) {
        return Err(ImportError::UnknownFormat.into());
    }
    while rows.next()? {
        let Ok(fields) = <&[String; COLUMNS]>::try_from(rows.row.as_slice()) else {
            return Err(ImportError::Malformed(rows.input.place()).into());
        };
        match row::record(fields) {
            Ok(record) => sink.record(record)?,
            Err(skip) => sink.skip(skip)?,
        }
        sink.at(rows.input.place().offset)?;
    }
    sink.tell(rows.input.place().offset)
}

/// Rows of RFC 4180: fields in quotes may hold commas, line ends and doubled quotes.
struct Rows<R> {
    input: Guard<R>,
    row: Vec<String>,
    field: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Plain,
    Quoted,
    /// After a quote within quotes: the end, or half of a doubled one.
    Quote,
    /// After a carriage return.
    Return,
}

impl<R: Read> Rows<R> {
    fn new(input: R) -> Self {
        Self {
            input: Guard::new(input),
            row: Vec::new(),
            field: Vec::new(),
        }
    }

    /// Reads the next row that is not blank into `row`; false at the end.
    fn next(&mut self) -> Result<bool, Stop> {
        self.row.clear();
        self.field.clear();
        self.input.next_unit();
        let mut state = State::Begin;
        loop {
            let Some(byte) = self.byte()? else {
                return match state {
                    State::Quoted => Err(ImportError::Truncated(self.input.place()).into()),
                    State::Begin if self.row.is_empty() => Ok(false),
                    _ => self.end_field().map(|()| true),
                };
            };
            state = match (state, byte) {
                (State::Quoted, b'"') => State::Quote,
                (State::Quoted, _) | (State::Quote, b'"') => self.push(byte, State::Quoted),
                (State::Begin, b'"') => State::Quoted,
                (State::Return | State::Begin | State::Plain | State::Quote, b'\n') => {
                    let blank =
                        self.row.is_empty() && self.field.is_empty() && state != State::Quote;
                    if !blank {
                        return self.end_field().map(|()| true);
                    }
                    self.input.next_unit();
                    State::Begin
                }
                (State::Begin | State::Plain | State::Quote, b'\r') => State::Return,
                (State::Begin | State::Plain | State::Quote, b',') => {
                    self.end_field()?;
                    State::Begin
                }
                (State::Begin | State::Plain, byte) if byte != b'"' => {
                    self.push(byte, State::Plain)
                }
                _ => return Err(ImportError::Malformed(self.input.place()).into()),
            };
        }
    }

    fn push(&mut self, byte: u8, state: State) -> State {
        self.field.push(byte);
        state
    }

    fn end_field(&mut self) -> Result<(), Stop> {
        let place = self.input.place();
        if self.row.len() >= COLUMNS {
            return Err(ImportError::Malformed(place).into());
        }
        let text = String::from_utf8(std::mem::take(&mut self.field));
        self.row
            .push(text.map_err(|_| ImportError::Illegal(place))?);
        Ok(())
    }

    fn byte(&mut self) -> Result<Option<u8>, Stop> {
        let found = match self.input.fill_buf() {
            Ok(bytes) => bytes.first().copied(),
            Err(error) => return Err(refusal(&self.input, error).into()),
        };
        if found.is_some() {
            self.input.consume(1);
        }
        // A byte order mark, as spreadsheets write it.
        if found == Some(0xef) && self.input.place().offset == 1 {
            for _ in 0..2 {
                self.byte()?;
            }
            return self.byte();
        }
        Ok(found)
    }
}

fn refusal<R: Read>(input: &Guard<R>, error: std::io::Error) -> ImportError {
    match input.refused() {
        Some(why) => why.at(input.place()),
        None => ImportError::Read(error),
    }
}

/// The first line of every table.
pub const HEADER: &str = "code,start,end,value,unit,source,note";
const COLUMNS: usize = 7;

#[cfg(test)]
mod tests;
