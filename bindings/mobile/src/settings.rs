//! Language and units.

use crate::error::VaultError;
use crate::names::Number;
use crate::observer::Change;
use crate::vault::Vault;
use std::collections::HashMap;
use vitalwitness_domain::{observation, units};
use vitalwitness_vault as core;

/// What a person likes to see.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Settings {
    /// BCP 47: `de`, `ar-EG`; nothing: the system's.
    pub language: Option<String>,
    /// UCUM unit by code: `loinc|29463-7` in `[lb_av]`.
    pub units: HashMap<String, String>,
}

#[uniffi::export]
impl Vault {
    /// Language and units.
    pub async fn settings(&self) -> Result<Settings, VaultError> {
        self.with(|vault| {
            let kept = vault.preferences()?;
            Ok(Settings {
                language: kept.language,
                units: kept.units.into_iter().collect(),
            })
        })
        .await
    }

    /// Sets language and units. A unit that a code's values do not convert to is refused, and so is
    /// a language that is no tag.
    pub async fn set_settings(&self, settings: Settings) -> Result<(), VaultError> {
        let preferences = core::Preferences {
            language: settings.language,
            units: settings.units.into_iter().collect(),
        };
        self.changing(Change::Settings, move |vault| {
            vault.set_preferences(&preferences)
        })
        .await
    }
}

/// A value of `code` in another unit, rounded half to even at `places` decimals.
#[uniffi::export]
pub fn convert_unit(
    code: String,
    number: Number,
    from: String,
    to: String,
    places: u8,
) -> Result<Number, VaultError> {
    let kind = observation::by_code(&code).ok_or(VaultError::input("code", "not_found"))?;
    let converted = units::convert(number.0, &from, &to, kind.quantity(), places);
    let converted = converted.map_err(|_| VaultError::input("unit", "unit_wrong"))?;
    Ok(Number(converted))
}

/// How people read a UCUM unit: `mmHg`, `°C`.
#[uniffi::export]
pub fn unit_label(unit: String) -> String {
    units::shown(&unit).to_owned()
}
