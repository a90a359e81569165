//! The summary page of the demonstration: one self-contained HTML file, light and dark, no script.
//!
//! Charts follow the interface rules: title, value and unit as text, a sentence that says the
//! same, a gap is a gap, counts start at zero.

mod style;

use std::fmt::Write as _;
use style::{SEAL, SEAL_LARGE, STYLE, TICK};

/// Everything the page shows; all of it measured in the run that writes it.
#[derive(Debug, Default)]
pub struct Page {
    /// When the run was, as text.
    pub made: String,
    /// The large numbers on top.
    pub figures: Vec<Figure>,
    /// A day of heart rate.
    pub heart: Option<DayChart>,
    /// Nights: label and minutes asleep.
    pub sleep: Vec<(String, f64)>,
    /// Days: label and steps; none where nothing was counted.
    pub steps: Vec<(String, Option<f64>)>,
    /// Blood pressure: label, upper, lower.
    pub pressure: Vec<(String, f64, f64)>,
    /// The receipt that was checked with the cloud stopped: label and value.
    pub receipt: Vec<(String, String)>,
    /// What was checked, in words.
    pub checks: Vec<String>,
    /// One sentence on the changed bit.
    pub tamper: String,
    /// The patient's activity, oldest first.
    pub activity: Vec<Act>,
    /// What the cloud holds: what, how much, and a sample of it.
    pub cloud: Vec<[String; 3]>,
    /// Proof times.
    pub timings: Vec<Timing>,
    /// Plain limits of this run.
    pub limits: Vec<String>,
    /// Files beside the page.
    pub files: Vec<(String, String)>,
}

/// A large number.
#[derive(Debug)]
pub struct Figure {
    /// The number.
    pub value: String,
    /// What it counts.
    pub label: String,
}

/// Heart rate of one day.
#[derive(Debug)]
pub struct DayChart {
    /// The day, as text.
    pub day: String,
    /// Minute of the day and value, ascending.
    pub points: Vec<(f64, f64)>,
    /// The 10th and 90th percentile of the four weeks before.
    pub usual: Option<(f64, f64)>,
}

/// One row of the activity.
#[derive(Debug)]
pub struct Act {
    /// When, as text.
    pub time: String,
    /// Who.
    pub who: String,
    /// What, in words.
    pub what: String,
    /// How it is marked.
    pub mark: Mark,
}

/// Marks of an activity row: colour and shape say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Asked.
    Asked,
    /// Allowed or seen.
    Seen,
    /// Said no, ended, refused.
    Stopped,
}

/// Average times for one size of batch.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Records in the batch.
    pub records: usize,
    /// Microseconds of processor time to make one proof.
    pub generate_us: f64,
    /// Microseconds of processor time to check one proof.
    pub validate_us: f64,
}

impl Page {
    /// The page as HTML.
    pub fn html(&self) -> String {
        let mut out = String::with_capacity(64 * 1024);
        let _ = write!(
            out,
            "<!doctype html><html lang=en><head><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width,initial-scale=1\">\
             <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\
             <title>Vitalwitness: a record's whole way</title><style>{STYLE}</style></head><body><main>\
             <header><div class=brand>{SEAL}<b>Vitalwitness</b></div><p class=sub>{}</p></header>\
             <h1>A record\u{2019}s whole way, on one machine</h1>\
             <p class=lead>Every number on this page was counted or measured by the run that wrote it. \
             The people and organisations are invented; the recordings of activities are real.</p>",
            escape(&self.made)
        );
        self.figures_html(&mut out);
        out.push_str("<h2>What the phone holds</h2><div class=grid>");
        self.heart_html(&mut out);
        self.sleep_html(&mut out);
        self.steps_html(&mut out);
        self.pressure_html(&mut out);
        out.push_str("</div><h2>A receipt, checked with the cloud switched off</h2>");
        self.receipt_html(&mut out);
        if !self.tamper.is_empty() {
            let _ = write!(
                out,
                "<section class=\"card note stop\"><b>One bit changed</b><p>{}</p></section>",
                escape(&self.tamper)
            );
        }
        self.activity_html(&mut out);
        self.cloud_html(&mut out);
        self.timings_html(&mut out);
        out.push_str("<h2>Where this ends</h2><section class=card><ul class=plain>");
        for limit in &self.limits {
            let _ = write!(out, "<li>{}</li>", escape(limit));
        }
        out.push_str(
            "</ul></section><h2>Files beside this page</h2><section class=card><ul class=plain>",
        );
        for (name, what) in &self.files {
            let _ = write!(
                out,
                "<li><code>{}</code> {}</li>",
                escape(name),
                escape(what)
            );
        }
        out.push_str("</ul></section></main></body></html>\n");
        out
    }

