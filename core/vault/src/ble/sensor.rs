//! One worn or measuring device, as the vault knows it.

use crate::store::DAMAGED;
use crate::store::StoreError;
use std::fmt;
use vitalwitness_domain::record::Id;
use vitalwitness_proof::cbor::{self, Value};

/// A device whose readings become records of the person who wears it.
///
/// Everything here is personal data: it stands in the vault, sealed, and is never uploaded.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sensor {
    /// Stands in each record of it, and names it on this phone alone.
    pub id: Id,
    /// The platform's name of it.
    pub peripheral: String,
    /// What people call it.
    pub name: String,
    /// Who wears it, as confirmed before it was paired.
    pub wearer: String,
    /// Which of its users that is.
    pub whose: Whose,
    /// What it says of itself.
    pub about: About,
    /// Whether readings come over a bonded link.
    pub bonded: bool,
    /// How its clock stood when it was last read.
    pub clock: Option<ClockSeen>,
    /// How it stood before it was last set: what it stored until then is off by as much.
    pub before: Option<ClockSeen>,
    /// When it was paired, ms UTC.
    pub paired_ms: i64,
    /// When a reading last became a record, ms UTC.
    pub last_ms: Option<i64>,
    /// What became of its readings so far.
    pub counts: Counts,
    /// Code of the latest value that could not be read.
    pub refused: Option<String>,
    /// How far its memory was read, by service.
    pub cursors: Vec<Cursor>,
    /// Its firmware sends plain integers where SFLOAT is specified.
    pub plain_integers: bool,
    /// When the CGM session began that its cursor belongs to, ms UTC.
    pub session_ms: Option<i64>,
}

/// What a device says of itself.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Its maker.
    pub maker: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its serial number: personal, and kept only if the person allows it.
    pub serial: Option<String>,
    /// Its firmware.
    pub firmware: Option<String>,
    /// Percent of battery, and when that was, ms UTC.
    pub battery: Option<(u8, i64)>,
    /// Services it offers.
    pub services: Vec<u16>,
    /// It says that several people may use it.
    pub several_users: bool,
}

/// Which user of a device the owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whose {
    /// Not said. A reading that names a user is refused until it is.
    #[default]
    Unsaid,
    /// The owner alone uses it: every reading is theirs.
    Mine,
    /// The owner is this user; readings of all others are refused and not kept, and so are those
    /// that name no user on a device that several people use.
    User(u8),
}

/// How far a device's clock was off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClockSeen {
    /// UTC minus what the device's clock showed, taken as UTC, ms.
    pub delta_ms: i64,
    /// When it was read, ms UTC.
    pub at_ms: i64,
    /// Of that, how far it was from the clock on the wall there and then, ms; positive: behind.
    pub behind_ms: i64,
    /// When it was then set, ms UTC.
    pub set_ms: Option<i64>,
}

/// What became of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Readings that became records.
    pub kept: u64,
    /// Readings that were there already.
    pub repeated: u64,
    /// Values that could not be read; their bytes are kept.
    pub refused: u64,
    /// Readings of other people; nothing of them is kept.
    pub others: u64,
    /// Stored readings the device announced when its memory was last read and, asked again, did
    /// not give.
    pub missing: u64,
}

/// How far a device's memory was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Of which service.
    pub service: u16,
    /// Everything up to this sequence number is durable here, or is not there.
    pub through: u16,
    /// What the reading of that number looked like: a device that counts anew sends another one.
    /// None: it has no number of its own, or was not seen.
    pub mark: Option<i64>,
}

impl Sensor {
    /// How far the memory of `service` was read.
    pub fn through(&self, service: u16) -> Option<u16> {
        let cursor = self.cursors.iter().find(|it| it.service == service)?;
        Some(cursor.through)
    }

    pub(crate) fn set_cursor(&mut self, cursor: Cursor) {
        self.cursors.retain(|it| it.service != cursor.service);
        self.cursors.push(cursor);
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let about = &self.about;
        let mut pairs = vec![
            (0, Value::Bytes(self.id.to_vec())),
            (1, text(&self.peripheral)),
            (2, text(&self.name)),
            (3, text(&self.wearer)),
            (4, Value::Int(self.whose.number())),
            (5, optional(about.maker.as_deref())),
            (6, optional(about.model.as_deref())),
            (7, optional(about.serial.as_deref())),
            (8, optional(about.firmware.as_deref())),
            (9, pair(about.battery.map(|(it, at)| (i64::from(it), at)))),
            (10, numbers(about.services.iter().copied().map(i64::from))),
            (11, Value::Bool(about.several_users)),
            (12, Value::Bool(self.bonded)),
            (14, Value::Int(self.paired_ms)),
            (15, self.last_ms.map_or(Value::Null, Value::Int)),
            (16, numbers(self.counts.all().map(saturated))),
            (17, optional(self.refused.as_deref())),
            (19, Value::Bool(self.plain_integers)),
            (21, self.session_ms.map_or(Value::Null, Value::Int)),
        ];
        let clocks = [(13, self.clock), (20, self.before)];
        pairs.extend(clocks.map(|(key, clock)| (key, clock.map_or(Value::Null, ClockSeen::value))));
        let cursors = self.cursors.iter();
        let cursors = cursors.flat_map(|it| [i64::from(it.service), i64::from(it.through)]);
        pairs.push((18, numbers(cursors)));
        let marks = self.cursors.iter();
        let marks = marks.filter_map(|it| Some([i64::from(it.service), it.mark?]));
        pairs.push((22, numbers(marks.flatten())));
        let pairs = pairs.into_iter();
        cbor::encode(&Value::Map(
            pairs.map(|(key, value)| (Value::Int(key), value)).collect(),
        ))
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let Ok(Value::Map(pairs)) = cbor::decode(bytes) else {
            return Err(DAMAGED);
        };
        let mut sensor = Self::default();
        for (key, value) in pairs {
            let Value::Int(key) = key else {
                return Err(DAMAGED);
            };
            // what a later version adds is left alone
            sensor.set(key, value).ok_or(DAMAGED)?;
        }
        Ok(sensor)
    }

