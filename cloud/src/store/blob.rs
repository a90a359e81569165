//! Sealed batches as files: a byte is acknowledged after its file and folder are on disk.
//!
//! `uploads/<batch>-<revision>` grows part by part; complete and checked it moves to
//! `objects/<first byte>/<batch>-<revision>`.

use crate::{Error, Refusal, Result};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use vitalwitness_domain::wire::{Hash32, Id16};

/// The files of a data folder.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    uploads: PathBuf,
    objects: PathBuf,
}

impl Blobs {
    /// Makes the folders if they are not there.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let blobs = Self {
            uploads: data.join("uploads"),
            objects: data.join("objects"),
        };
        make_folder(&blobs.uploads)?;
        make_folder(&blobs.objects)?;
        sync_folder(data)?;
        Ok(blobs)
    }

    /// Writes a part at its place; durable when this returns.
    pub(crate) fn put_part(
        &self,
        batch: Id16,
        revision: u32,
        offset: u64,
        bytes: &[u8],
    ) -> Result<()> {
        let path = self.uploads.join(name(batch, revision));
        let existed = path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open an upload"))?;
        file.write_all_at(bytes, offset)
            .map_err(Error::io("write an upload"))?;
        file.sync_data().map_err(Error::io("sync an upload"))?;
        if !existed {
            sync_folder(&self.uploads)?;
        }
        Ok(())
    }

    /// Checks a complete upload and moves it to its place; durable when this returns.
    ///
    /// Asked again after a crash in between, it finds the bytes in their place.
    pub(crate) fn finish(
        &self,
        batch: Id16,
        revision: u32,
        bytes: u64,
        digest: Hash32,
    ) -> Result<()> {
        let upload = self.uploads.join(name(batch, revision));
        let object = self.object(batch, revision);
        let here = if upload.exists() { &upload } else { &object };
        if here == &upload {
            cut(&upload, bytes)?;
        }
        if !has_digest(here, bytes, digest)? {
            return Err(Refusal::digest().into());
        }
        if here == &upload {
            let folder = object.parent().unwrap_or(&self.objects);
            if !folder.exists() {
                make_folder(folder)?;
                sync_folder(&self.objects)?;
            }
            std::fs::rename(&upload, &object).map_err(Error::io("place an object"))?;
            sync_folder(folder)?;
        }
        Ok(())
    }

    /// Opens a stored object for reading: the file and its length.
    pub(crate) fn read(&self, batch: Id16, revision: u32, from: u64, to: u64) -> Result<Vec<u8>> {
        let mut file =
            File::open(self.object(batch, revision)).map_err(Error::io("open an object"))?;
        file.seek(SeekFrom::Start(from))
            .map_err(Error::io("read an object"))?;
        let length = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)
            .map_err(Error::io("read an object"))?;
        Ok(bytes)
    }

    /// Deletes an object or upload; absent is fine.
    pub(crate) fn delete(&self, batch: Id16, revision: u32) -> Result<()> {
        for path in [
            self.object(batch, revision),
            self.uploads.join(name(batch, revision)),
        ] {
            match std::fs::remove_file(&path) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("delete an object")(cause));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Deletes what `keep` does not know: left by a crash between a row and its file.
    pub(crate) fn sweep(&self, keep: impl Fn(Id16, u32) -> Result<bool>) -> Result<u64> {
        let mut deleted = 0;
        let mut folders = vec![self.uploads.clone()];
        for folder in entries(&self.objects)? {
            folders.push(folder);
        }
        for path in folders
            .iter()
            .map(|folder| entries(folder))
            .collect::<Result<Vec<_>>>()?
            .concat()
        {
            let Some((batch, revision)) = parse_name(&path) else {
                continue;
            };
            if !keep(batch, revision)? {
                std::fs::remove_file(&path).map_err(Error::io("sweep an object"))?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    fn object(&self, batch: Id16, revision: u32) -> PathBuf {
        self.objects
            .join(hex::encode(&batch.0[..1]))
            .join(name(batch, revision))
    }
}

fn name(batch: Id16, revision: u32) -> String {
    format!("{batch}-{revision}")
}

fn parse_name(path: &Path) -> Option<(Id16, u32)> {
    let (batch, revision) = path.file_name()?.to_str()?.split_once('-')?;
    Some((batch.parse().ok()?, revision.parse().ok()?))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)
        .map_err(Error::io("list a folder"))?
        .map(|entry| {
            entry
                .map(|entry| entry.path())
                .map_err(Error::io("list a folder"))
        })
        .collect()
}

fn has_digest(path: &Path, bytes: u64, digest: Hash32) -> Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(Error::io("open an upload")(cause)),
    };
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 65_536];
    let mut total = 0_u64;
    loop {
        let count = file
            .read(&mut buffer)
            .map_err(Error::io("read an upload"))?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else {
            break;
        };
        context.update(read);
        total = total.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(total == bytes && context.finish().as_ref() == digest.0)
}

/// Drops what an earlier announcement of the same name left behind the end.
fn cut(path: &Path, bytes: u64) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(Error::io("open an upload"))?;
    let metadata = file.metadata().map_err(Error::io("measure an upload"))?;
    if metadata.len() > bytes {
        file.set_len(bytes).map_err(Error::io("cut an upload"))?;
        file.sync_all().map_err(Error::io("cut an upload"))?;
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io("make a folder"))
}

/// Makes renames and new names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io("sync a folder"))
}