    fn figures_html(&self, out: &mut String) {
        out.push_str("<div class=figures>");
        for figure in &self.figures {
            let _ = write!(
                out,
                "<section class=card><p class=hero>{}</p><p class=sub>{}</p></section>",
                escape(&figure.value),
                escape(&figure.label)
            );
        }
        out.push_str("</div>");
    }

    fn heart_html(&self, out: &mut String) {
        let Some(chart) = &self.heart else { return };
        let values = chart.points.iter().map(|p| p.1);
        let (low, high) = bounds(values.clone());
        let mean = values.sum::<f64>() / count(chart.points.len());
        let summary = format!(
            "Between {low:.0} and {high:.0}, {mean:.0} on average, {} readings.{}",
            thousands(chart.points.len()),
            chart.usual.map_or(String::new(), |(a, b)| format!(
                " Your usual range: {a:.0}\u{2013}{b:.0}."
            ))
        );
        let (least, most) = chart
            .usual
            .map_or((low, high), |(a, b)| (low.min(a), high.max(b)));
        let (floor, top) = ((least / 10.0).floor() * 10.0, (most / 10.0).ceil() * 10.0);
        let x = |minute: f64| 8.0 + minute / 1440.0 * 560.0;
        let y = |value: f64| 14.0 + (top - value) / (top - floor).max(1.0) * 150.0;
        let mut svg = String::new();
        if let Some((a, b)) = chart.usual {
            let _ = write!(
                svg,
                "<rect x=8 y={:.1} width=560 height={:.1} class=band />",
                y(b),
                (y(a) - y(b)).max(0.0)
            );
        }
        for value in [floor, f64::midpoint(floor, top), top] {
            let _ = write!(
                svg,
                "<line x1=8 x2=568 y1={0:.1} y2={0:.1} class=axis /><text x=574 y={1:.1}>{value:.0}</text>",
                y(value),
                y(value) + 4.0
            );
        }
        for hour in [0.0, 6.0, 12.0, 18.0] {
            let _ = write!(
                svg,
                "<text x={:.1} y=184>{hour:.0}:00</text>",
                x(hour * 60.0)
            );
        }
        let _ = write!(
            svg,
            "<path class=\"line heart\" d=\"{}\"/>",
            broken_path(&chart.points, x, y)
        );
        card(
            out,
            "wide",
            &format!("Heart rate, {}", chart.day),
            &format!("{mean:.0} <small>bpm on average</small>"),
            &summary,
            "0 0 610 190",
            &svg,
        );
    }

    fn sleep_html(&self, out: &mut String) {
        if self.sleep.is_empty() {
            return;
        }
        let mean = self.sleep.iter().map(|n| n.1).sum::<f64>() / count(self.sleep.len());
        let bars: Vec<(String, Option<f64>)> = self
            .sleep
            .iter()
            .map(|(l, v)| (l.clone(), Some(*v)))
            .collect();
        card(
            out,
            "",
            "Sleep",
            &format!(
                "{:.0} <small>h</small> {:.0} <small>min a night</small>",
                (mean / 60.0).floor(),
                mean % 60.0
            ),
            &format!(
                "{} nights; the shortest {:.1} h, the longest {:.1} h.",
                bars.len(),
                bounds(self.sleep.iter().map(|n| n.1)).0 / 60.0,
                bounds(self.sleep.iter().map(|n| n.1)).1 / 60.0
            ),
            "0 0 300 130",
            &columns(&bars, "sleep"),
        );
    }

    fn steps_html(&self, out: &mut String) {
        let counted: Vec<f64> = self.steps.iter().filter_map(|d| d.1).collect();
        if counted.is_empty() {
            return;
        }
        let mean = counted.iter().sum::<f64>() / count(counted.len());
        card(
            out,
            "",
            "Steps",
            &format!("{} <small>a day</small>", thousands_f(mean)),
            &format!(
                "{} days counted, one source a day; the most {}.",
                counted.len(),
                thousands_f(bounds(counted.iter().copied()).1)
            ),
            "0 0 300 130",
            &columns(&self.steps, "steps"),
        );
    }

