//! The command line, run as the processes that people run.

use super::narrator::Narrator;
use super::people::Trouble;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the built programs are, and how their commands are shown.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Folder of the programs.
    pub programs: PathBuf,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code; -1 when it was killed.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Tools {
    /// Beside the program that is running.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn beside_me() -> Result<Self, Trouble> {
        let me = std::env::current_exe()?;
        let programs = me.parent().ok_or("no folder")?.to_owned();
        Ok(Self { programs })
    }

    /// Runs `vitalwitness ARGS` and shows both command and answer; folders are shown by their
    /// names only.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str], narrator: &mut Narrator) -> Result<Answer, Trouble> {
        let answer = self.quietly(arguments)?;
        let typed: Vec<String> = arguments.iter().map(|a| shown(a)).collect();
        let mut text = answer.out.clone();
        text.push_str(&answer.err);
        narrator.command(
            &format!("vitalwitness {}", typed.join(" ")),
            &format!("{}\n(exit {})", text.trim_end(), answer.code),
        );
        Ok(answer)
    }

    /// Runs `vitalwitness ARGS`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn quietly(&self, arguments: &[&str]) -> Result<Answer, Trouble> {
        let output = Command::new(self.programs.join("vitalwitness"))
            .args(arguments)
            .env("VW_PASSPHRASE", "correct horse battery")
            .env("NO_COLOR", "1")
            .output()?;
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// As [`Tools::run`], and ends the demonstration unless it succeeds.
    ///
    /// # Errors
    ///
    /// Its answer, when it did not succeed.
    pub fn must(&self, arguments: &[&str], narrator: &mut Narrator) -> Result<Answer, Trouble> {
        let answer = self.run(arguments, narrator)?;
        if answer.code == 0 {
            Ok(answer)
        } else {
            Err(format!("that should have succeeded: exit {}", answer.code).into())
        }
    }
}

fn shown(argument: &str) -> String {
    let short = if Path::new(argument).is_absolute() {
        Path::new(argument)
            .file_name()
            .map_or(argument.to_owned(), |n| n.to_string_lossy().into_owned())
    } else if argument.len() > 64 {
        format!("{}…", argument.get(..40).unwrap_or(argument))
    } else {
        argument.to_owned()
    };
    if short.contains(' ') {
        format!("\"{short}\"")
    } else {
        short
    }
}
