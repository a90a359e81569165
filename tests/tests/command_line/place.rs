//! A cloud, and people around it who run the program.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;
use vitalwitness_cloud::{Config, RunningServer, Server};
use vitalwitness_domain::cert::verify_organisation;
use vitalwitness_domain::wire::{Directory, EnrolmentCode, Id16, NewOrganisation, Role, TrustInfo};
use vitalwitness_proof::entry::Entry;
use vitalwitness_vault::client::{Http, Request, Transport as _};

/// The program, built from these sources: a test of another one would say nothing.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let built = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--locked",
                "--workspace",
                "--bin",
                "vitalwitness",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
        // target/debug/deps/this-test
        let me = std::env::current_exe().unwrap();
        me.ancestors().nth(2).unwrap().join("vitalwitness")
    })
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) json: bool,
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// It did what was asked; the one JSON value it printed.
    pub(crate) fn done(&self) -> Value {
        assert_eq!(self.exit, 0, "{self:?}");
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }

    /// It ended with this exit code, one sentence that ends with this code, and no output but the
    /// error that `--json` prints.
    pub(crate) fn refused(&self, exit: i32, code: &str) {
        assert_eq!(self.exit, exit, "{self:?}");
        assert!(
            self.err.trim_end().ends_with(&format!("[{code}]")),
            "{self:?}"
        );
        if !self.json {
            assert_eq!(self.out, "", "{self:?}");
            return;
        }
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        let said: Value = serde_json::from_str(&self.out).unwrap();
        let error = &said["error"];
        assert_eq!(
            (&error["code"], &error["exit"]),
            (&json!(code), &json!(exit)),
            "{self:?}"
        );
    }
}

