//! The document around the samples, and how its elements are written.

use super::clock;
use super::life::Day;
use super::{Expected, Plan, samples};
use std::io::{self, Write};

pub(super) fn write(plan: &Plan, to: impl Write) -> io::Result<Expected> {
    let mut out = Out {
        to,
        line: String::new(),
        expected: Expected::default(),
    };
    let last = Day::of(plan, plan.days.saturating_sub(1));
    out.raw(HEAD)?;
    out.line.push_str(" <ExportDate value=\"");
    clock::push(&mut out.line, last.end + 8 * 3_600);
    out.line.push_str("\"/>\n");
    out.end()?;
    out.raw(ME)?;
    out.skip("not_a_record", 2);
    samples::all(plan, &mut out)?;
    out.raw("</HealthData>\n")?;
    out.to.flush()?;
    Ok(out.expected)
}

/// Where elements go, and what an importer makes of them.
pub(super) struct Out<W> {
    to: W,
    line: String,
    expected: Expected,
}

/// What stands in a record, but for its value.
#[derive(Clone, Copy)]
pub(super) struct Sample<'a> {
    pub(super) kind: &'a str,
    pub(super) source: &'a Source,
    pub(super) unit: &'a str,
    pub(super) begin: i64,
    pub(super) end: i64,
}

/// What wrote a sample.
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// As escaped in an attribute; empty for apps.
    pub(super) device: &'static str,
}

impl<W: Write> Out<W> {
    /// Writes a record that an importer makes `code` of.
    pub(super) fn record(&mut self, code: &str, sample: Sample<'_>, value: &str) -> io::Result<()> {
        self.count(code);
        self.open(sample, value, "");
        self.line.push_str("/>\n");
        self.end()
    }

    /// Writes a record with metadata, other children, or both.
    pub(super) fn record_with(
        &mut self,
        code: &str,
        sample: Sample<'_>,
        value: &str,
        children: &str,
    ) -> io::Result<()> {
        self.count(code);
        self.open(sample, value, "");
        self.line.push_str(">\n");
        self.line.push_str(children);
        self.line.push_str(" </Record>\n");
        self.end()
    }

    /// Writes a record that an importer leaves out for `reason`, or finds again elsewhere.
    pub(super) fn unread(
        &mut self,
        reason: Option<&'static str>,
        sample: Sample<'_>,
        value: &str,
    ) -> io::Result<()> {
        if let Some(reason) = reason {
            self.skip(reason, 1);
        }
        self.open(sample, value, "");
        self.line.push_str("/>\n");
        self.end()
    }

    /// Writes a correlation of two records.
    pub(super) fn pair(
        &mut self,
        code: &str,
        both: [(Sample<'_>, &str); 2],
        kind: &str,
    ) -> io::Result<()> {
        self.count(code);
        let [(first, _), _] = both;
        self.line.push_str(" <Correlation type=\"");
        self.line.push_str(kind);
        self.attributes(first);
        self.line.push_str(">\n");
        for (sample, value) in both {
            self.open(sample, value, " ");
            self.line.push_str("/>\n");
        }
        self.line.push_str(" </Correlation>\n");
        self.end()
    }

    /// Writes an element as it is given.
    pub(super) fn element(&mut self, text: &str) -> io::Result<()> {
        self.line.push_str(text);
        self.end()
    }

    pub(super) fn count(&mut self, code: &str) {
        match self.expected.records.get_mut(code) {
            Some(count) => *count += 1,
            None => drop(self.expected.records.insert(code.to_owned(), 1)),
        }
        if code == "loinc|55411-3" {
            self.expected.trainings += 1;
        }
    }

    pub(super) fn skip(&mut self, reason: &'static str, count: u64) {
        *self.expected.skipped.entry(reason).or_default() += count;
    }

    fn open(&mut self, sample: Sample<'_>, value: &str, indent: &str) {
        self.line.push_str(indent);
        self.line.push_str(" <Record type=\"");
        self.line.push_str(sample.kind);
        self.attributes(sample);
        self.line.push_str(" value=\"");
        self.line.push_str(value);
        self.line.push('"');
    }

    fn attributes(&mut self, sample: Sample<'_>) {
        let Source {
            name,
            version,
            device,
        } = sample.source;
        for (attribute, text) in [
            ("\" sourceName=\"", *name),
            ("\" sourceVersion=\"", *version),
            ("\" device=\"", *device),
            ("\" unit=\"", sample.unit),
        ] {
            if !text.is_empty() {
                self.line.push_str(attribute);
                self.line.push_str(text);
            }
        }
        for (attribute, time) in [
            ("\" creationDate=\"", sample.end + 5),
            ("\" startDate=\"", sample.begin),
            ("\" endDate=\"", sample.end),
        ] {
            self.line.push_str(attribute);
            clock::push(&mut self.line, time);
        }
        self.line.push('"');
    }

    fn raw(&mut self, text: &str) -> io::Result<()> {
        self.to.write_all(text.as_bytes())
    }

    fn end(&mut self) -> io::Result<()> {
        self.to.write_all(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

const HEAD: &str = include_str!("head.xml");
const ME: &str = " <Me HKCharacteristicTypeIdentifierDateOfBirth=\"1984-05-17\" \
    HKCharacteristicTypeIdentifierBiologicalSex=\"HKBiologicalSexFemale\" \
    HKCharacteristicTypeIdentifierBloodType=\"HKBloodTypeNotSet\" \
    HKCharacteristicTypeIdentifierFitzpatrickSkinType=\"HKFitzpatrickSkinTypeNotSet\" \
    HKCharacteristicTypeIdentifierCardioFitnessMedicationsUse=\"None\"/>\n";
