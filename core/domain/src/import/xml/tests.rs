#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
use super::*;

/// Hands out one byte at a time, as a slow source may.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match (self.0.split_first(), to.first_mut()) {
            (Some((byte, rest)), Some(to)) => {
                *to = *byte;
                self.0 = rest;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

fn read_all(bytes: &[u8]) -> Result<usize, ImportError> {
    let mut xml = Xml::new(Drip(bytes));
    let mut elements = 0;
    loop {
        match xml.next() {
            Ok((Node::Start(_) | Node::Empty(_), _)) => elements += 1,
            Ok((Node::Eof, _)) => return Ok(elements),
            Ok(_) => {}
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Cancelled) => panic!("nobody cancelled"),
        }
    }
}

#[test]
fn what_is_no_plain_document_is_refused_with_its_place() {
    let cases: [(&[u8], &str, u64, u64); 16] = [
        (b"<a>\n\x01</a>", "import_illegal_bytes", 4, 2),
        (b"<a>\n\n<b c=\"\xff\"/></a>", "import_illegal_bytes", 11, 3),
        (b"<a>\xc3\x28</a>", "import_illegal_bytes", 3, 1),
        (b"<a>&#1;</a>", "import_illegal_bytes", 7, 1),
        (b"<a>\xe2\x82", "import_truncated", 3, 1),
        (b"<a><b>", "import_truncated", 6, 1),
        (b"<a><b c=\"x", "import_truncated", 10, 1),
        (b"<a><!-- x", "import_truncated", 9, 1),
        (b"", "import_truncated", 0, 1),
        (b"<a></b>", "import_malformed", 7, 1),
        (b"<a/><a/>", "import_malformed", 8, 1),
        (b"<a/>x", "import_malformed", 5, 1),
        (
            b"<!DOCTYPE a [<!ENTITY x \"y\">]><a/>",
            "import_entity",
            30,
            1,
        ),
        (
            b"<!DOCTYPE a [<!entity % x \"y\">]><a/>",
            "import_entity",
            32,
            1,
        ),
        (b"<a>&x;</a>", "import_entity", 6, 1),
        (b"<!DOCTYPE a SYSTEM \"x", "import_truncated", 21, 1),
    ];
    for (bytes, code, offset, line) in cases {
        let error = read_all(bytes).unwrap_err();
        let name = String::from_utf8_lossy(bytes);
        assert_eq!(error.code(), code, "{name}");
        let place = Place {
            offset,
            line: Some(line),
        };
        assert_eq!(error.place(), Some(place), "{name}");
    }
}

#[test]
fn a_document_type_comments_and_known_entities_are_read_over() {
    let document = "\u{feff}<?xml version=\"1.0\"?>\n<!-- a --><!DOCTYPE a [\n<!-- ]> -->\n\
        <!ELEMENT a (b*)>\n<!ATTLIST a b CDATA #IMPLIED c CDATA \">\">\n]>\n\
        <a b=\"&lt;\">&amp;<![CDATA[<c>]]><b/></a>\n";
    assert_eq!(read_all(document.as_bytes()).unwrap(), 2);
}

#[test]
fn what_is_larger_than_any_real_file_has_is_refused() {
    let deep = "<a>".repeat(33);
    let long = format!("<a b=\"{}\"/>", "x".repeat(2 << 20));
    let text = format!("<a>{}</a>", "x".repeat(2 << 20));
    for document in [deep, long, text] {
        let error = read_all(document.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "import_too_large");
    }
    let many = "<a>".to_owned() + &"<b/>".repeat(300_000) + "</a>";
    assert_eq!(read_all(many.as_bytes()).unwrap(), 300_001);
}