    fn set(&mut self, key: i64, value: Value) -> Option<()> {
        match (key, value) {
            (0, Value::Bytes(id)) => self.id = id.try_into().ok()?,
            (1, Value::Text(it)) => self.peripheral = it,
            (2, Value::Text(it)) => self.name = it,
            (3, Value::Text(it)) => self.wearer = it,
            (4, Value::Int(it)) => self.whose = Whose::of(it)?,
            (5, Value::Text(it)) => self.about.maker = Some(it),
            (6, Value::Text(it)) => self.about.model = Some(it),
            (7, Value::Text(it)) => self.about.serial = Some(it),
            (8, Value::Text(it)) => self.about.firmware = Some(it),
            (9, Value::Array(it)) => {
                let [percent, at_ms] = ints(&it)?.try_into().ok()?;
                self.about.battery = Some((u8::try_from(percent).ok()?, at_ms));
            }
            (10, Value::Array(it)) => {
                let services = ints(&it)?.into_iter().map(u16::try_from);
                self.about.services = services.collect::<Result<_, _>>().ok()?;
            }
            (11, Value::Bool(it)) => self.about.several_users = it,
            (12, Value::Bool(it)) => self.bonded = it,
            (13, Value::Array(it)) => self.clock = Some(ClockSeen::of(&ints(&it)?)?),
            (20, Value::Array(it)) => self.before = Some(ClockSeen::of(&ints(&it)?)?),
            (14, Value::Int(it)) => self.paired_ms = it,
            (15, Value::Int(it)) => self.last_ms = Some(it),
            (16, Value::Array(it)) => self.counts = Counts::of(&ints(&it)?),
            (17, Value::Text(it)) => self.refused = Some(it),
            (18, Value::Array(it)) => {
                let flat = ints(&it)?;
                let cursors = flat.as_chunks::<2>().0.iter().map(|[service, through]| {
                    Some(Cursor {
                        service: u16::try_from(*service).ok()?,
                        through: u16::try_from(*through).ok()?,
                        mark: None,
                    })
                });
                self.cursors = cursors.collect::<Option<_>>()?;
            }
            // after the cursors: a map's keys stand in order
            (22, Value::Array(it)) => {
                for [service, mark] in ints(&it)?.as_chunks::<2>().0 {
                    let of = |it: &&mut Cursor| i64::from(it.service) == *service;
                    self.cursors.iter_mut().find(of)?.mark = Some(*mark);
                }
            }
            (19, Value::Bool(it)) => self.plain_integers = it,
            (21, Value::Int(it)) => self.session_ms = Some(it),
            _ => {}
        }
        Some(())
    }
}

impl ClockSeen {
    fn value(self) -> Value {
        let always = [self.delta_ms, self.at_ms, self.behind_ms];
        numbers(always.into_iter().chain(self.set_ms))
    }

    fn of(numbers: &[i64]) -> Option<Self> {
        let ([delta_ms, at_ms, behind_ms], rest) = numbers.split_first_chunk()?;
        Some(Self {
            delta_ms: *delta_ms,
            at_ms: *at_ms,
            behind_ms: *behind_ms,
            set_ms: rest.first().copied(),
        })
    }
}

impl Counts {
    fn all(self) -> [u64; 5] {
        [
            self.kept,
            self.repeated,
            self.refused,
            self.others,
            self.missing,
        ]
    }

    fn of(numbers: &[i64]) -> Self {
        let at = |place: usize| numbers.get(place).map_or(0, |it| it.unsigned_abs());
        Self {
            kept: at(0),
            repeated: at(1),
            refused: at(2),
            others: at(3),
            missing: at(4),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.kept += other.kept;
        self.repeated += other.repeated;
        self.refused += other.refused;
        self.others += other.others;
        self.missing += other.missing;
    }
}

impl Whose {
    fn number(self) -> i64 {
        match self {
            Self::Unsaid => -2,
            Self::Mine => -1,
            Self::User(user) => i64::from(user),
        }
    }

    fn of(number: i64) -> Option<Self> {
        match number {
            -2 => Some(Self::Unsaid),
            -1 => Some(Self::Mine),
            user => u8::try_from(user).ok().map(Self::User),
        }
    }
}

impl fmt::Debug for Sensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sensor({:?}, bonded: {}, ..)", self.counts, self.bonded)
    }
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "About({} services, ..)", self.services.len())
    }
}

impl fmt::Debug for ClockSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockSeen(..)")
    }
}

fn text(words: &str) -> Value {
    Value::Text(words.to_owned())
}

fn optional(words: Option<&str>) -> Value {
    words.map_or(Value::Null, text)
}

fn pair(parts: Option<(i64, i64)>) -> Value {
    parts.map_or(Value::Null, |(a, b)| numbers([a, b]))
}

fn numbers(parts: impl IntoIterator<Item = i64>) -> Value {
    Value::Array(parts.into_iter().map(Value::Int).collect())
}

fn ints(items: &[Value]) -> Option<Vec<i64>> {
    let int = |item: &Value| match item {
        Value::Int(number) => Some(*number),
        _ => None,
    };
    items.iter().map(int).collect()
}

fn saturated(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
