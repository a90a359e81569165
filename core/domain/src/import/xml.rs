//! XML as both importers read it: one event at a time, from bytes that were checked first.
//!
//! Refused before the parser sees them: bytes that are not UTF-8 and control characters. Refused
//! after: entities, elements nested deeper or written longer than any real file's.
//!
//! Invariant: memory stays below two buffers and one element of at most a megabyte.

use super::guard::Guard;
use super::sink::Stop;
use super::{ImportError, Place};
use quick_xml::errors::Error as XmlError;
use quick_xml::escape::EscapeError;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;
use std::io::{self, Read};

/// The part of an event an importer acts on.
pub(super) enum Node<'a> {
    /// An element begins.
    Start(BytesStart<'a>),
    /// An element without content.
    Empty(BytesStart<'a>),
    /// An element ends.
    End,
    /// Text between elements, a piece at a time.
    Text(Cow<'a, str>),
    /// A document type; its internal subset declares no entity.
    DocType,
    /// The root element was closed and the input ended.
    Eof,
}

/// Events of one document.
pub(super) struct Xml<R> {
    reader: Reader<Guard<R>>,
    buffer: Vec<u8>,
    depth: usize,
    rooted: bool,
}

impl<R: Read> Xml<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            reader: Reader::from_reader(Guard::new(input)),
            buffer: Vec::new(),
            depth: 0,
            rooted: false,
        }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.reader.get_ref().place().offset
    }

    /// The next node, and where the reader is after it.
    pub(super) fn next(&mut self) -> Result<(Node<'_>, Place), Stop> {
        self.buffer.clear();
        // A single huge element must not leave its memory behind.
        self.buffer.shrink_to(MAX_KEPT);
        self.reader.get_mut().next_unit();
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => return Err(refusal(&self.reader, error).into()),
        };
        let place = self.reader.get_ref().place();
        let node = match event {
            Event::Start(start) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(ImportError::TooLarge(place).into());
                }
                enter(self.depth == 1, &mut self.rooted, place)?;
                Node::Start(start)
            }
            Event::Empty(start) => {
                enter(self.depth == 0, &mut self.rooted, place)?;
                Node::Empty(start)
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Node::End
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                if self.depth == 0 && !text.trim().is_empty() {
                    return Err(ImportError::Malformed(place).into());
                }
                Node::Text(text)
            }
            Event::CData(text) => Node::Text(text.xml10_content()),
            Event::GeneralRef(name) => Node::Text(resolved(&name, place)?.to_string().into()),
            Event::DocType(subset) => {
                if self.rooted || self.depth > 0 {
                    return Err(ImportError::Malformed(place).into());
                }
                if subset.to_ascii_uppercase().contains("<!ENTITY") {
                    return Err(ImportError::Entity(place).into());
                }
                Node::DocType
            }
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => Node::Text(Cow::Borrowed("")),
            Event::Eof if self.depth == 0 && self.rooted => Node::Eof,
            Event::Eof => return Err(ImportError::Truncated(place).into()),
        };
        Ok((node, place))
    }
}

/// Calls `each` with the name and unescaped value of every attribute.
pub(super) fn attributes(
    element: &BytesStart<'_>,
    place: Place,
    mut each: impl FnMut(&str, &str),
) -> Result<(), ImportError> {
    for (count, attribute) in element.attributes().enumerate() {
        let Ok(attribute) = attribute else {
            return Err(ImportError::Malformed(place));
        };
        if count >= MAX_ATTRIBUTES {
            return Err(ImportError::TooLarge(place));
        }
        let value = unescaped(&attribute, place)?;
        each(attribute.key.as_ref(), &value);
    }
    Ok(())
}

fn unescaped<'a>(attribute: &Attribute<'a>, place: Place) -> Result<Cow<'a, str>, ImportError> {
    match attribute.normalized_value(XmlVersion::Explicit1_0) {
        Ok(value) if value.chars().all(is_char) => Ok(value),
        Err(XmlError::Escape(
            EscapeError::UnrecognizedEntity(..) | EscapeError::TooManyNestedEntities,
        )) => Err(ImportError::Entity(place)),
        Ok(_) => Err(ImportError::Illegal(place)),
        Err(_) => Err(ImportError::Malformed(place)),
    }
}

fn resolved(name: &BytesRef<'_>, place: Place) -> Result<char, ImportError> {
    match name.resolve_char_ref() {
        Ok(Some(found)) if is_char(found) => Ok(found),
        Ok(Some(_)) => Err(ImportError::Illegal(place)),
        Ok(None) => match &**name {
            "amp" => Ok('&'),
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(ImportError::Entity(place)),
        },
        Err(_) => Err(ImportError::Malformed(place)),
    }
}

/// What XML 1.0 allows as a character.
fn is_char(found: char) -> bool {
    !matches!(found, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn enter(root: bool, rooted: &mut bool, place: Place) -> Result<(), ImportError> {
    if root && *rooted {
        return Err(ImportError::Malformed(place));
    }
    *rooted = true;
    Ok(())
}

fn refusal<R: Read>(reader: &Reader<Guard<R>>, error: XmlError) -> ImportError {
    let guard = reader.get_ref();
    let here = guard.place();
    match (guard.refused(), error) {
        (Some(why), _) => why.at(here),
        (None, XmlError::Io(cause)) => {
            ImportError::Read(io::Error::new(cause.kind(), XmlError::Io(cause)))
        }
        // The parser says "unclosed" only when the input ends within markup.
        (None, XmlError::Syntax(_)) if guard.ended() => ImportError::Truncated(here),
        _ => ImportError::Malformed(here),
    }
}

const MAX_KEPT: usize = 64 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_ATTRIBUTES: usize = 64;

#[cfg(test)]
mod tests;
