//! Debug for log lines and test failures: the kind of thing, never what it holds.

use super::{Body, Dose, Money, NoteBody, Record, Source, Value};
use std::fmt;

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("schema", &self.schema())
            .field("grade", &self.source.grade)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observation { .. } => "Observation",
            Self::Medicine { .. } => "Medicine",
            Self::Note { .. } => "Note",
            Self::Episode { .. } => "Episode",
            Self::Offer { .. } => "Offer",
            Self::Cover { .. } => "Cover",
            Self::Claim { .. } => "Claim",
            Self::Decision { .. } => "Decision",
        })
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quantity(..) => "Quantity",
            Self::Components(_) => "Components",
            Self::Text(_) => "Text",
            Self::Waveform { .. } => "Waveform",
        })
    }
}

impl fmt::Debug for Dose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quantity(..) => "Quantity",
            Self::Text(_) => "Text",
            Self::Unsaid => "Unsaid",
        })
    }
}

impl fmt::Debug for NoteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::File { .. } => "File",
        })
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Money")
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("grade", &self.grade)
            .field("device", &self.device.is_some())
            .finish()
    }
}
