//! Records out of other products' files: Apple Health, FIT and TCX activities, CSV.
//!
//! Every reader takes bytes and hands out one [`Event`] at a time, in bounded memory; the caller
//! keeps what it got when a file turns out to be damaged further on. Pure: no file access, no
//! clock. The time zone of files that state only UTC is an argument.
//!
//! Invariant: whatever the bytes, a reader returns; it never panics and never loops.

mod activity;
pub mod apple;
pub mod csv;
mod detect;
pub mod fit;
mod guard;
mod key;
#[cfg(test)]
mod mutation;
mod sink;
mod source;
pub mod tcx;
mod time;
mod xml;

pub use detect::{DETECT_BYTES, Kind, detect};
pub use key::{fingerprint, natural_key};
pub use sink::Tally;
pub use source::device_reference;

use crate::record::Record;
use sink::Stop;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

/// What a reader hands out, in the order of the file.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every event is a record, and one is alive at a time"
)]
pub enum Event {
    /// A record; its `rid` is none.
    Record(Record),
    /// Something that becomes no record.
    Skipped(Skip),
    /// How far the reader is; at least once every megabyte.
    Progress(Progress),
}

/// How much of a file has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read; of an archive, bytes of the export inside it.
    pub bytes: u64,
    /// Bytes in all, where the file says.
    pub total: Option<u64>,
}

/// Why a part of a file becomes no record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Skip {
    /// A type this app has no code for; the name is the file's.
    UnknownType(String),
    /// Not a measurement: `Me`, `ActivitySummary`, a list of single beats.
    NotARecord(&'static str),
    /// The value is not a number, or not a word this type has.
    Value,
    /// The unit does not belong to the type.
    Unit,
    /// The time is missing, malformed, out of range, or ends before it starts.
    Time,
    /// Stands outside as well, where it is read.
    Repeated,
}

impl Skip {
    /// Stable in every language.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownType(_) => "unknown_type",
            Self::NotARecord(_) => "not_a_record",
            Self::Value => "value",
            Self::Unit => "unit",
            Self::Time => "time",
            Self::Repeated => "repeated",
        }
    }
}

/// How a reader ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The whole file was read.
    Complete,
    /// The caller broke off.
    Cancelled,
}

/// Where in a file: of an archive, where in the export inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Its line from 1, in files that have lines.
    pub line: Option<u64>,
}

/// Why the rest of a file is not read. Records handed out before stand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Choose another file.
    #[error("not a file this app can import")]
    UnknownFormat,
    /// Export it again: bytes that no such file may hold.
    #[error("illegal bytes at {0}")]
    Illegal(Place),
    /// Export it again: the structure is broken.
    #[error("malformed at {0}")]
    Malformed(Place),
    /// Copy it again: the file ends too early.
    #[error("file ends too early, at {0}")]
    Truncated(Place),
    /// Refused: it defines or uses entities, as only hostile files do.
    #[error("entity refused at {0}")]
    Entity(Place),
    /// Refused: one element, field or file is larger than any real one.
    #[error("too large at {0}")]
    TooLarge(Place),
    /// Copy it again: the bytes changed since the device wrote them.
    #[error("checksum differs at {0}")]
    Checksum(Place),
    /// Not an archive, or no Apple Health export in it.
    #[error("no export found in the archive")]
    Archive,
    /// The storage failed while reading.
    #[error("file cannot be read")]
    Read(#[source] io::Error),
}

impl ImportError {
    /// Stable in every language.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownFormat => "import_unknown_format",
            Self::Illegal(_) => "import_illegal_bytes",
            Self::Malformed(_) => "import_malformed",
            Self::Truncated(_) => "import_truncated",
            Self::Entity(_) => "import_entity",
            Self::TooLarge(_) => "import_too_large",
            Self::Checksum(_) => "import_checksum",
            Self::Archive => "import_archive",
            Self::Read(_) => "import_read",
        }
    }

    /// Where reading stopped.
    pub const fn place(&self) -> Option<Place> {
        match self {
            Self::Illegal(place)
            | Self::Malformed(place)
            | Self::Truncated(place)
            | Self::Entity(place)
            | Self::TooLarge(place)
            | Self::Checksum(place) => Some(*place),
            Self::UnknownFormat | Self::Archive | Self::Read(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "byte {} (line {line})", self.offset),
            None => write!(f, "byte {}", self.offset),
        }
    }
}

/// Minutes east of UTC at a time in UTC milliseconds, for files that do not say.
pub type Zone<'a> = &'a dyn Fn(i64) -> i16;

/// Takes what a reader hands out; `Break` cancels.
pub type Each<'a> = &'a mut dyn FnMut(Event) -> ControlFlow<()>;

/// Reads a file of any kind this app imports.
///
/// # Errors
///
/// Says why and where reading stopped; what was handed out before stands.
pub fn read<R: Read + Seek>(
    mut input: R,
    zone: Zone<'_>,
    each: Each<'_>,
) -> Result<End, ImportError> {
    let start = input.stream_position().map_err(ImportError::Read)?;
    let mut first = Vec::with_capacity(DETECT_BYTES);
    input
        .by_ref()
        .take(DETECT_BYTES as u64)
        .read_to_end(&mut first)
        .map_err(ImportError::Read)?;
    let kind = detect(&first).ok_or(ImportError::UnknownFormat)?;
    let end = input.seek(SeekFrom::End(0)).map_err(ImportError::Read)?;
    input
        .seek(SeekFrom::Start(start))
        .map_err(ImportError::Read)?;
    let total = Some(end.saturating_sub(start));
    match kind {
        Kind::AppleZip => apple::read_zip(input, each),
        Kind::AppleXml => apple::read(input, total, each),
        Kind::Fit => fit::read(input, zone, each),
        Kind::Tcx => tcx::read(input, total, zone, each),
        Kind::Csv => csv::read(input, total, each),
    }
}

fn finish(result: Result<(), Stop>) -> Result<End, ImportError> {
    match result {
        Ok(()) => Ok(End::Complete),
        Err(Stop::Cancelled) => Ok(End::Cancelled),
        Err(Stop::Failed(error)) => Err(error),
    }
}
