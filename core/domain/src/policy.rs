//! Table I of the paper: who may query and update which category.
//!
//! | category | owner | provider | insurer |
//! |---|---|---|---|
//! | 1 personal data | query, update | query | query |
//! | 2 medical history | query | query, update | query |
//! | 3 insurance information | query | query | query, update |
//!
//! Provider and insurer need a live grant besides (`grant`). Phone, cloud and chaincode are held
//! to `tests/vectors/policy.json`.

use std::fmt;

/// Who acts, as Table I knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The person the records are about, or their delegate.
    Owner,
    /// A clinic, a practice, a hospital.
    Provider,
    /// An insurer.
    Insurer,
}

/// What records are about, as Table I knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// What the owner and their devices measure and write.
    Personal,
    /// What providers write.
    MedicalHistory,
    /// What insurers write.
    Insurance,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read.
    Query,
    /// Append; nothing is ever changed in place.
    Update,
}

/// Whether Table I lets `role` do `action` in `category`.
pub const fn allowed(role: Role, category: Category, action: Action) -> bool {
    match action {
        Action::Query => true,
        Action::Update => matches!(
            (category, role),
            (Category::Personal, Role::Owner)
                | (Category::MedicalHistory, Role::Provider)
                | (Category::Insurance, Role::Insurer)
        ),
    }
}

impl Category {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Personal, Self::MedicalHistory, Self::Insurance];

    /// First byte of a channel.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Personal => 1,
            Self::MedicalHistory => 2,
            Self::Insurance => 3,
        }
    }

    /// The category of a channel; none for the directory.
    pub const fn of_channel(channel: &[u8; 16]) -> Option<Self> {
        Self::from_byte(channel[0])
    }

    /// The category of that first byte of a channel; none for the directory (0) and others.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Personal),
            2 => Some(Self::MedicalHistory),
            3 => Some(Self::Insurance),
            _ => None,
        }
    }
}

/// What people read.
impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Personal => "personal data",
            Self::MedicalHistory => "medical history",
            Self::Insurance => "insurance information",
        })
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    const VECTORS: &str = include_str!("../../../tests/vectors/policy.json");

    #[test]
    fn table_one_is_what_its_vectors_say_in_all_eighteen_cells() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let mut cells = BTreeSet::new();
        let mut allow = 0;
        for case in vectors["cases"].as_array().unwrap() {
            let input = &case["input"];
            let role = match input["role"].as_str().unwrap() {
                "owner" => Role::Owner,
                "provider" => Role::Provider,
                "insurer" => Role::Insurer,
                other => panic!("{other}"),
            };
            let action = match input["action"].as_str().unwrap() {
                "query" => Action::Query,
                "update" => Action::Update,
                other => panic!("{other}"),
            };
            let byte = u8::try_from(input["category"].as_u64().unwrap()).unwrap();
            let category = Category::from_byte(byte).unwrap();
            let expect = case["expect"]["allowed"].as_bool().unwrap();
            assert_eq!(allowed(role, category, action), expect, "{}", case["id"]);
            allow += usize::from(expect);
            cells.insert((role, category, action));
        }
        assert_eq!((cells.len(), allow), (18, 12));
    }

    #[test]
    fn a_category_byte_outside_the_table_is_none() {
        for category in Category::ALL {
            assert_eq!(Category::from_byte(category.byte()), Some(category));
        }
        for byte in [0, 4, 255] {
            assert_eq!(Category::from_byte(byte), None, "{byte}");
        }
    }
}
