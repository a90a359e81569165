//! The samples of every type, in the order of an export.

use super::Plan;
use super::clock;
use super::document::{Out, Sample, Source};
use super::life::{Day, SLOT, Training};
use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) fn all<W: Write>(plan: &Plan, out: &mut Out<W>) -> io::Result<()> {
    type Part<W> = fn(&Plan, &Day, &mut Out<W>) -> io::Result<()>;
    let parts: [Part<W>; 18] = [
        body,
        heart_rate,
        |_, day, out| night(day, "HKQuantityTypeIdentifierOxygenSaturation", out),
        |_, day, out| night(day, "HKQuantityTypeIdentifierRespiratoryRate", out),
        |_, day, out| pressure_half(day, 0, out),
        |_, day, out| pressure_half(day, 1, out),
        temperature,
        glucose,
        |_, day, out| walks(day, Walk::Steps, out),
        |_, day, out| walks(day, Walk::Distance, out),
        |_, day, out| walks(day, Walk::Energy, out),
        flights,
        resting,
        variability,
        sleep,
        mindful,
        symptoms,
        pressures,
    ];
    for part in parts {
        each_day(plan, out, part)?;
    }
    each_day(plan, out, workout)?;
    each_day(plan, out, summary)
}

fn each_day<W: Write>(
    plan: &Plan,
    out: &mut Out<W>,
    part: fn(&Plan, &Day, &mut Out<W>) -> io::Result<()>,
) -> io::Result<()> {
    (0..plan.days).try_for_each(|index| part(plan, &Day::of(plan, index), out))
}

/// Weight, body mass index and fat, most mornings, from a scale.
fn body<W: Write>(plan: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    if day.index == 0 {
        let height = instant("HKQuantityTypeIdentifierHeight", &PHONE, "cm", day.wake);
        out.record_with("loinc|8302-2", height, "171", TYPED)?;
    }
    let mut dice = day.dice(1);
    if dice.once_in(3) {
        return Ok(());
    }
    // 74.60 kg, 2 kg less after a year.
    let dekagrams =
        7_460 - i64::from(day.index) * 200 / i64::from(plan.days.max(365)) + dice.around(12);
    let at = day.wake + dice.between(300, 1_500);
    let scale = |kind, unit| instant(kind, &SCALE, unit, at);
    let mass = scale("HKQuantityTypeIdentifierBodyMass", "kg");
    out.record("loinc|29463-7", mass, &decimal(dekagrams, 2))?;
    let index = dekagrams * 10_000 / (171 * 171);
    let sample = scale("HKQuantityTypeIdentifierBodyMassIndex", "count");
    out.record("loinc|39156-5", sample, &decimal(index, 2))?;
    let fat = 2_790 - i64::from(day.index) / 3 + dice.around(20);
    let sample = scale("HKQuantityTypeIdentifierBodyFatPercentage", "%");
    out.record("loinc|41982-0", sample, &decimal(fat, 4))
}

fn heart_rate<W: Write>(plan: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let mut dice = day.dice(2);
    let every = i64::from(plan.heart_rate_every_s.max(1));
    let mut at = day.begin + dice.between(0, every - 1);
    while at < day.end {
        let sample = instant("HKQuantityTypeIdentifierHeartRate", &WATCH, "count/min", at);
        let rate = day.heart_rate(at, &mut dice).to_string();
        if dice.once_in(6) {
            out.record_with("loinc|8867-4", sample, &rate, AT_REST)?;
        } else {
            out.record("loinc|8867-4", sample, &rate)?;
        }
        let training = day
            .training
            .filter(|training| (training.begin..training.end()).contains(&at));
        at += if training.is_some() {
            every.min(30)
        } else {
            every
        };
    }
    Ok(())
}

/// Six times a night, by the watch.
fn night<W: Write>(day: &Day, kind: &str, out: &mut Out<W>) -> io::Result<()> {
    let oxygen = kind.ends_with("OxygenSaturation");
    let mut dice = day.dice(if oxygen { 3 } else { 4 });
    let night = day.wake - day.begin;
    for part in 0..6 {
        let at = day.begin + night * part / 6 + dice.between(0, night / 7);
        if oxygen {
            let percent = 97 - i64::from(day.ill) * 2 + dice.around(1).min(2);
            let value = decimal(percent.min(100), 2);
            out.record("loinc|2708-6", instant(kind, &WATCH, "%", at), &value)?;
        } else {
            let breaths = 285 + dice.around(12) + i64::from(day.ill) * 40;
            let value = decimal(breaths * 5, 2);
            let sample = instant(kind, &WATCH, "count/min", at);
            out.record("loinc|9279-1", sample, &value)?;
        }
    }
    Ok(())
}

