//! Reading: pages, charts, counts.

use crate::error::VaultError;
use crate::names::{Day, Number, RecordId, ShortId, Timestamp};
use crate::observer::Change;
use crate::record::{StoredRecord, redacted, same_words};
use crate::vault::Vault;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_vault as core;

/// Which records are wanted.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordQuery {
    /// Of this category only: 1 personal data, 2 medical history, 3 insurance information.
    #[uniffi(default = None)]
    pub category: Option<u8>,
    /// Of this code only: `loinc|8867-4`, `medicine`, a note's kind.
    #[uniffi(default = None)]
    pub code: Option<String>,
    /// Of this episode of treatment only.
    #[uniffi(default = None)]
    pub episode: Option<ShortId>,
    /// That start from then on.
    #[uniffi(default = None)]
    pub from: Option<Timestamp>,
    /// That start before then.
    #[uniffi(default = None)]
    pub to: Option<Timestamp>,
    /// Also records that only take others back.
    #[uniffi(default = false)]
    pub with_take_backs: bool,
    /// At most so many, 1 to 10,000.
    #[uniffi(default = 100)]
    pub limit: u32,
    /// Where the page before ended.
    #[uniffi(default = None)]
    pub after: Option<PageMark>,
}

/// Where a page of records ends.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct PageMark {
    /// Start of its last record.
    pub start: Timestamp,
    /// Its last record.
    pub id: RecordId,
}

/// Some of the records that were asked for.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordPage {
    /// Newest first.
    pub records: Vec<StoredRecord>,
    /// For `RecordQuery.after`; nothing: this is the last page.
    pub next: Option<PageMark>,
}

/// How long the bars of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Period {
    /// A day on the wearer's wall.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

same_words!(Period, core::Period, Day, Week, Month);

/// A bar of a chart: one quantity in one unit over one period.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Bar {
    /// The period's first day.
    pub first_day: Day,
    /// Code of the component, such as the upper blood pressure; empty: the value itself.
    pub component: String,
    /// UCUM.
    pub unit: String,
    /// How many values.
    pub count: u64,
    /// The least.
    pub least: Number,
    /// The greatest.
    pub greatest: Number,
    /// The arithmetic mean.
    pub mean: Number,
}

/// What adds up over a period, each stretch of time once.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Total {
    /// The period's first day.
    pub first_day: Day,
    /// How many of its days have something.
    pub days: u32,
    /// UCUM.
    pub unit: String,
    /// The sum.
    pub total: Number,
}

/// Points of a line, in one unit. `starts` and `numbers` go together.
#[derive(Clone, PartialEq, uniffi::Record)]
pub struct Line {
    /// UCUM.
    pub unit: String,
    /// By time, ascending, ms since 1970 UTC.
    pub starts: Vec<i64>,
    /// For drawing only: exact values are in records and bars.
    pub numbers: Vec<f64>,
}

/// How many records there are of a code.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct CodeCount {
    /// 1 personal data, 2 medical history, 3 insurance information.
    pub category: u8,
    /// `loinc|8867-4`, `medicine`, a note's kind.
    pub code: String,
    /// How many, with those that were replaced or taken back.
    pub records: u64,
    /// The earliest start.
    pub first: Timestamp,
    /// The latest start.
    pub last: Timestamp,
}

/// How far records are on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct VaultStatus {
    /// Records not sealed yet.
    pub open: u64,
    /// Sealed records that wait for the cloud.
    pub queued: u64,
    /// Records the cloud has.
    pub stored: u64,
    /// Records whose entry is in the log.
    pub logged: u64,
    /// Records whose entry is under witnesses.
    pub witnessed: u64,
    /// Bytes of sealed batches.
    pub sealed_bytes: u64,
    /// What waits to be told to the cloud.
    pub waiting: u64,
    /// What the cloud refused for good.
    pub set_aside: u64,
}

redacted!(
    RecordQuery,
    PageMark,
    RecordPage,
    Bar,
    Total,
    Line,
    CodeCount
);

#[uniffi::export]
impl Vault {
    /// A page of records, newest first. One crossing for all of it.
    pub async fn records(&self, query: RecordQuery) -> Result<RecordPage, VaultError> {
        let query = core::Query::try_from(query)?;
        self.with(move |vault| vault.records(&query).map(RecordPage::from))
            .await
    }

    /// One record.
    pub async fn record(&self, id: RecordId) -> Result<StoredRecord, VaultError> {
        self.with(move |vault| vault.record(&id.0).map(StoredRecord::from))
            .await
    }

    /// Bars for a chart of `code`, from `from` to before `to`: least, greatest, mean and count, by
    /// period, in order. Counted in the vault; what was replaced or taken back does not count.
    pub async fn chart(
        &self,
        code: String,
        from: Day,
        to: Day,
        period: Period,
    ) -> Result<Vec<Bar>, VaultError> {
        self.with(move |vault| {
            let days = vault.summary(&code, from.0, to.0, period.into())?;
            Ok(days.into_iter().map(Bar::from).collect())
        })
        .await
    }

