//! The line to the emulated devices, from inside the guest: which are there, what they have sent,
//! and files to be kept outside.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Error, Result, Write};
use std::path::Path;

/// The line; each word is answered before the next is said.
#[derive(Debug)]
pub struct Steer {
    from: BufReader<File>,
    to: File,
}

/// An emulated device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulated {
    /// Its address, `F0:0D:BE:EF:00:00`.
    pub address: String,
    /// The name it tells.
    pub name: String,
}

impl Steer {
    /// Opens the line at a serial port of the guest.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(port: &Path) -> Result<Self> {
        let to = OpenOptions::new().read(true).write(true).open(port)?;
        let from = BufReader::new(to.try_clone()?);
        Ok(Self { from, to })
    }

    /// Tells the time here, ms UTC: the devices' world has no other.
    ///
    /// # Errors
    ///
    /// The line is cut.
    pub fn clock(&mut self, now_ms: i64) -> Result<()> {
        self.ask(&format!("clock {now_ms}")).map(|_| ())
    }

    /// Brings on the devices of a scene, beside those that are there.
    ///
    /// # Errors
    ///
    /// The scene is not known or on already, or the line is cut.
    pub fn scene(&mut self, name: &str) -> Result<Vec<Emulated>> {
        let answer = self.ask(&format!("scene {name}"))?;
        let devices = answer
            .split_whitespace()
            .filter_map(|it| it.split_once('='));
        let device = |(address, name): (&str, &str)| Emulated {
            address: address.to_owned(),
            name: name.to_owned(),
        };
        Ok(devices.map(device).collect())
    }

    /// The devices of a scene go.
    ///
    /// # Errors
    ///
    /// The scene is not on, or the line is cut.
    pub fn over(&mut self, name: &str) -> Result<()> {
        self.ask(&format!("over {name}")).map(|_| ())
    }

    /// Tells how many values of a scene came so far, by characteristic: its devices send no more
    /// than that and a few, as a radio would. Whether all they have was sent and came.
    ///
    /// # Errors
    ///
    /// The scene is not on, or the line is cut.
    pub fn heard(&mut self, name: &str, counts: &BTreeMap<u16, u64>) -> Result<bool> {
        let mut words = format!("heard {name}");
        for (number, count) in counts {
            // text has room for any number
            let _ = write!(words, " {number:04x}={count}");
        }
        Ok(self.ask(&words)? == "done")
    }

    /// Keeps `bytes` beside the devices' ledgers, under `name`.
    ///
    /// # Errors
    ///
    /// The line is cut.
    pub fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        writeln!(self.to, "keep {name} {}", bytes.len())?;
        self.to.write_all(bytes)?;
        self.answer().map(|_| ())
    }

    fn ask(&mut self, words: &str) -> Result<String> {
        writeln!(self.to, "{words}")?;
        self.answer()
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        match line.trim_end().strip_prefix("ok") {
            Some(rest) => Ok(rest.trim_start().to_owned()),
            None => Err(Error::other(format!("answered {line:?}"))),
        }
    }
}