/// When the cuff was used, and what it said.
fn cuff(day: &Day) -> Option<(i64, [i64; 2])> {
    let mut dice = day.dice(5);
    if !dice.once_in(2) {
        return None;
    }
    let at = day.wake + 900 + dice.between(0, 1_200);
    let systolic = 126 - i64::from(day.index) / 80 + dice.around(4);
    Some((at, [systolic, systolic * 5 / 8 + dice.around(2)]))
}

fn pressure_half<W: Write>(day: &Day, half: usize, out: &mut Out<W>) -> io::Result<()> {
    match cuff(day) {
        Some((at, values)) => {
            let sample = instant(PRESSURES[half], &CUFF, "mmHg", at);
            out.unread(None, sample, &values[half].to_string())
        }
        None => Ok(()),
    }
}

fn pressures<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let Some((at, [systolic, diastolic])) = cuff(day) else {
        return Ok(());
    };
    let half = |kind| instant(kind, &CUFF, "mmHg", at);
    let (systolic, diastolic) = (systolic.to_string(), diastolic.to_string());
    let both = [
        (half(PRESSURES[0]), systolic.as_str()),
        (half(PRESSURES[1]), diastolic.as_str()),
    ];
    out.pair(
        "loinc|85354-9",
        both,
        "HKCorrelationTypeIdentifierBloodPressure",
    )
}

fn temperature<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    if !day.ill {
        return Ok(());
    }
    let mut dice = day.dice(6);
    for hours in [1, 6, 11] {
        let at = day.wake + hours * 3_600 + dice.between(0, 1_800);
        let sample = instant(
            "HKQuantityTypeIdentifierBodyTemperature",
            &PHONE,
            "degC",
            at,
        );
        let tenths = 382 + dice.around(3);
        out.record_with("loinc|8310-5", sample, &decimal(tenths, 1), TYPED)?;
    }
    Ok(())
}

fn glucose<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let mut dice = day.dice(7);
    if !dice.once_in(3) {
        return Ok(());
    }
    for (at, level, meal) in [
        (day.wake + 1_200, 93 + dice.around(3), "1"),
        (day.wake + 7_200, 127 + dice.around(8), "2"),
    ] {
        let mut children = TYPED.to_owned();
        let _ = writeln!(
            children,
            "  <MetadataEntry key=\"HKBloodGlucoseMealTime\" value=\"{meal}\"/>"
        );
        let sample = instant("HKQuantityTypeIdentifierBloodGlucose", &PHONE, "mg/dL", at);
        out.record_with("loinc|2339-0", sample, &level.to_string(), &children)?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    Steps,
    Distance,
    Energy,
}

/// Steps and distance from watch and phone, energy from the watch.
fn walks<W: Write>(day: &Day, what: Walk, out: &mut Out<W>) -> io::Result<()> {
    let sources: &[(&Source, u64)] = match what {
        Walk::Energy => &[(&WATCH, 8)],
        Walk::Steps | Walk::Distance => &[(&PHONE, 9), (&WATCH, 8)],
    };
    for (source, number) in sources {
        for begin in day.walks() {
            // The same walk for every type; the phone lies on the table now and then.
            let mut walk =
                super::dice::Dice::of([day.begin.unsigned_abs(), 5, begin.unsigned_abs()]);
            let steps = walk.between(120, 720);
            let minutes = 2 + steps / 130;
            let begin = begin + walk.between(0, SLOT - minutes * 60 - 1);
            if *number == 9 && walk.once_in(7) {
                continue;
            }
            let counted = if *number == 9 {
                steps * 97 / 100
            } else {
                steps
            };
            let end = begin + minutes * 60;
            let sample = |kind, unit| Sample {
                kind,
                source,
                unit,
                begin,
                end,
            };
            match what {
                Walk::Steps => {
                    let sample = sample("HKQuantityTypeIdentifierStepCount", "count");
                    out.record("loinc|55423-8", sample, &counted.to_string())?;
                }
                Walk::Distance => {
                    let sample = sample("HKQuantityTypeIdentifierDistanceWalkingRunning", "km");
                    out.record("loinc|55430-3", sample, &decimal(counted * 71, 5))?;
                }
                Walk::Energy => {
                    let sample = sample("HKQuantityTypeIdentifierActiveEnergyBurned", "kcal");
                    out.record("loinc|41981-2", sample, &decimal(counted * 43, 3))?;
                }
            }
        }
    }
    Ok(())
}

/// A type without a code, as real exports have dozens.
fn flights<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let mut dice = day.dice(10);
    for _ in 0..dice.between(0, 4) {
        let at = dice.between(day.wake, day.bed - 60);
        let sample = Sample {
            end: at + 40,
            ..instant(
                "HKQuantityTypeIdentifierFlightsClimbed",
                &PHONE,
                "count",
                at,
            )
        };
        out.unread(Some("unknown_type"), sample, "1")?;
    }
    Ok(())
}

