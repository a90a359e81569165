//! `monitor`: follows a log and tells what is not as it must be.
//!
//! ```text
//! DIR/entries.jsonl    every entry, in the log's order, with the key it enrols
//! DIR/head             the newest checkpoint that was accepted
//! DIR/witnessed.jsonl  [size, seconds]: by when a quorum had seen so much of it
//! DIR/findings.jsonl   what was found, one a line
//! DIR/evidence/        two notes that contradict each other
//! ```
//!
//! Resumes where it stopped, reading what it kept as carefully as what is new. Findings are written
//! before the entries they are about, the head last: a run that dies repeats, and forgets nothing.

use crate::console::{Console, Tone};
use crate::evidence;
use crate::grantee::cloud::{failed, sign_in};
use crate::grantee::home::{At, Home};
use crate::grantee::list::distrust;
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::{make_private, replace};
use crate::wording;
use clap::Args;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vitalwitness_domain::audit::{Audit, Finding};
use vitalwitness_domain::evidence::Evidence;
use vitalwitness_domain::wire::{Directory, LogEntries, LogEntry, Proof};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::checkpoint::{Checkpoint, SignedNote};
use vitalwitness_proof::entry::entry_leaf;
use vitalwitness_proof::merkle::verify_inclusion;
use vitalwitness_vault::client::{Client, ClientError};
use vitalwitness_vault::clock::{Clock as _, SystemClock};

/// Follow a log as its auditor, and tell what breaks its rules.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Monitor {
    /// Where what was read and found is kept.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Read what is new, then end.
    #[arg(long)]
    once: bool,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness enrol --cloud URL --code CODE --name \"Ada Low\" --home audit
  vitalwitness monitor --home audit --state watched --once
  vitalwitness monitor --home audit --state watched --every 300 --json

A line a finding, with a stable code (docs/monitor.md). Exit codes:
  0  nothing found, ever    1  something was found, now or before
  3  too few witnesses have seen it yet    5  offline";

/// What is kept, read again.
struct State {
    dir: PathBuf,
    audit: Audit,
    head: Option<String>,
    found: HashSet<Value>,
}

/// What one look found.
#[derive(Default)]
struct Look {
    new: Vec<Value>,
    entries: u64,
    /// Nothing more is to be believed from this log.
    broken: bool,
}

/// Runs it.
pub(crate) async fn run(args: &Monitor, console: &Console) -> Outcome<Exit> {
    let home = args.at.open(console)?;
    make_private(&args.state)?;
    let mut client = sign_in(&home).await?;
    let mut state = State::open(&args.state, &home, &client).await?;
    loop {
        let look = match state.look(&client, &home).await {
            Err(failure) if !args.once && failure.exit == Exit::Offline => {
                console.note(failure.to_string());
                Look::default()
            }
            // a session lasts for minutes
            Err(failure) if !args.once && failure.code == "session_required" => {
                client = sign_in(&home).await?;
                continue;
            }
            other => other?,
        };
        state.tell(&look, args.once, console);
        if args.once || look.broken {
            return Ok(if state.found.is_empty() {
                Exit::Done
            } else {
                Exit::NotValid
            });
        }
        tokio::time::sleep(Duration::from_secs(args.every)).await;
    }
}

impl State {
    async fn open(dir: &Path, home: &Home, client: &Client) -> Outcome<Self> {
        let mut state = Self {
            dir: dir.to_owned(),
            audit: Audit::new(&home.log()?, &home.papers.ca.0),
            head: begun(dir)?,
            found: HashSet::new(),
        };
        for line in lines(&dir.join(FINDINGS))? {
            state.found.insert(parse(&dir.join(FINDINGS), &line)?);
        }
        state.learn(client).await?;
        let path = dir.join(WITNESSED);
        let witnessed = lines(&path)?;
        let witnessed: Vec<(u64, u64)> = witnessed
            .iter()
            .map(|line| parse(&path, line))
            .collect::<Outcome<_>>()?;
        let mut times = witnessed.into_iter().peekable();
        let size = state.size()?;
        let path = dir.join(ENTRIES);
        for line in lines(&path)?
            .into_iter()
            .take(usize::try_from(size).unwrap_or(usize::MAX))
        {
            while let Some((_, time)) = times.next_if(|(size, _)| *size <= state.audit.size()) {
                state.audit.witnessed(time);
            }
            let entry: LogEntry = parse(&path, &line)?;
            let spki = entry.spki.as_ref().map(|spki| spki.0.as_slice());
            state.audit.take(&entry.entry.0, spki);
        }
        // one of a checkpoint that was not accepted yet says nothing of what comes next
        for (_, time) in times.filter(|(seen, _)| *seen <= size) {
            state.audit.witnessed(time);
        }
        state.cut(size)?;
        if state.audit.size() != size
            || state.root()?.is_some_and(|root| root != state.audit.root())
        {
            return Err(damaged(&path));
        }
        Ok(state)
    }

