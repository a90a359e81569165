use super::*;

#[test]
fn a_missing_reading_breaks_the_line() {
    let points = [
        (0.0, 60.0),
        (1.0, 61.0),
        (2.0, 62.0),
        (30.0, 63.0),
        (31.0, 64.0),
    ];
    let d = broken_path(&points, |x| x, |y| y);
    assert_eq!(d.matches('M').count(), 2, "{d}");
}

#[test]
fn text_from_records_cannot_become_markup() {
    let page = Page {
        receipt: vec![("Note".into(), "<script>alert(1)</script>".into())],
        ..Page::default()
    };
    let html = page.html();
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;"));
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let html = Page::default().html();
    for word in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn thousands_are_separated_from_the_right() {
    for (n, text) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (1_234_567, "1,234,567"),
    ] {
        assert_eq!(thousands(n), text);
    }
}
