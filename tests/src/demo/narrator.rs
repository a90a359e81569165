//! The transcript: what is said is printed and kept.

use super::clock::Stopwatch;
use std::fmt::Write as _;

/// Says what happens, and writes it down.
#[derive(Debug)]
pub struct Narrator {
    text: String,
    step: u32,
    watch: Stopwatch,
}

impl Narrator {
    /// Starts with an empty transcript.
    pub fn new() -> Self {
        Self {
            text: String::new(),
            step: 0,
            watch: Stopwatch::start(),
        }
    }

    /// A new step, with the seconds since the start.
    pub fn step(&mut self, title: &str) {
        self.step += 1;
        let line = format!(
            "\n{}. {title}   [{:.1} s]",
            self.step,
            self.watch.read().as_secs_f64()
        );
        self.line(&line);
    }

    /// A line of the step.
    pub fn say(&mut self, text: &str) {
        for line in text.lines() {
            self.line(&format!("   {line}"));
        }
    }

    /// A command as a person would type it, and what it answered.
    pub fn command(&mut self, typed: &str, answer: &str) {
        self.line(&format!("   $ {typed}"));
        for line in answer.trim_end().lines() {
            self.line(&format!("   | {line}"));
        }
    }

    /// Everything said so far.
    pub fn transcript(&self) -> &str {
        &self.text
    }

    #[allow(
        clippy::print_stdout,
        reason = "the transcript is for the terminal too"
    )]
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        println!("{line}");
        let _ = writeln!(self.text, "{line}");
    }
}

impl Default for Narrator {
    fn default() -> Self {
        Self::new()
    }
}
