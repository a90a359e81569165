//! The cloud and its witnesses as processes of their own, on loopback ports the system picks.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Error, Result, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// A server process that is listening. Dropped, it is killed.
#[derive(Debug)]
pub struct Service {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub url: String,
}

impl Service {
    /// Starts `program --config FILE` and returns once it says that it listens; its log goes to
    /// `log`.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or ends before it listens: the log says why.
    pub fn start(program: &Path, config: &Path, log: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .arg("--config")
            .arg(config)
            .env("VW_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let lines = child.stderr.take().map(BufReader::new);
        let mut copy = File::options().create(true).append(true).open(log)?;
        let (said, hears) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.into_iter().flat_map(BufReader::lines) {
                let Ok(line) = line else { break };
                let _ = writeln!(copy, "{line}");
                if let Some(addr) = listening(&line) {
                    let _ = said.send(addr);
                }
            }
        });
        match hears.recv() {
            Ok(addr) => Ok(Self {
                child,
                url: format!("http://{addr}"),
            }),
            Err(_) => Err(Error::other(format!(
                "{} ended before it listened ({}): {}",
                program.display(),
                child.wait()?,
                std::fs::read_to_string(log)?
                    .lines()
                    .last()
                    .unwrap_or_default()
            ))),
        }
    }

    /// Id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    ///
    /// When it cannot be signalled, or ends with a failure.
    pub fn stop(mut self) -> Result<()> {
        signal(self.child.id(), "TERM")?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::other(format!("ended with {status}")))
        }
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it cannot be killed.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A cloud with witnesses around it, and where their files are.
#[derive(Debug)]
pub struct Site {
    /// The cloud.
    pub cloud: Service,
    /// Its witnesses.
    pub witnesses: Vec<Service>,
    /// Folder that the cloud keeps its data in.
    pub data: PathBuf,
    cloud_program: PathBuf,
    cloud_config: PathBuf,
    log: PathBuf,
}

impl Site {
    /// Starts `witnesses` witnesses and a cloud that asks all of them, below `folder`. The programs
    /// are taken from `programs`. `settings` are lines of TOML put first in the cloud's settings.
    ///
    /// # Errors
    ///
    /// When a program is missing or does not start.
    pub fn start(programs: &Path, folder: &Path, witnesses: usize, settings: &str) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let cloud_program = programs.join("vitalwitness-cloud");
        let witness_program = programs.join("vitalwitness-witness");
        let data = folder.join("cloud");
        let cloud_config = folder.join("cloud.toml");
        let log = folder.join("cloud.log");
        let mut text = format!(
            "listen = \"127.0.0.1:0\"\ndata = {}\norigin = \"{ORIGIN}\"\n{settings}\n",
            quoted(&data)
        );
        std::fs::write(&cloud_config, &text)?;
        let key = printed_key(&cloud_program, &cloud_config)?;
        let mut running = Vec::new();
        for i in 1..=witnesses {
            let name = format!("witness-{i}.vitalwitness.local");
            let config = folder.join(format!("witness-{i}.toml"));
            std::fs::write(
                &config,
                format!(
                    "listen = \"127.0.0.1:0\"\ndata = {}\nname = \"{name}\"\nlogs = [\"{key}\"]\n",
                    quoted(&folder.join(format!("witness-{i}")))
                ),
            )?;
            let vkey = printed_key(&witness_program, &config)?;
            let service = Service::start(
                &witness_program,
                &config,
                &folder.join(format!("witness-{i}.log")),
            )?;
            let _ = write!(
                text,
                "\n[[witness]]\nurl = \"{}\"\nvkey = \"{vkey}\"\n",
                service.url
            );
            running.push(service);
        }
        if witnesses > 0 {
            text = format!("quorum = {witnesses}\n{text}");
        }
        std::fs::write(&cloud_config, &text)?;
        let cloud = Service::start(&cloud_program, &cloud_config, &log)?;
        Ok(Self {
            cloud,
            witnesses: running,
            data,
            cloud_program,
            cloud_config,
            log,
        })
    }

    /// Starts the cloud again after it was stopped; on the port it had, so that phones find it.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn restart_cloud(&mut self) -> Result<()> {
        let addr = self.cloud.url.trim_start_matches("http://").to_owned();
        let text = std::fs::read_to_string(&self.cloud_config)?.replacen("127.0.0.1:0", &addr, 1);
        std::fs::write(&self.cloud_config, text)?;
        self.cloud = Service::start(&self.cloud_program, &self.cloud_config, &self.log)?;
        Ok(())
    }

    /// Ends the cloud as an operator would, and leaves the witnesses running.
    ///
    /// # Errors
    ///
    /// When it does not end well.
    pub fn stop_cloud(&mut self) -> Result<()> {
        signal(self.cloud.pid(), "TERM")?;
        let status = self.cloud.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::other(format!("the cloud ended with {status}")))
        }
    }

    /// Ends all processes.
    ///
    /// # Errors
    ///
    /// When one does not end well.
    pub fn stop(self) -> Result<()> {
        self.cloud.stop()?;
        self.witnesses.into_iter().try_for_each(Service::stop)
    }
}

/// The log's name.
pub const ORIGIN: &str = "vitalwitness.local/log";

fn printed_key(program: &Path, config: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--config")
        .arg(config)
        .arg("--print-key")
        .output()?;
    if !output.status.success() {
        return Err(Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The address in a log line that says `listening`.
fn listening(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    (fields["message"]
        .as_str()
        .is_some_and(|m| m.ends_with("listening")))
    .then(|| fields["addr"].as_str().map(str::to_owned))
    .flatten()
}

fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

fn signal(pid: u32, name: &str) -> Result<()> {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::other("the process could not be signalled"))
    }
}
