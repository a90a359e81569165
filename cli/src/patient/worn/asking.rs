//! Numbers asked for while a device is paired.

use console::Term;
use std::fmt;
use vitalwitness_vault::ble::desktop::{Asked, Asker, Question, Reply};

/// Who sits at the terminal, or the digits given beforehand.
pub(super) struct Person {
    passkey: Option<u32>,
    there: bool,
}

impl Person {
    pub(super) fn new(passkey: Option<u32>, there: bool) -> Self {
        Self { passkey, there }
    }
}

impl Asker for Person {
    fn ask(&self, _peripheral: String, question: Question) -> Asked<'_> {
        Box::pin(async move {
            if let (Some(digits), Question::Passkey) = (self.passkey, question) {
                return Some(Reply::Passkey(digits));
            }
            if !self.there {
                return None;
            }
            let asked = tokio::task::spawn_blocking(move || at_terminal(question));
            asked.await.ok().flatten()
        })
    }
}

fn at_terminal(question: Question) -> Option<Reply> {
    let term = Term::stderr();
    match question {
        Question::Passkey => {
            term.write_str("The six digits on its display: ").ok()?;
            let line = term.read_line().ok()?;
            let digits: u32 = line.trim().parse().ok()?;
            (digits <= 999_999).then_some(Reply::Passkey(digits))
        }
        Question::Compare(digits) => {
            let words = format!("Does it show {digits:06}? [y/N] ");
            term.write_str(&words).ok()?;
            let line = term.read_line().ok()?.trim().to_lowercase();
            matches!(line.as_str(), "y" | "yes").then_some(Reply::Yes)
        }
        Question::Show(digits) => {
            term.write_line(&format!("Type {digits:06} on the device."))
                .ok()?;
            Some(Reply::Yes)
        }
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person")
    }
}