fn resting<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let sample = Sample {
        end: day.wake + 9 * 3_600,
        ..instant(
            "HKQuantityTypeIdentifierRestingHeartRate",
            &WATCH,
            "count/min",
            day.begin,
        )
    };
    out.record("loinc|40443-4", sample, &day.resting().to_string())
}

fn variability<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let mut dice = day.dice(11);
    for hour in [3, 10, 15, 20] {
        let at = day.begin + hour * 3_600 + dice.between(0, 3_000);
        let mut list = "  <HeartRateVariabilityMetadataList>\n".to_owned();
        for beat in 0..8 {
            let bpm = day.heart_rate(at, &mut dice);
            let _ = writeln!(
                list,
                "   <InstantaneousBeatsPerMinute bpm=\"{bpm}\" time=\"{hour}:{:02}:{:02},{:02}\"/>",
                at / 60 % 60,
                (at + beat) % 60,
                beat * 9
            );
        }
        list.push_str("  </HeartRateVariabilityMetadataList>\n");
        let sample = Sample {
            end: at + 60,
            ..instant(
                "HKQuantityTypeIdentifierHeartRateVariabilitySDNN",
                &WATCH,
                "ms",
                at,
            )
        };
        let night = i64::from(hour == 3) * 9_000;
        let value = decimal(
            (48_000 + night - i64::from(day.ill) * 15_000 + dice.around(4_000)).max(9_000),
            3,
        );
        out.skip("not_a_record", 1);
        out.record_with("loinc|80404-7", sample, &value, &list)?;
    }
    Ok(())
}

/// The night that ends on this day: in bed by the phone, stages by the watch.
fn sleep<W: Write>(plan: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    if day.index == 0 {
        return Ok(());
    }
    let bed = Day::of(plan, day.index - 1).bed;
    let mut dice = day.dice(12);
    let kind = "HKCategoryTypeIdentifierSleepAnalysis";
    let stage = |source, begin, end| Sample {
        kind,
        source,
        unit: "",
        begin,
        end,
    };
    let in_bed = stage(&PHONE, bed, day.wake + 240);
    out.record(
        "vw|time-in-bed",
        in_bed,
        "HKCategoryValueSleepAnalysisInBed",
    )?;
    let mut at = bed + dice.between(300, 1_500);
    let mut cycle = 0;
    while at < day.wake {
        // Deep sleep early in the night, dreams late.
        let stages = [
            ("loinc|93830-8", "AsleepCore", dice.between(15, 30)),
            (
                "loinc|93831-6",
                "AsleepDeep",
                dice.between(18, 34) - cycle * 6,
            ),
            ("loinc|93830-8", "AsleepCore", dice.between(12, 25)),
            (
                "loinc|93829-0",
                "AsleepREM",
                dice.between(6, 14) + cycle * 4,
            ),
            ("loinc|103215-0", "Awake", dice.between(-3, 5)),
        ];
        for (code, word, minutes) in stages {
            // In half minutes, as the watch scores.
            let end = (at + minutes * 60 + dice.between(0, 1) * 30).min(day.wake);
            if minutes > 0 && end > at {
                let value = format!("HKCategoryValueSleepAnalysis{word}");
                out.record(code, stage(&WATCH, at, end), &value)?;
                at = end;
            }
        }
        cycle += 1;
    }
    Ok(())
}

fn mindful<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let mut dice = day.dice(13);
    if !dice.once_in(4) {
        return Ok(());
    }
    let begin = day.bed - dice.between(2_400, 4_800);
    let sample = Sample {
        end: begin + dice.between(5, 15) * 60,
        ..instant("HKCategoryTypeIdentifierMindfulSession", &PHONE, "", begin)
    };
    out.record("vw|mindful", sample, "HKCategoryValueNotApplicable")
}

fn symptoms<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let mut dice = day.dice(14);
    let kinds: &[&str] = if day.ill {
        &["Coughing", "Fatigue", "SoreThroat"]
    } else if dice.once_in(25) {
        &["Headache"]
    } else {
        &[]
    };
    for kind in kinds {
        let begin = day.wake + dice.between(3_600, 14_400);
        let kind = format!("HKCategoryTypeIdentifier{kind}");
        let sample = Sample {
            end: begin + dice.between(2, 10) * 1_800,
            ..instant(&kind, &PHONE, "", begin)
        };
        let degree =
            ["Mild", "Moderate", "Severe"][usize::try_from(dice.between(0, 2)).unwrap_or(0)];
        let value = format!("HKCategoryValueSeverity{degree}");
        out.record_with("loinc|75325-1", sample, &value, TYPED)?;
    }
    Ok(())
}