    fn pressure_html(&self, out: &mut String) {
        let Some(last) = self.pressure.last() else {
            return;
        };
        let (low, high) = (
            bounds(self.pressure.iter().map(|p| p.2)).0 - 5.0,
            bounds(self.pressure.iter().map(|p| p.1)).1 + 5.0,
        );
        let y = |value: f64| 12.0 + (high - value) / (high - low).max(1.0) * 96.0;
        let step = 280.0 / count(self.pressure.len());
        let mut svg = String::new();
        for (i, (_, upper, lower)) in self.pressure.iter().enumerate() {
            let x = 10.0 + step * (count(i) + 0.5);
            let _ = write!(
                svg,
                "<line x1={x:.1} x2={x:.1} y1={:.1} y2={:.1} class=\"line pressure\"/>\
                 <circle cx={x:.1} cy={:.1} r=3.5 class=\"fill pressure\"/><circle cx={x:.1} cy={:.1} r=3.5 class=\"hollow pressure\"/>",
                y(*upper),
                y(*lower),
                y(*upper),
                y(*lower)
            );
        }
        let _ = write!(
            svg,
            "<text x=10 y=126>{}</text><text x=290 y=126 text-anchor=end>{}</text>",
            escape(&self.pressure[0].0),
            escape(&last.0)
        );
        card(
            out,
            "",
            "Blood pressure",
            &format!("{:.0}/{:.0} <small>mmHg</small>", last.1, last.2),
            &format!(
                "{} readings; filled is the upper value, hollow the lower.",
                self.pressure.len()
            ),
            "0 0 300 130",
            &svg,
        );
    }

    fn receipt_html(&self, out: &mut String) {
        let _ = write!(
            out,
            "<section class=\"paper\"><div class=two><div>{SEAL_LARGE}<p class=unchanged>Unchanged</p><p class=sub>This record is exactly what was sealed.</p>\
             <p class=t>What this does not say</p><ul class=dots><li>That the measurement was right.</li><li>Whose body it was.</li>\
             <li>That the person showing it is its owner.</li></ul></div><div>"
        );
        for (label, value) in &self.receipt {
            let _ = write!(
                out,
                "<p class=fact><span>{}</span><b>{}</b></p>",
                escape(label),
                escape(value)
            );
        }
        out.push_str("<hr>");
        for check in &self.checks {
            let _ = write!(out, "<p class=tick>{TICK}{}</p>", escape(check));
        }
        out.push_str("</div></div></section>");
    }

    fn activity_html(&self, out: &mut String) {
        out.push_str(
            "<h2>Who asked, who saw, what was stopped</h2><section class=card><ul class=acts>",
        );
        for act in &self.activity {
            let (class, word) = match act.mark {
                Mark::Asked => ("decide", "asked"),
                Mark::Seen => ("seal", "allowed"),
                Mark::Stopped => ("stop", "stopped"),
            };
            let _ = write!(
                out,
                "<li><span class=\"chip {class}\">{word}</span><span class=grow><b>{}</b> {}</span><span class=cap>{}</span></li>",
                escape(&act.who),
                escape(&act.what),
                escape(&act.time)
            );
        }
        out.push_str("</ul></section>");
    }

    fn cloud_html(&self, out: &mut String) {
        out.push_str("<h2>What the cloud can see</h2><section class=card><table><tr><th>kind<th>how much<th>a sample, as it lies there</tr>");
        for [what, amount, sample] in &self.cloud {
            let _ = write!(
                out,
                "<tr><td>{}<td class=num>{}<td><code>{}</code></tr>",
                escape(what),
                escape(amount),
                escape(sample)
            );
        }
        out.push_str("</table></section>");
    }

