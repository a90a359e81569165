use super::*;
use std::io::{Cursor, Write};

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn the_export_is_found_in_an_archive_of_any_language() {
    let export = document(&record(
        "HKQuantityTypeIdentifierHeartRate",
        "count/min",
        "61",
    ));
    let clinical = format!(
        "<ClinicalDocument>{}</ClinicalDocument>",
        "x".repeat(100_000)
    );
    let route = "<gpx/>";
    for (name, found) in [
        ("apple_health_export/export.xml", true),
        ("apple_health_export/Export.xml", true),
        ("apple_health_export/exportaci\u{f3}n.xml", true),
        ("export.xml", true),
        ("apple_health_export/all_cda.xml", false),
        ("apple_health_export/workout-routes/export.xml", false),
        ("apple_health_export/export.txt", false),
    ] {
        let bytes = archive(&[
            ("apple_health_export/export_cda.xml", &clinical),
            ("apple_health_export/other.xml", &clinical),
            ("apple_health_export/workout-routes/route.gpx", route),
            (name, &export),
        ]);
        let mut tally = Tally::default();
        let result = crate::import::read(Cursor::new(bytes), &|_| 0, &mut |event| {
            tally.count(&event);
            ControlFlow::Continue(())
        });
        match result {
            Ok(end) => assert_eq!(
                (end, tally.records, found),
                (End::Complete, 1, true),
                "{name}"
            ),
            Err(error) => assert_eq!((error.code(), found), ("import_archive", false), "{name}"),
        }
    }
}

#[test]
fn a_broken_archive_is_an_error_not_a_panic() {
    let export = document(&record(
        "HKQuantityTypeIdentifierHeartRate",
        "count/min",
        "61",
    ));
    let bytes = archive(&[("apple_health_export/export.xml", &export)]);
    let mut dice = Dice::new(7);
    for _ in 0..TRIES / 20 {
        let bytes = damaged(
            &bytes,
            &[b"PK\x01\x02", b"PK\x05\x06", b"\xff\xff\xff\xff"],
            &mut dice,
        );
        let _ = read_zip(Cursor::new(bytes), &mut |_| ControlFlow::Continue(()));
    }
}