    /// Totals of a code that adds up (steps, energy), from `from` to before `to`, by period, in
    /// order. Where several devices counted the same time, it counts once.
    pub async fn totals(
        &self,
        code: String,
        from: Day,
        to: Day,
        period: Period,
    ) -> Result<Vec<Total>, VaultError> {
        self.with(move |vault| {
            let totals = vault.period_totals(&code, from.0, to.0, period.into())?;
            Ok(totals.into_iter().map(Total::from).collect())
        })
        .await
    }

    /// The numbers of `code` that start from `from` to before `to`, for a line, by unit.
    pub async fn line(
        &self,
        code: String,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Line>, VaultError> {
        self.with(move |vault| {
            let lines = vault.points(&code, from.0, to.0)?;
            Ok(lines.into_iter().map(Line::from).collect())
        })
        .await
    }

    /// What there is, by category and code.
    pub async fn counts(&self) -> Result<Vec<CodeCount>, VaultError> {
        self.with(|vault| {
            let counts = vault.counts()?.into_iter();
            Ok(counts.map(CodeCount::from).collect())
        })
        .await
    }

    /// How far records are on their way.
    pub async fn status(&self) -> Result<VaultStatus, VaultError> {
        self.with(|vault| vault.status().map(VaultStatus::from))
            .await
    }

    /// Erases one record for good. The log keeps a hash that nothing opens.
    pub async fn erase(&self, id: RecordId) -> Result<(), VaultError> {
        self.changing(Change::Records, move |vault| vault.erase(&id.0))
            .await
    }

    /// Checks every page of the file.
    pub async fn check(&self) -> Result<(), VaultError> {
        self.with(core::Vault::check).await
    }
}

impl TryFrom<RecordQuery> for core::Query {
    type Error = VaultError;

    fn try_from(query: RecordQuery) -> Result<Self, VaultError> {
        if !(1..=MOST).contains(&query.limit) {
            return Err(VaultError::input("limit", "limit_invalid"));
        }
        Ok(Self {
            category: query.category,
            code: query.code,
            episode: query.episode.map(|it| it.0),
            from_ms: query.from.map_or(i64::MIN, |it| it.0),
            to_ms: query.to.map_or(i64::MAX, |it| it.0),
            voids: query.with_take_backs,
            limit: usize::try_from(query.limit).unwrap_or(1),
            after: query
                .after
                .map(|mark| core::Place::new(mark.start.0, mark.id.0)),
        })
    }
}

impl From<core::Page> for RecordPage {
    fn from(page: core::Page) -> Self {
        Self {
            records: page.records.into_iter().map(StoredRecord::from).collect(),
            next: page.next.map(|place| PageMark {
                start: Timestamp(place.start_ms()),
                id: RecordId(*place.rc()),
            }),
        }
    }
}

impl From<core::Day> for Bar {
    fn from(day: core::Day) -> Self {
        Self {
            first_day: Day(day.day),
            component: day.component,
            unit: day.unit,
            count: day.count,
            least: Number(day.least),
            greatest: Number(day.greatest),
            mean: Number(day.mean),
        }
    }
}

impl From<core::PeriodTotal> for Total {
    fn from(total: core::PeriodTotal) -> Self {
        Self {
            first_day: Day(total.first_day),
            days: total.days,
            unit: total.unit,
            total: Number(total.total),
        }
    }
}

impl From<core::Points> for Line {
    fn from(points: core::Points) -> Self {
        let points_of = points.points.iter();
        Self {
            unit: points.unit,
            starts: points_of.clone().map(|point| point.start_ms).collect(),
            numbers: points_of.map(|point| drawn(point.number)).collect(),
        }
    }
}

impl From<core::Count> for CodeCount {
    fn from(count: core::Count) -> Self {
        Self {
            category: count.category,
            code: count.code,
            records: count.records,
            first: Timestamp(count.first_ms),
            last: Timestamp(count.last_ms),
        }
    }
}

impl From<core::Status> for VaultStatus {
    fn from(status: core::Status) -> Self {
        Self {
            open: status.open,
            queued: status.queued,
            stored: status.stored,
            logged: status.logged,
            witnessed: status.witnessed,
            sealed_bytes: status.sealed_bytes,
            waiting: status.waiting,
            set_aside: status.quarantined,
        }
    }
}

/// A number as it is drawn.
#[allow(clippy::cast_precision_loss, reason = "a point on a screen")]
fn drawn(number: Decimal) -> f64 {
    let mantissa = number.mantissa() as f64;
    let scale = 10_f64.powi(i32::from(number.exponent()).abs());
    if number.exponent() < 0 {
        mantissa / scale
    } else {
        mantissa * scale
    }
}

/// Most records of a page: about 5 MB across.
const MOST: u32 = 10_000;