    fn timings_html(&self, out: &mut String) {
        if self.timings.is_empty() {
            return;
        }
        let top = self
            .timings
            .iter()
            .map(|t| t.generate_us.max(t.validate_us))
            .fold(0.1, f64::max);
        let last = count(self.timings.len() - 1).max(1.0);
        let x = |i: usize| 50.0 + count(i) / last * 480.0;
        let y = |us: f64| 14.0 + (top - us) / top * 140.0;
        let mut svg = format!(
            "<line x1=50 x2=540 y1={0:.1} y2={0:.1} class=axis /><text x=0 y={1:.1}>{top:.1} µs</text><text x=0 y=158>0</text><line x1=50 x2=540 y1=154 y2=154 class=axis />",
            y(top),
            y(top) + 4.0
        );
        for (class, pick) in [("steps", 0), ("pressure", 1)] {
            let value = |t: &Timing| {
                if pick == 0 {
                    t.generate_us
                } else {
                    t.validate_us
                }
            };
            let mut d = String::new();
            for (i, t) in self.timings.iter().enumerate() {
                let _ = write!(
                    d,
                    "{}{:.1},{:.1}",
                    if i == 0 { "M" } else { "L" },
                    x(i),
                    y(value(t))
                );
                let _ = write!(
                    svg,
                    "<circle cx={:.1} cy={:.1} r=3.5 class=\"fill {class}\"/>",
                    x(i),
                    y(value(t))
                );
            }
            let _ = write!(svg, "<path d=\"{d}\" class=\"line {class}\"/>");
        }
        for (i, t) in self.timings.iter().enumerate() {
            let _ = write!(
                svg,
                "<text x={:.1} y=174 text-anchor=middle>{}</text>",
                x(i),
                thousands(t.records)
            );
        }
        out.push_str("<h2>Time to make and to check one proof</h2><section class=card>");
        let _ = write!(
            out,
            "<p class=sub><span class=\"key steps\"></span>make \u{2003}<span class=\"key pressure\"></span>check \u{2003}by records in the batch; processor time, average</p>\
             <svg viewBox=\"0 0 560 184\" role=img aria-label=\"Time for one proof by batch size; the table below says the same\">{svg}</svg>\
             <table><tr><th>records<th>make one<th>check one</tr>"
        );
        for t in &self.timings {
            let _ = write!(
                out,
                "<tr><td class=num>{}<td class=num>{:.2} µs<td class=num>{:.2} µs</tr>",
                thousands(t.records),
                t.generate_us,
                t.validate_us
            );
        }
        out.push_str("</table></section>");
    }
}

fn card(
    out: &mut String,
    class: &str,
    title: &str,
    value: &str,
    summary: &str,
    view: &str,
    svg: &str,
) {
    let _ = write!(
        out,
        "<section class=\"card {class}\"><p class=t>{}</p><p class=val>{value}</p>\
         <svg viewBox=\"{view}\" role=img aria-label=\"{}\">{svg}</svg><p class=cap>{}</p></section>",
        escape(title),
        escape(summary),
        escape(summary)
    );
}

/// A line that breaks where a reading is missing for three times the usual interval.
fn broken_path(points: &[(f64, f64)], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut gaps: Vec<f64> = points.windows(2).map(|w| w[1].0 - w[0].0).collect();
    gaps.sort_by(f64::total_cmp);
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(1.0).max(0.01);
    let mut d = String::new();
    let mut before: Option<f64> = None;
    for &(minute, value) in points {
        let on = before.is_some_and(|b| minute - b <= 3.0 * usual);
        let _ = write!(
            d,
            "{}{:.1},{:.1}",
            if on { "L" } else { "M" },
            x(minute),
            y(value)
        );
        before = Some(minute);
    }
    d
}

fn columns(bars: &[(String, Option<f64>)], class: &str) -> String {
    let top = bars.iter().filter_map(|b| b.1).fold(1.0, f64::max);
    let step = 280.0 / count(bars.len());
    let mut svg = String::new();
    for (i, (_, value)) in bars.iter().enumerate() {
        let x = 10.0 + step * count(i);
        let width = (step - 2.0).max(1.0);
        if let Some(value) = value {
            let height = value / top * 96.0;
            let _ = write!(
                svg,
                "<rect x={x:.1} y={:.1} width={width:.1} height={height:.1} rx=2 class=\"fill {class}\"/>",
                108.0 - height
            );
        } else {
            let _ = write!(
                svg,
                "<line x1={x:.1} x2={:.1} y1=107 y2=107 class=stub />",
                x + width
            );
        }
    }
    if let (Some(first), Some(last)) = (bars.first(), bars.last()) {
        let _ = write!(
            svg,
            "<text x=10 y=126>{}</text><text x=290 y=126 text-anchor=end>{}</text>",
            escape(&first.0),
            escape(&last.0)
        );
    }
    svg
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        (a.min(v), b.max(v))
    })
}

#[allow(
    clippy::cast_precision_loss,
    reason = "counts on a page stay far below 2^52"
)]
fn count(n: usize) -> f64 {
    n as f64
}

/// 12345 as "12,345".
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn thousands_f(value: f64) -> String {
    let text = format!("{value:.0}");
    text.parse::<usize>().map_or(text, thousands)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
