//! The one writer: a thread that commits what is waiting as one group.
//!
//! Each job runs in its own savepoint, so a refused one leaves no trace; all of a group become
//! durable together, the log's head is signed, and only then is anybody answered.

use crate::log::{Embedded, Ledger, Notes};
use crate::{Error, Result};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;

/// What a job works with.
pub(crate) struct Tx<'a> {
    /// The open transaction.
    pub(crate) db: &'a Connection,
    /// The log's end of it.
    pub(crate) log: &'a mut Embedded,
}

type Answer = Box<dyn FnOnce(Result<(), ()>) + Send>;
/// Given no transaction, a job only answers that it did not run.
type Job = Box<dyn FnOnce(Option<&mut Tx<'_>>) -> Answer + Send>;

/// Sends jobs to the thread; the thread ends with the last of these.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Takes the connection that writes, and publishes heads to `notes`.
    pub(crate) fn start(db: Connection, log: Embedded, notes: Arc<Notes>) -> Result<Self> {
        let (queue, jobs) = channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&db, log, &notes, &jobs))
            .map_err(Error::io("start the store's writer"))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `job` in a transaction of its own and returns when it is durable.
    ///
    /// # Errors
    ///
    /// What `job` gives, or [`Error::Unavailable`]; nothing is written then.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = sync_channel(1);
        let job: Job = Box::new(move |tx| {
            let result = match tx {
                Some(tx) => in_savepoint(tx, job),
                None => Err(Error::Unavailable),
            };
            Box::new(move |durable| {
                let result = match durable {
                    Ok(()) => result,
                    Err(()) => Err(Error::Unavailable),
                };
                // the caller may have gone; what it asked for is done all the same
                let _ = reply.send(result);
            })
        });
        self.queue
            .as_ref()
            .and_then(|queue| queue.send(job).ok())
            .ok_or(Error::Unavailable)?;
        answer.recv().map_err(|_| Error::Unavailable)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // a writer that panicked has nothing more to finish
            let _ = thread.join();
        }
    }
}

fn in_savepoint<T>(tx: &mut Tx<'_>, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
    let mark = tx.log.mark();
    tx.db.execute_batch("SAVEPOINT job")?;
    match job(tx) {
        Ok(done) => {
            tx.db.execute_batch("RELEASE job")?;
            Ok(done)
        }
        Err(error) => {
            tx.log.rewind(mark);
            tx.db.execute_batch("ROLLBACK TO job; RELEASE job")?;
            Err(error)
        }
    }
}

fn run(db: &Connection, mut log: Embedded, notes: &Notes, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut answers: Vec<Answer> = Vec::new();
        let outcome = group(db, &mut log, first, jobs, &mut answers);
        let durable = match outcome {
            Ok(()) => {
                if let Some((size, root)) = log.committed() {
                    notes.publish(size, root);
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(
                    code = error.log_code(),
                    "a group of writes was not committed"
                );
                log.rolled_back();
                if !db.is_autocommit() && db.execute_batch("ROLLBACK").is_err() {
                    tracing::error!(code = "rollback", "the writer stops");
                    return;
                }
                Err(())
            }
        };
        metrics::histogram!("vw_store_group_jobs").record(count(answers.len()));
        for answer in answers {
            answer(durable);
        }
    }
}

/// Runs the first job and all that wait behind it in one transaction.
fn group(
    db: &Connection,
    log: &mut Embedded,
    first: Job,
    jobs: &Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<()> {
    if let Err(error) = db.execute_batch("BEGIN IMMEDIATE") {
        answers.push(first(None));
        return Err(error.into());
    }
    let mut next = Some(first);
    while let Some(job) = next {
        answers.push(job(Some(&mut Tx { db, log })));
        if db.is_autocommit() {
            // a full disk can end the whole transaction under a statement
            return Err(Error::Unavailable);
        }
        next = if answers.len() < GROUP_JOBS {
            jobs.try_recv().ok()
        } else {
            None
        };
    }
    log.flush(db)?;
    db.execute_batch("COMMIT")?;
    Ok(())
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// About 50 ms of jobs; a lone job never waits for others.
const GROUP_JOBS: usize = 500;
