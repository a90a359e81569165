//! Apple Health exports: `export.xml`, alone or in the archive the phone makes.
//!
//! A measurement keeps its number and its unit (`[lb_av]`, `[degF]`, `mmol/L`); only fractions
//! that Apple calls `%` become percent, exactly. Every record has the offset from UTC its start
//! is written with.
//!
//! Both halves of a blood pressure stand in the file twice, alone and in a correlation: they
//! come out once, as one panel. Energy and distance of a workout are notes of its record, because
//! the samples they sum up stand in the file too.

mod blood_pressure;
mod element;
mod table;

use super::sink::{Sink, Stop};
use super::xml::{Node, Xml};
use super::{Each, End, ImportError, Skip, finish};
use blood_pressure::Halves;
use element::{Correlation, Element, Workout};
use std::io::{Read, Seek};
use zip::ZipArchive;

/// Reads `export.xml`; `total` is its length, for the progress.
///
/// # Errors
///
/// Says why and where reading stopped; what was handed out before stands.
pub fn read(input: impl Read, total: Option<u64>, each: Each<'_>) -> Result<End, ImportError> {
    let mut sink = Sink::new(each, total);
    let mut halves = Halves::default();
    let result = document(&mut Xml::new(input), &mut halves, &mut sink);
    // Also after an error: halves that were read are records.
    let rest = match result {
        Err(Stop::Cancelled) => Ok(()),
        _ => halves.flush(&mut sink),
    };
    finish(result.and(rest))
}

/// Reads the export inside an archive: its largest top-level XML file that is health data.
///
/// Its name depends on the phone's language. `export_cda.xml` is not read.
///
/// # Errors
///
/// `Archive` if there is none; else as [`read`].
pub fn read_zip<R: Read + Seek>(input: R, each: Each<'_>) -> Result<End, ImportError> {
    let mut archive = ZipArchive::new(input).map_err(|_| ImportError::Archive)?;
    let mut candidates = Vec::new();
    for index in 0..archive.len().min(MAX_FILES) {
        let Ok(file) = archive.by_index_raw(index) else {
            continue;
        };
        let Ok(name) = file.name() else { continue };
        if is_candidate(&name) {
            candidates.push((file.size(), index));
        }
    }
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    for (size, index) in candidates {
        let is_export = {
            let Ok(mut file) = archive.by_index(index) else {
                continue;
            };
            let mut first = Vec::new();
            let read = file
                .by_ref()
                .take(super::DETECT_BYTES as u64)
                .read_to_end(&mut first);
            read.is_ok() && super::detect(&first) == Some(super::Kind::AppleXml)
        };
        if is_export {
            let file = archive.by_index(index).map_err(|_| ImportError::Archive)?;
            return read(file, Some(size), each);
        }
    }
    Err(ImportError::Archive)
}

/// `apple_health_export/Export.xml`: at most one folder deep, XML, not the clinical document.
fn is_candidate(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut parts = name.split('/').rev();
    let file = parts.next().unwrap_or_default();
    parts.count() <= 1
        && file
            .strip_suffix(".xml")
            .is_some_and(|stem| !stem.ends_with("_cda"))
}

fn document<R: Read>(
    xml: &mut Xml<R>,
    halves: &mut Halves,
    sink: &mut Sink<'_>,
) -> Result<(), Stop> {
    let mut element = Element::default();
    let root = loop {
        match xml.next()? {
            (Node::Start(start), _) => break start.name().as_ref() == ROOT,
            (Node::Empty(start), _) if start.name().as_ref() == ROOT => break true,
            (Node::Empty(_) | Node::Eof, _) => break false,
            _ => {}
        }
    };
    if !root {
        return Err(ImportError::UnknownFormat.into());
    }
    loop {
        let open = match xml.next()? {
            (Node::Start(start), place) => {
                element.read(&start, place)?;
                true
            }
            (Node::Empty(start), place) => {
                element.read(&start, place)?;
                false
            }
            (Node::Eof, place) => return sink.tell(place.offset),
            _ => continue,
        };
        top_level(xml, &mut element, open, halves, sink)?;
        sink.at(xml.position())?;
    }
}

fn top_level<R: Read>(
    xml: &mut Xml<R>,
    element: &mut Element,
    open: bool,
    halves: &mut Halves,
    sink: &mut Sink<'_>,
) -> Result<(), Stop> {
    match element.name.as_str() {
        "Record" => {
            let mut beats = false;
            if open {
                children(xml, |name, child| {
                    match name {
                        "MetadataEntry" => element.metadata(child),
                        "HeartRateVariabilityMetadataList" => beats = true,
                        _ => {}
                    }
                    Ok(())
                })?;
            }
            if beats {
                sink.skip(Skip::NotARecord("HeartRateVariabilityMetadataList"))?;
            }
            match blood_pressure::Half::of(element) {
                Some(Ok(half)) => halves.add(half, sink),
                Some(Err(skip)) => sink.skip(skip),
                None => match element.sample() {
                    Ok(record) => sink.record(record),
                    Err(skip) => sink.skip(skip),
                },
            }
        }
        "Correlation" => {
            let mut correlation = Correlation::of(element);
            if open {
                children(xml, |name, child| {
                    correlation.child(name, child);
                    Ok(())
                })?;
            }
            correlation.finish(halves, sink)
        }
        "Workout" => {
            let mut workout = Workout::of(element);
            if open {
                children(xml, |name, child| {
                    workout.child(name, child);
                    Ok(())
                })?;
            }
            match workout.finish() {
                Ok(record) => sink.record(record),
                Err(skip) => sink.skip(skip),
            }
        }
        name => {
            let skip = match NOT_RECORDS.iter().find(|known| **known == name) {
                Some(known) => Skip::NotARecord(known),
                None => Skip::UnknownType(element::short(name)),
            };
            if open {
                children(xml, |_, _| Ok(()))?;
            }
            sink.skip(skip)
        }
    }
}

/// Calls `each` for every element below the open one, however deep, until that one is closed.
fn children<R: Read>(
    xml: &mut Xml<R>,
    mut each: impl FnMut(&str, &Element) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut child = Element::default();
    let mut depth = 1_usize;
    while depth > 0 {
        match xml.next()? {
            (Node::Start(start), place) => {
                child.read(&start, place)?;
                depth += 1;
            }
            (Node::Empty(start), place) => child.read(&start, place)?,
            (Node::End, _) => {
                depth -= 1;
                continue;
            }
            _ => continue,
        }
        each(&child.name, &child)?;
    }
    Ok(())
}

const ROOT: &str = "HealthData";
const MAX_FILES: usize = 100_000;
const NOT_RECORDS: [&str; 7] = [
    "ExportDate",
    "Me",
    "ActivitySummary",
    "ClinicalRecord",
    "Audiogram",
    "VisionPrescription",
    "StateOfMind",
];

#[cfg(test)]
mod tests;
