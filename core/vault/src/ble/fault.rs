//! Where a session stands, for a screen: what is going on, or what went wrong and what to do.

use super::radio::RadioError;

/// Where a session with a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A link is being made.
    Connecting,
    /// It is being paired; the person may be asked for a number.
    Bonding,
    /// What the device is, its battery and clock are read.
    Preparing,
    /// Its memory is read.
    History {
        /// Readings so far.
        received: u32,
        /// How many it announced, if it did.
        announced: Option<u32>,
    },
    /// Readings come as they are taken.
    Live,
    /// It is connected and sends nothing, though it should.
    Quiet,
    /// Tried again by itself.
    Waiting {
        /// In how many ms.
        again_in_ms: u64,
        /// Why.
        because: Fault,
    },
    /// Done.
    Ended,
    /// It cannot go on by itself.
    Stopped(Fault),
}

/// What went wrong, one per different next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// There is no adapter, or it is switched off.
    RadioOff,
    /// The system does not let this program use the radio.
    NotAllowed,
    /// Out of range, asleep, or the link broke.
    OutOfRange,
    /// Connected, and silent for too long.
    Quiet,
    /// It shows its readings only to who is paired with it.
    NeedsBonding,
    /// The device or the person refused to pair, or the number was wrong.
    BondRefused,
    /// It offers nothing that is read here.
    NothingToRead,
    /// It announced stored readings that it did not give, also when asked again.
    HistoryIncomplete,
    /// It refused to give its memory.
    HistoryRefused,
    /// It has a memory of a kind that is not read here; what it takes while connected is.
    MemoryNotRead,
    /// Its readings name users, and nobody said which one the owner is.
    WhichUser,
    /// A value could not be read; its bytes are kept.
    NotReadable,
    /// Nothing more fits here. What a device stores is asked for again; the rest may be lost.
    StorageFull,
    /// The vault does not take readings: it is locked, or its file is faulty. What a device stores
    /// is asked for again; the rest may be lost.
    VaultClosed,
}

/// What a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Next {
    /// Switch Bluetooth on.
    SwitchOn,
    /// Allow Bluetooth in the system's settings.
    Allow,
    /// Bring the device near, wake it.
    BringNear,
    /// Pair it, by the steps of its model.
    Pair,
    /// Say which user of the device the owner is.
    ChooseUser,
    /// Free space.
    FreeSpace,
    /// Unlock the vault.
    Unlock,
    /// Try again; if it stays so, export what the device sent and report it.
    TryAgain,
}

impl Fault {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RadioOff => "radio_off",
            Self::NotAllowed => "radio_not_allowed",
            Self::OutOfRange => "out_of_range",
            Self::Quiet => "quiet",
            Self::NeedsBonding => "needs_bonding",
            Self::BondRefused => "bond_refused",
            Self::NothingToRead => "nothing_to_read",
            Self::HistoryIncomplete => "history_incomplete",
            Self::HistoryRefused => "history_refused",
            Self::MemoryNotRead => "memory_not_read",
            Self::WhichUser => "which_user",
            Self::NotReadable => "not_readable",
            Self::StorageFull => "storage_full",
            Self::VaultClosed => "vault_closed",
        }
    }

    /// What to do about it.
    pub const fn next(self) -> Next {
        match self {
            Self::RadioOff => Next::SwitchOn,
            Self::NotAllowed => Next::Allow,
            Self::OutOfRange | Self::Quiet => Next::BringNear,
            Self::NeedsBonding | Self::BondRefused => Next::Pair,
            Self::WhichUser => Next::ChooseUser,
            Self::StorageFull => Next::FreeSpace,
            Self::VaultClosed => Next::Unlock,
            Self::NothingToRead
            | Self::HistoryIncomplete
            | Self::HistoryRefused
            | Self::MemoryNotRead
            | Self::NotReadable => Next::TryAgain,
        }
    }

    /// What people read.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RadioOff => "There is no Bluetooth adapter, or it is switched off.",
            Self::NotAllowed => "This program may not use Bluetooth; allow it in the settings.",
            Self::OutOfRange => "The device does not answer. Bring it near and wake it.",
            Self::Quiet => "The device sends nothing. Bring it near and wear it.",
            Self::NeedsBonding => "The device must be paired first.",
            Self::BondRefused => "Pairing was refused, or the number was wrong.",
            Self::NothingToRead => "The device offers nothing that can be read here.",
            Self::HistoryIncomplete => {
                "The device announced stored readings that it did not give. They are asked for again."
            }
            Self::HistoryRefused => "The device refused to give its memory.",
            Self::MemoryNotRead => {
                "The memory of this device cannot be read here; what it measures while connected can."
            }
            Self::WhichUser => "Several people use this device: say which user you are.",
            Self::NotReadable => "A value could not be read. It is kept as it came.",
            Self::StorageFull => {
                "Storage is full. Free space, or readings that the device does not store are lost."
            }
            Self::VaultClosed => {
                "Your record is locked or faulty. Unlock it, or readings that the device does not store are lost."
            }
        }
    }
}

impl From<RadioError> for Fault {
    fn from(error: RadioError) -> Self {
        match error {
            RadioError::Off => Self::RadioOff,
            RadioError::NotAllowed => Self::NotAllowed,
            RadioError::NeedsBonding => Self::NeedsBonding,
            RadioError::BondRefused => Self::BondRefused,
            RadioError::NotOffered => Self::NothingToRead,
            RadioError::Unreachable | RadioError::Refused => Self::OutOfRange,
        }
    }
}