/// A cloud, and folders of people around it.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) server: RunningServer,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::new(dir.path().join("cloud"));
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        Self { dir, server }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// `vitalwitness ARGS` by who has the folder `who`.
    pub(crate) fn text(&self, who: &str, args: &[&str]) -> Ran {
        let output = Command::new(program())
            .args(args)
            .env_clear()
            .env("VW_VAULT", self.path(who))
            .env("VW_HOME", self.path(who))
            .env("VW_PASSPHRASE", "correct horse")
            .env("VW_TEST_ARGON", "least")
            .env("TZ", "UTC")
            .output()
            .unwrap();
        Ran {
            json: args.contains(&"--json"),
            exit: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same on a terminal: what a person would see, escapes and all.
    pub(crate) fn seen(&self, who: &str, args: &[&str], set: &[(&str, &str)]) -> String {
        let quoted = [&[program().to_str().unwrap()], args].concat();
        let quoted: Vec<String> = quoted.iter().map(|arg| format!("'{arg}'")).collect();
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command", &quoted.join(" ")])
            .arg("/dev/null")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TERM", "xterm-256color")
            .env("VW_VAULT", self.path(who))
            .env("VW_HOME", self.path(who))
            .env("VW_PASSPHRASE", "correct horse")
            .env("VW_TEST_ARGON", "least")
            .env("TZ", "UTC")
            .envs(set.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, with `--json`.
    pub(crate) fn run(&self, who: &str, args: &[&str]) -> Ran {
        self.text(who, &[args, &["--json"]].concat())
    }

    pub(crate) async fn operator(&self, path: &str, body: Option<&NewOrganisation>) -> Vec<u8> {
        let token = std::fs::read_to_string(self.dir.path().join("cloud/operator.token")).unwrap();
        let mut headers = vec![("authorization", format!("Bearer {token}"))];
        let body = body.map_or_else(Vec::new, |body| {
            headers.push(("content-type", "application/json".to_owned()));
            serde_json::to_vec(body).unwrap()
        });
        let request = Request {
            method: "POST",
            target: path.to_owned(),
            headers,
            body,
            limit: 65_536,
        };
        let response = Http::new(&self.url()).unwrap().send(request).await.unwrap();
        assert!((200..300).contains(&response.status), "{path}");
        response.body
    }

    pub(crate) async fn code(&self, path: &str, body: Option<&NewOrganisation>) -> String {
        let bytes = self.operator(path, body).await;
        let code: EnrolmentCode = serde_json::from_slice(&bytes).unwrap();
        code.code
    }

    /// What anyone is answered: status and body.
    pub(crate) async fn answered(&self, path: &str) -> (u16, Vec<u8>) {
        let request = Request {
            method: "GET",
            target: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            limit: 1 << 20,
        };
        let response = Http::new(&self.url()).unwrap().send(request).await.unwrap();
        (response.status, response.body)
    }

    async fn told<T: serde::de::DeserializeOwned>(&self, path: &str) -> T {
        serde_json::from_slice(&self.answered(path).await.1).unwrap()
    }

    /// Id of the organisation that the directory lists under a name.
    pub(crate) async fn listed(&self, name: &str) -> Option<Id16> {
        let directory: Directory = self.told("/v1/directory").await;
        let trust: TrustInfo = self.told("/v1/trust").await;
        directory.enrolled.iter().find_map(|enrolled| {
            let end = Entry::decode(&enrolled.logged.entry.0).unwrap().event.time;
            let found = verify_organisation(&enrolled.certificate.0, &trust.ca.0, end).ok()?;
            (found.name == name).then_some(Id16(found.id))
        })
    }

    /// A person of an organisation, enrolled with a code.
    pub(crate) fn enrol(&self, who: &str, name: &str, code: &str) -> Value {
        let url = self.url();
        let args = ["enrol", "--cloud", &url, "--code", code, "--name", name];
        self.run(who, &args).done()
    }

    /// An organisation with its first person.
    pub(crate) async fn clinic(&self, who: &str, name: &str) -> Value {
        let new = NewOrganisation {
            name: "Seehof Clinic".to_owned(),
            role: Role::Provider,
        };
        let code = self.code("/v1/operator/organisations", Some(&new)).await;
        self.enrol(who, name, &code)
    }

    /// A patient with three heart rates of January 2026, synced.
    pub(crate) fn patient(&self) -> Vec<String> {
        let kit = self.path("kit.txt");
        let url = self.url();
        let init = [
            "init",
            "--cloud",
            &url,
            "--words-out",
            &kit,
            "--confirm-words",
            &kit,
        ];
        self.run("me", &init).done();
        let add = |value: &str, at: &str| {
            let added = self.run("me", &["add", "heart-rate", value, "--at", at]);
            added.done()["record"].as_str().unwrap().to_owned()
        };
        let records = vec![
            add("61", "2026-01-05T08:00"),
            add("62", "2026-01-06T08:00"),
            add("63", "2026-01-07T08:00"),
        ];
        let synced = self.run("me", &["sync"]).done();
        assert_eq!(
            (&synced["done"], &synced["logged"]),
            (&json!(true), &json!(3))
        );
        records
    }

    /// Asks for the heart rate of that January, and gets it.
    pub(crate) fn share(&self, clinic: &str) -> String {
        self.share_of(clinic, 3)
    }

    /// The same, of so many records.
    pub(crate) fn share_of(&self, clinic: &str, records: u64) -> String {
        let code = self.run("me", &["share-code"]).done();
        let code = code["code"].as_str().unwrap().to_owned();
        let mut ask = vec![
            "request",
            &code,
            "--codes",
            "heart-rate",
            "--from",
            "2026-01",
        ];
        ask.extend([
            "--to",
            "2026-01",
            "--purpose",
            "Check-up",
            "--until",
            "2030-12-31",
        ]);
        let asked = self.run(clinic, &ask).done();
        assert_eq!(asked["proved"], true);
        self.run("me", &["sync"]).done();
        let requests = self.run("me", &["requests"]).done();
        let request = &requests["requests"][0];
        assert_eq!(request["purpose"], "Check-up");
        assert_eq!(request["organisation"]["name"], "Seehof Clinic");
        assert_eq!(request["rows"][0]["records"], records);
        let id = request["request"].as_str().unwrap();
        let granted = self.run("me", &["grant", id, "--yes"]).done();
        assert_eq!(
            (&granted["shown"], &granted["of"]),
            (&json!(records), &json!(records))
        );
        self.run("me", &["sync"]).done();
        granted["grant"].as_str().unwrap().to_owned()
    }

    /// The values that `who` fetches.
    pub(crate) fn fetched(&self, who: &str, out: &str) -> usize {
        let out = self.path(out);
        self.run(who, &["fetch", "--out", &out]).done();
        let csv = std::fs::read_to_string(Path::new(&out).join("records.csv")).unwrap();
        csv.lines().filter(|line| line.contains("8867-4")).count()
    }
}