fn workout<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let Some(training) = day.training else {
        return Ok(());
    };
    let time = |seconds| {
        let mut text = String::new();
        clock::push(&mut text, seconds);
        text
    };
    let (begin, end) = (time(training.begin), time(training.end()));
    let Training { kind, minutes, .. } = training;
    let Source {
        name,
        version,
        device,
    } = WATCH;
    let mut text = format!(
        " <Workout workoutActivityType=\"HKWorkoutActivityType{kind}\" duration=\"{minutes}.0\" \
         durationUnit=\"min\" sourceName=\"{name}\" sourceVersion=\"{version}\" device=\"{device}\" \
         creationDate=\"{end}\" startDate=\"{begin}\" endDate=\"{end}\">\n  \
         <MetadataEntry key=\"HKIndoorWorkout\" value=\"0\"/>\n  \
         <MetadataEntry key=\"HKTimeZone\" value=\"Europe/Berlin\"/>\n  \
         <WorkoutEvent type=\"HKWorkoutEventTypeSegment\" date=\"{begin}\" duration=\"{minutes}.0\" durationUnit=\"min\"/>\n"
    );
    let energy = decimal(minutes * (training.effort - 60) * 11, 2);
    let mut statistics = |kind: &str, sum: &str, unit: &str| {
        let _ = writeln!(
            text,
            "  <WorkoutStatistics type=\"HKQuantityTypeIdentifier{kind}\" startDate=\"{begin}\" \
             endDate=\"{end}\" sum=\"{sum}\" unit=\"{unit}\"/>"
        );
    };
    statistics("ActiveEnergyBurned", &energy, "kcal");
    if let Some(kind) = training.distance {
        statistics(kind, &decimal(minutes * training.pace, 3), "km");
    }
    let _ = write!(
        text,
        "  <WorkoutRoute sourceName=\"{name}\" sourceVersion=\"{version}\" creationDate=\"{end}\" \
         startDate=\"{begin}\" endDate=\"{end}\">\n   <FileReference path=\"/workout-routes/route_{}.gpx\"/>\n  \
         </WorkoutRoute>\n </Workout>\n",
        day.date
    );
    out.count("loinc|55411-3");
    out.element(&text)
}

fn summary<W: Write>(_: &Plan, day: &Day, out: &mut Out<W>) -> io::Result<()> {
    let mut dice = day.dice(15);
    out.skip("not_a_record", 1);
    out.element(&format!(
        " <ActivitySummary dateComponents=\"{}\" activeEnergyBurned=\"{}\" activeEnergyBurnedGoal=\"420\" \
         activeEnergyBurnedUnit=\"kcal\" appleMoveTime=\"0\" appleMoveTimeGoal=\"0\" \
         appleExerciseTime=\"{}\" appleExerciseTimeGoal=\"30\" appleStandHours=\"{}\" appleStandHoursGoal=\"12\"/>\n",
        day.date,
        380 + dice.around(60),
        34 + dice.around(8),
        dice.between(8, 14)
    ))
}

fn instant<'a>(kind: &'a str, source: &'a Source, unit: &'a str, at: i64) -> Sample<'a> {
    Sample {
        kind,
        source,
        unit,
        begin: at,
        end: at,
    }
}

/// `number` with `places` digits after the point, without idle zeros, as Apple writes numbers.
fn decimal(number: i64, places: u32) -> String {
    let power = 10_i64.pow(places);
    let (whole, part) = (number / power, number % power);
    let width = usize::try_from(places).unwrap_or(0);
    let text = format!("{whole}.{part:0width$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const WATCH: Source = Source {
    name: "Apple\u{a0}Watch von Erika",
    version: "11.4",
    device: "&lt;&lt;HKDevice: 0x300c2f4d0&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch7,3, software:11.4, creation date:2025-04-02 07:11:02 +0000&gt;",
};
const PHONE: Source = Source {
    name: "iPhone von Erika",
    version: "18.4",
    device: "&lt;&lt;HKDevice: 0x300c2a180&gt;, name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone15,4, software:18.4&gt;",
};
const SCALE: Source = Source {
    name: "Waage &amp; Co",
    version: "6110",
    device: "&lt;&lt;HKDevice: 0x300c21c20&gt;, name:Body+, manufacturer:Withings, model:Scale, hardware:5&gt;",
};
const CUFF: Source = Source {
    name: "Blutdruck",
    version: "2.9.1",
    device: "",
};
const PRESSURES: [&str; 2] = [
    "HKQuantityTypeIdentifierBloodPressureSystolic",
    "HKQuantityTypeIdentifierBloodPressureDiastolic",
];
const TYPED: &str = "  <MetadataEntry key=\"HKWasUserEntered\" value=\"1\"/>\n";
const AT_REST: &str =
    "  <MetadataEntry key=\"HKMetadataKeyHeartRateMotionContext\" value=\"1\"/>\n";
