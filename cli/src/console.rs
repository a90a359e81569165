//! The terminal: lines, colours, questions, progress.
//!
//! Colours and bars only where a person looks: on a terminal, and when `NO_COLOR` is unset.
//! A closed pipe is no error: whoever read the output has enough.

use crate::outcome::{Exit, Failure, Outcome};
use console::{Style, Term};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// Where a command writes and asks.
#[derive(Debug)]
pub(crate) struct Console {
    colours: bool,
    attended: bool,
    json: bool,
}

/// What a piece of text means; the colour says the same as the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Holds.
    Seal,
    /// Waits for a decision, or a gentle note.
    Decide,
    /// Changed, refused, ended.
    Stop,
    /// A heading.
    Strong,
    /// Second in line.
    Quiet,
}

#[allow(
    clippy::unused_self,
    reason = "output goes through the console, whatever it holds"
)]
impl Console {
    /// The console of this process.
    pub(crate) fn new(json: bool) -> Self {
        let attended = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colours: attended && !no_colour && !json,
            attended,
            json,
        }
    }

    /// Whether the output is one JSON value.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// A line of output.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{}", text.as_ref());
    }

    /// An empty line.
    pub(crate) fn gap(&self) {
        self.line("");
    }

    /// A heading.
    pub(crate) fn heading(&self, text: &str) {
        self.line(self.paint(Tone::Strong, text));
    }

    /// `name: text` in two columns.
    pub(crate) fn fact(&self, name: &str, text: impl AsRef<str>) {
        let name = format!("  {name:<15}");
        self.line(format!(
            "{} {}",
            self.paint(Tone::Quiet, &name),
            text.as_ref()
        ));
    }

    /// One JSON value, and nothing else.
    pub(crate) fn value(&self, value: &impl serde::Serialize) {
        if let Ok(text) = serde_json::to_string(value) {
            self.line(text);
        }
    }

    /// A line for the person that is not part of the result.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "{}", text.as_ref());
    }

    /// `text` in the colour of `tone`, where colours are shown.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let style = Style::new().force_styling(true);
        let style = match tone {
            Tone::Seal => style.green().bold(),
            Tone::Decide => style.yellow(),
            Tone::Stop => style.red().bold(),
            Tone::Strong => style.bold(),
            Tone::Quiet => style.dim(),
        };
        style.apply_to(text).to_string()
    }

    /// A bar over `total` units, hidden unless standard error is a terminal.
    pub(crate) fn bar(&self, total: u64, template: &str) -> ProgressBar {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar
    }

    /// Whether somebody can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        self.attended && io::stdin().is_terminal()
    }

    /// Asks a question and reads a line.
    pub(crate) fn ask(&self, question: &str) -> Outcome<String> {
        self.must_ask(question)?;
        let term = Term::stderr();
        let _ = term.write_str(&format!("{question} "));
        term.read_line()
            .map(|line| line.trim().to_owned())
            .map_err(|error| Failure::unreadable("The answer", &error))
    }

    /// Asks yes or no; only `y` or `yes` is yes.
    pub(crate) fn agree(&self, question: &str) -> Outcome<bool> {
        let answer = self.ask(&format!("{question} [y/N]"))?.to_lowercase();
        Ok(answer == "y" || answer == "yes")
    }

    /// Asks for a secret without showing it.
    pub(crate) fn secret(&self, question: &str) -> Outcome<Zeroizing<String>> {
        self.must_ask(question)?;
        let term = Term::stderr();
        let _ = term.write_str(&format!("{question} "));
        term.read_secure_line()
            .map(Zeroizing::new)
            .map_err(|error| Failure::unreadable("The answer", &error))
    }

    fn must_ask(&self, question: &str) -> Outcome {
        if self.can_ask() {
            return Ok(());
        }
        Err(Failure::usage(
            "no_terminal",
            format!(
                "\"{question}\" needs an answer, and nobody is at a terminal; see --help for the option that answers it."
            ),
        ))
    }
}

/// The passphrase: `VW_PASSPHRASE`, a file, or a question, in this order.
///
/// `new`: asked twice.
pub(crate) fn passphrase(
    console: &Console,
    file: Option<&Path>,
    new: bool,
) -> Outcome<Zeroizing<String>> {
    let given = match (std::env::var("VW_PASSPHRASE"), file) {
        (_, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::unreadable("The passphrase file", &error))?;
            Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        (Ok(text), None) => Zeroizing::new(text),
        (Err(_), None) => {
            let first = console.secret("Passphrase:")?;
            if new && *console.secret("The same again:")? != *first {
                return Err(Failure::usage(
                    "passphrase_differs",
                    "The two passphrases differ; nothing was made.",
                ));
            }
            first
        }
    };
    if given.is_empty() {
        return Err(Failure::usage(
            "passphrase_empty",
            "The passphrase is empty.",
        ));
    }
    Ok(given)
}

/// Reads at most `limit` + 1 bytes of `path`, or of standard input for `-`.
///
/// One byte above the limit is enough for a reader to refuse the size.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::unreadable(&path.display().to_string(), &error)),
    }
}

/// Writes a new file, readable by its owner alone when `private`.
///
/// An existing file is replaced only with `replace`.
pub(crate) fn write_file(path: &Path, bytes: &[u8], private: bool, replace: bool) -> Outcome {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if replace {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if private { 0o600 } else { 0o644 });
    }
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Failure::new(
                Exit::Usage,
                "exists",
                format!("{} is there already and stays as it is.", path.display()),
            );
        }
        Failure::unwritable(&path.display().to_string(), &error)
    })
}
