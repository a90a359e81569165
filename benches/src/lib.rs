//! Benches live in `benches/`, the page made of what they print in `src/bin/report.rs`.
