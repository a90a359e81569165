//! What ended devices can read of the bag, and which stream keys are closed for it.
//!
//! A device that ends knows the vault secrets until then, and with the cloud's help all that is in
//! the bag under them: also what another device puts there that has not heard of its end, and what
//! this phone pulls later. So from its end on no stream key counts as open that came in the bag
//! under a vault secret from before the first one that cuts it off. That is one that is not sealed
//! to it, was not passed over and was made by a device that has not ended. One of this phone's own
//! cuts off from when it is made, and no more once it will never be in the cloud: the one that
//! takes its place does.

use super::Device;
use super::opening::newest_told;
use crate::Error;
use crate::account::VaultSecret;
use crate::bag::BagSecret;
use crate::header::bool_of;
use crate::keys::key_id;
use crate::store::{DAMAGED, Kind, StoreError, Tx};
use crate::streams::StreamKey;
use crate::sync::link;
use crate::tasks::Task;
use crate::vault::Core;
use vitalwitness_domain::record::Id;
use vitalwitness_domain::wire::{Id16, Recovery};
use vitalwitness_proof::cbor::Encoder;

/// Whether an ended device can open what is in the bag under the vault secret of `generation`, as
/// far as is known here; nothing is sealed under a stream key that is.
pub(crate) fn is_shared_with_ended(generation: u32, tx: &Tx<'_>) -> Result<bool, StoreError> {
    Ok(generation < first_unshared(tx)? || VaultSecret::is_passed_over(generation, tx)?)
}

/// The first vault secret that no ended device has; 0: none has ended.
fn first_unshared(tx: &Tx<'_>) -> Result<u32, StoreError> {
    let kept = link::get(FIRST, tx, |reader| crate::header::small(reader.uint()?))?;
    Ok(kept.unwrap_or(0))
}

/// What cut a device off.
struct Cut {
    generation: u32,
    /// The cloud has that vault secret; until then what is put into the bag is under an older one.
    in_cloud: bool,
}

impl Cut {
    fn of(device: &Id, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        link::get(&cut_name(device), tx, |reader| {
            reader.array_of(2)?;
            Ok(Self {
                generation: crate::header::small(reader.uint()?)?,
                in_cloud: bool_of(reader)?,
            })
        })
    }

    fn save(&self, device: &Id, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.uint(u64::from(self.generation.max(first_unshared(tx)?)));
        link::put(FIRST, out, tx)?;
        let mut out = Encoder::new();
        out.array(2).uint(u64::from(self.generation));
        out.bool(self.in_cloud);
        link::put(&cut_name(device), out, tx)
    }
}

/// Notes that `device` has ended and that the vault secret of `generation`, which is on its way to
/// the cloud, is not sealed to it.
pub(super) fn cut_off(device: &Id, generation: u32, tx: &Tx<'_>) -> Result<(), StoreError> {
    let in_cloud = false;
    Cut {
        generation,
        in_cloud,
    }
    .save(device, tx)
}

/// Who was cut off by a vault secret that does not count is by the one of `generation`, which
/// takes its place; every stream key there is closes then. Whether there was one.
pub(super) fn cut_off_instead(
    is_void: impl Fn(u32) -> bool,
    generation: u32,
    tx: &Tx<'_>,
) -> Result<bool, StoreError> {
    let mut moved = false;
    for device in Device::all(tx)? {
        if Cut::of(&device.id, tx)?.is_some_and(|cut| is_void(cut.generation)) {
            cut_off(&device.id, generation, tx)?;
            moved = true;
        }
    }
    if moved {
        for item in tx.all(Kind::Stream)? {
            let key = StreamKey::parse(&item.plain).map_err(|_| DAMAGED)?;
            tx.set_item_state(Kind::Stream, &key.id, 1)?;
        }
    }
    Ok(moved)
}

/// Generations came between what was known of the newest vault secret and what is now: by whom
/// they are was not seen, so what is under them may be shared. Who was cut off is so by the newest.
pub(super) fn cut_off_anew(tx: &Tx<'_>) -> Result<(), StoreError> {
    for device in Device::all(tx)? {
        if Cut::of(&device.id, tx)?.is_some_and(|cut| cut.in_cloud) {
            tx.remove(Kind::Meta, &cut_name(&device.id))?;
        }
    }
    Ok(())
}

impl Core {
    /// Closes every stream key that devices could read which the log says have ended, once the
    /// cloud has a vault secret that cuts them off.
    pub(crate) fn cut_off_ended(&mut self) -> Result<(), Error> {
        let reader = self.store.reader();
        let Some(newest) = newest_told(&reader)? else {
            return Ok(());
        };
        let generation = newest.recovery.generation;
        let mut ended = Device::all(&reader)?;
        ended.retain(Device::is_out);
        let is_by_ended = |by: Id16| ended.iter().any(|device| device.id == by.0);
        if newest.device.is_some_and(is_by_ended)
            || VaultSecret::is_passed_over(generation, &reader)?
        {
            return Ok(());
        }
        let (mut cut, mut again) = (Vec::new(), Vec::new());
        // a key that is not in the bag yet goes there under the newest
        let mut unsent = unsent_streams(&reader)?;
        for device in &ended {
            let is_sealed = is_sealed_to(&device.dek, &newest.recovery);
            match Cut::of(&device.id, &reader)? {
                Some(by) if is_sealed && by.in_cloud && by.generation < generation => {
                    again.push(device.id);
                }
                Some(by) if by.in_cloud || generation < by.generation => {}
                by if !is_sealed => {
                    if by.is_none() {
                        unsent.clear();
                    }
                    cut.push(device.id);
                }
                _ => {}
            }
        }
        if cut.is_empty() && again.is_empty() {
            return Ok(());
        }
        let all = self.streams.all();
        let open = all.filter(|(key, closed)| !closed && !unsent.contains(&key.id));
        let mut open: Vec<Id> = open.map(|(key, _)| key.id).collect();
        if cut.is_empty() {
            open.clear();
        }
        self.store.write(|tx| {
            for device in &again {
                tx.remove(Kind::Meta, &cut_name(device))?;
            }
            let in_cloud = true;
            let by = Cut {
                generation,
                in_cloud,
            };
            cut.iter().try_for_each(|device| by.save(device, tx))?;
            let mut open = open.iter();
            open.try_for_each(|id| tx.set_item_state(Kind::Stream, id, 1))
        })?;
        for id in &open {
            self.streams.close(id);
        }
        Ok(())
    }
}

/// Stream keys that wait to be put into the bag.
fn unsent_streams(tx: &Tx<'_>) -> Result<Vec<Id>, StoreError> {
    let mut unsent = Vec::new();
    for aside in [false, true] {
        for queued in tx.queued(aside)? {
            if let Ok(Task::Bag { item }) = Task::decode(&queued.plain)
                && let Some(BagSecret::Stream { id, .. }) = BagSecret::get(&item, tx)?
            {
                unsent.push(id);
            }
        }
    }
    Ok(unsent)
}

fn is_sealed_to(dek: &[u8], recovery: &Recovery) -> bool {
    let to = Id16(key_id(dek));
    recovery.sealed.iter().any(|sealed| sealed.to == to)
}

/// Not that of an earlier version, which did not say by which vault secret.
fn cut_name(device: &Id) -> Vec<u8> {
    [b"cut off by".as_slice(), device].concat()
}

const FIRST: &[u8] = b"first unshared secret";
