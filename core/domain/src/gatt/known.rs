//! What is known of a device that its bytes do not say.

/// What is known of a device that its bytes do not say. The default knows nothing and reads by the
/// specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// Its firmware sends plain 16-bit integers where SFLOAT is specified. Set from the model, or
    /// by the person; never guessed from a value.
    pub plain_integers: bool,
    /// It said (CGM Feature, Blood Pressure Feature) that its values end in an E2E-CRC.
    pub crc: bool,
}
