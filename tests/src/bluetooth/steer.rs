//! The line to the emulated devices, from inside the guest: which are there, what they have sent,
//! and files to be kept outside.

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

    /// Brings on the devices of a scene; those of the one before are gone.
    ///
    /// # Errors
    ///
    /// The scene is not known, or the line is cut.
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

    /// Whether every device of the scene has sent all it has.
    ///
    /// # Errors
    ///
    /// The line is cut.
    pub fn is_done(&mut self) -> Result<bool> {
        Ok(self.ask("status")? == "done")
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
