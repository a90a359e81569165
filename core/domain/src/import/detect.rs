//! Which kind of file it is, by its first bytes.

/// A kind of file this app imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An archive; only its list of files tells whether it holds an Apple Health export.
    AppleZip,
    /// `export.xml` of Apple Health.
    AppleXml,
    /// An activity, weight or blood pressure file of a sports device.
    Fit,
    /// Training Center XML.
    Tcx,
    /// This app's own table.
    Csv,
}

/// Tells the kind of a file by its first [`DETECT_BYTES`] bytes; its name plays no part.
pub fn detect(first: &[u8]) -> Option<Kind> {
    if first.starts_with(b"PK\x03\x04") {
        return Some(Kind::AppleZip);
    }
    if first.get(8..12) == Some(b".FIT") {
        return Some(Kind::Fit);
    }
    let text = first.strip_prefix(BOM).unwrap_or(first).trim_ascii_start();
    if text.starts_with(b"<") {
        return root(text);
    }
    let header = super::csv::HEADER.as_bytes();
    (text.len() >= header.len() && text.starts_with(header)).then_some(Kind::Csv)
}

/// The first element, past the declaration, comments and a document type.
fn root(mut text: &[u8]) -> Option<Kind> {
    loop {
        text = text.trim_ascii_start();
        if text.starts_with(b"<?") {
            text = after(text, b"?>")?;
        } else if text.starts_with(b"<!--") {
            text = after(text, b"-->")?;
        } else {
            break;
        }
    }
    if let Some(rest) = text.strip_prefix(b"<!DOCTYPE") {
        return named(rest.trim_ascii_start());
    }
    named(text.strip_prefix(b"<")?)
}

fn named(text: &[u8]) -> Option<Kind> {
    let end = text
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b':'))?;
    let name = text.get(..end)?;
    match name {
        b"HealthData" => Some(Kind::AppleXml),
        b"TrainingCenterDatabase" => Some(Kind::Tcx),
        name if name.ends_with(b":TrainingCenterDatabase") => Some(Kind::Tcx),
        _ => None,
    }
}

fn after<'a>(text: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(end.len()).position(|window| window == end)?;
    text.get(at + end.len()..)
}

/// How many bytes [`detect`] wants.
pub const DETECT_BYTES: usize = 4096;
const BOM: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        for (first, kind) in [
            (&b"PK\x03\x04\x14\x00"[..], Some(Kind::AppleZip)),
            (
                b"\x0e\x20\x54\x08\x00\x00\x00\x00.FIT\x00\x00",
                Some(Kind::Fit),
            ),
            (
                b"<?xml version=\"1.0\"?>\n<!-- a -->\n<!DOCTYPE HealthData [",
                Some(Kind::AppleXml),
            ),
            (
                b"\xef\xbb\xbf <HealthData locale=\"en\">",
                Some(Kind::AppleXml),
            ),
            (
                b"<?xml version=\"1.0\"?><TrainingCenterDatabase xmlns=",
                Some(Kind::Tcx),
            ),
            (b"<tcx:TrainingCenterDatabase>", Some(Kind::Tcx)),
            (
                b"code,start,end,value,unit,source,note\r\n",
                Some(Kind::Csv),
            ),
            (b"<ClinicalDocument>", None),
            (b"<?xml version=\"1.0\"", None),
            (b"<", None),
            (b"", None),
            (b"code,start", None),
            (b"%PDF-1.7", None),
        ] {
            assert_eq!(detect(first), kind, "{}", String::from_utf8_lossy(first));
        }
    }
}