    /// Cuts off what a run that died wrote behind the accepted head.
    fn cut(&self, size: u64) -> Outcome<()> {
        let most = usize::try_from(size).unwrap_or(usize::MAX);
        for (name, keep) in [
            (ENTRIES, most),
            (WITNESSED, usize::MAX),
            (FINDINGS, usize::MAX),
        ] {
            let path = self.dir.join(name);
            let Some(text) = read(&path)? else { continue };
            let kept: usize = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .take(keep)
                .map(str::len)
                .sum();
            if kept != text.len() {
                replace(&path, &text.as_bytes()[..kept])?;
            }
        }
        Ok(())
    }

    fn head(&self) -> Outcome<Option<Checkpoint>> {
        let head = self.head.as_deref().map(SignedNote::parse).transpose();
        let head = head.map_err(|_| damaged(&self.dir.join(HEAD)))?;
        Ok(head.map(|note| note.checkpoint))
    }

    fn size(&self) -> Outcome<u64> {
        Ok(self.head()?.map_or(0, |head| head.size))
    }

    fn root(&self) -> Outcome<Option<vitalwitness_proof::Hash>> {
        Ok(self.head()?.map(|head| head.root))
    }

    async fn learn(&mut self, client: &Client) -> Outcome<()> {
        let directory: Directory = client
            .open("GET", "/v1/directory", None::<&()>)
            .await
            .map_err(|error| failed(&error))?;
        let certificates = directory.enrolled.iter();
        let certificates: Vec<&[u8]> = certificates
            .map(|one| one.certificate.0.as_slice())
            .collect();
        self.audit.know(&certificates);
        Ok(())
    }

    async fn look(&mut self, client: &Client, home: &Home) -> Outcome<Look> {
        let text = client
            .open_text("/v1/log/checkpoint")
            .await
            .map_err(|error| failed(&error))?;
        let note = SignedNote::parse(&text).map_err(distrust)?;
        let witnessed = match note.verify(&home.log()?) {
            Ok(witnessed) => witnessed.time,
            Err(why @ Rejection::QuorumNotMet) => return Err(distrust(why)),
            Err(why) => return self.broke(why, &note.checkpoint, None),
        };
        if let Some(before) = self.head()? {
            let (from, to) = (before.size, note.checkpoint.size);
            let proof = if from < to {
                let proof = vitalwitness_vault::consistency(client, from, to).await;
                proof.map_err(|error| failed(&error))?
            } else {
                Vec::new()
            };
            if let Err(why) = note.checkpoint.check_extends(&before, &proof) {
                let evidence = Evidence {
                    origin: before.origin,
                    before: self.head.clone().unwrap_or_default(),
                    after: text,
                    proof,
                    paths: Vec::new(),
                    found_ms: SystemClock.now_ms(),
                };
                return self.broke(why, &note.checkpoint, Some(&evidence));
            }
        }
        self.learn(client).await?;
        self.read_on(client, &note.checkpoint, (&text, witnessed))
            .await
    }

    /// Takes the entries up to a checkpoint that extends the last.
    async fn read_on(
        &mut self,
        client: &Client,
        to: &Checkpoint,
        (text, witnessed): (&str, Option<u64>),
    ) -> Outcome<Look> {
        let from = self.audit.size();
        let mut look = Look::default();
        let (mut new, mut found) = (Vec::new(), Vec::new());
        while self.audit.size() < to.size {
            let path = format!("/v1/log/entries?from={}", self.audit.size());
            let page: LogEntries = client
                .call("GET", &path, None::<&()>)
                .await
                .map_err(|error| failed(&error))?;
            let next = self.audit.size();
            if page.entries.first().is_none_or(|first| first.index != next) {
                return self.broke(Rejection::SeqGap, to, None);
            }
            for entry in page.entries {
                if self.audit.size() == to.size {
                    break;
                }
                let spki = entry.spki.as_ref().map(|spki| spki.0.as_slice());
                found.extend(self.audit.take(&entry.entry.0, spki));
                new.push(entry);
            }
        }
        if self.audit.root() != to.root {
            // the head does not move: which entries are not the ones in the tree?
            return self.name_strangers(client, to, &new).await;
        }
        look.entries = to.size.saturating_sub(from);
        for finding in &found {
            look.new.extend(self.find(finding_json(finding))?);
        }
        append(&self.dir.join(ENTRIES), &new)?;
        if let Some(time) = witnessed {
            self.audit.witnessed(time);
            append(&self.dir.join(WITNESSED), &[(to.size, time)])?;
        }
        replace(&self.dir.join(HEAD), text.as_bytes())?;
        self.head = Some(text.to_owned());
        Ok(look)
    }

    async fn name_strangers(
        &mut self,
        client: &Client,
        to: &Checkpoint,
        entries: &[LogEntry],
    ) -> Outcome<Look> {
        let mut look = Look {
            broken: true,
            ..Look::default()
        };
        for entry in entries {
            let path = format!("/v1/log/inclusion?index={}&size={}", entry.index, to.size);
            let proof: Result<Proof, ClientError> = client.open("GET", &path, None::<&()>).await;
            let nodes = proof.map(|proof| proof.nodes.iter().map(|node| node.0).collect());
            let nodes: Vec<_> = nodes.unwrap_or_default();
            let leaf = entry_leaf(&entry.entry.0);
            if verify_inclusion(&leaf, entry.index, to.size, &nodes, &to.root).is_err() {
                let code = Rejection::EntryMismatch.code();
                look.new
                    .extend(self.find(json!({"code": code, "index": entry.index}))?);
            }
        }
        if look.new.is_empty() {
            return self.broke(Rejection::Inconsistent, to, None);
        }
        Ok(look)
    }

    /// The log itself does not hold; nothing of this look is kept but the finding.
    fn broke(
        &mut self,
        why: Rejection,
        at: &Checkpoint,
        evidence: Option<&Evidence>,
    ) -> Outcome<Look> {
        let file = match evidence {
            Some(evidence) => Some(evidence::write(&self.dir.join("evidence"), evidence)?),
            None => None,
        };
        let file = file.map(|file| file.display().to_string());
        let found = json!({"code": why.code(), "size": at.size, "evidence": file});
        Ok(Look {
            new: self.find(found)?.into_iter().collect(),
            entries: 0,
            broken: true,
        })
    }

    /// Keeps a finding; none if it is known.
    fn find(&mut self, finding: Value) -> Outcome<Option<Value>> {
        if !self.found.insert(finding.clone()) {
            return Ok(None);
        }
        append(&self.dir.join(FINDINGS), &[&finding])?;
        Ok(Some(finding))
    }

    fn tell(&self, look: &Look, once: bool, console: &Console) {
        let size = self.size().unwrap_or(0);
        if console.json() {
            if once || !look.new.is_empty() || look.entries > 0 {
                console.value(&json!({
                    "size": size,
                    "read": look.entries,
                    "new": look.new,
                    "findings": self.found.len(),
                    "unchecked": self.audit.unchecked(),
                }));
            }
            return;
        }
        for finding in &look.new {
            let text = |name: &str| match &finding[name] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let mut line = console.paint(Tone::Stop, &text("code"));
            for name in ["index", "channel", "seq", "size", "evidence"] {
                if !finding[name].is_null() {
                    line = format!("{line}  {name} {}", text(name));
                }
            }
            console.line(line);
        }
        if once {
            let kept = self.found.len().saturating_sub(look.new.len());
            console.line(format!(
                "{} read, {} in all; {} found now, {} before.",
                wording::count(look.entries, "entry", "entries"),
                wording::thousands(size),
                look.new.len(),
                kept
            ));
            if self.audit.unchecked() > 0 {
                console.line(format!(
                    "{} could not be checked: the key is not told of any more.",
                    wording::count(self.audit.unchecked(), "signature", "signatures")
                ));
            }
        }
    }
}

fn finding_json(finding: &Finding) -> Value {
    json!({
        "code": finding.code.code(),
        "index": finding.index,
        "channel": hex::encode(finding.channel),
        "seq": finding.seq,
    })
}

fn read(path: &Path) -> Outcome<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::unreadable(&path.display().to_string(), &error)),
    }
}

/// Whole lines; one that was cut off at the end is none.
fn lines(path: &Path) -> Outcome<Vec<String>> {
    let text = read(path)?.unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    Ok(whole
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, line: &str) -> Outcome<T> {
    serde_json::from_str(line).map_err(|_| damaged(path))
}

/// Appends a line each, durable when it returns; what a run that died left half is cut off first.
fn append<T: serde::Serialize>(path: &Path, values: &[T]) -> Outcome<()> {
    let mut bytes = Vec::new();
    for value in values {
        serde_json::to_writer(&mut bytes, value).map_err(|_| damaged(path))?;
        bytes.push(b'\n');
    }
    let write = || -> std::io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(path)?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write().map_err(|error| Failure::unwritable(&path.display().to_string(), &error))
}

/// The accepted head; none where nothing was accepted yet. The file is there, empty, before
/// anything else is: without it, what else is there has lost its head.
fn begun(dir: &Path) -> Outcome<Option<String>> {
    let path = dir.join(HEAD);
    match read(&path)? {
        Some(head) => Ok(Some(head).filter(|head| !head.is_empty())),
        None if [ENTRIES, WITNESSED, FINDINGS]
            .iter()
            .any(|name| dir.join(name).exists()) =>
        {
            Err(damaged(&path))
        }
        None => {
            replace(&path, b"")?;
            Ok(None)
        }
    }
}

fn damaged(path: &Path) -> Failure {
    Failure::new(
        Exit::Other,
        "state_damaged",
        format!(
            "{} is not what was kept. It stays as it is; another --state begins anew.",
            path.display()
        ),
    )
}

const HEAD: &str = "head";
const ENTRIES: &str = "entries.jsonl";
const WITNESSED: &str = "witnessed.jsonl";
const FINDINGS: &str = "findings.jsonl";
