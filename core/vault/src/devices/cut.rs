//! What ended devices can read of the bag, and which stream keys are closed for it.
//!
//! A device that ends knows the vault secrets until then, and with the cloud's help all that is in
//! the bag under them: also what another device puts there that has not heard of its end, and what
//! this phone pulls later. So from its end on no stream key counts as open that came in the bag
//! under a vault secret from before the first one that was not sealed to it.

use super::Device;
use super::opening::newest_told;
use crate::Error;
use crate::keys::key_id;
use crate::store::{Kind, StoreError, Tx};
use crate::sync::link;
use crate::vault::Core;
use vitalwitness_domain::record::Id;
use vitalwitness_domain::wire::{Id16, Recovery};
use vitalwitness_proof::cbor::Encoder;

/// The first vault secret that no ended device has; 0: none has ended.
pub(crate) fn first_unshared(tx: &Tx<'_>) -> Result<u32, StoreError> {
    let kept = link::get(FIRST, tx, |reader| crate::header::small(reader.uint()?))?;
    Ok(kept.unwrap_or(0))
}

/// Notes that `device` has ended and that the vault secret of `generation` is not sealed to it.
pub(super) fn cut_off(device: &Id, generation: u32, tx: &Tx<'_>) -> Result<(), StoreError> {
    let mut out = Encoder::new();
    out.uint(u64::from(generation.max(first_unshared(tx)?)));
    link::put(FIRST, out, tx)?;
    link::put(&cut_name(device), Encoder::new(), tx)
}

impl Core {
    /// Closes every stream key that devices could read which the log says have ended, once there
    /// is a vault secret that is not sealed to them.
    pub(crate) fn cut_off_ended(&mut self) -> Result<(), Error> {
        let reader = self.store.reader();
        let Some(newest) = newest_told(&reader)? else {
            return Ok(());
        };
        let mut ended = Vec::new();
        for device in Device::all(&reader)? {
            let is_cut = reader.get(Kind::Meta, &cut_name(&device.id))?.is_some();
            if device.ended && !is_cut && !is_sealed_to(&device.dek, &newest.recovery) {
                ended.push(device.id);
            }
        }
        if ended.is_empty() {
            return Ok(());
        }
        let all = self.streams.all();
        let open: Vec<Id> = all.filter(|it| !it.1).map(|(key, _)| key.id).collect();
        self.store.write(|tx| {
            for device in &ended {
                cut_off(device, newest.recovery.generation, tx)?;
            }
            let mut open = open.iter();
            open.try_for_each(|id| tx.set_item_state(Kind::Stream, id, 1))
        })?;
        for id in &open {
            self.streams.close(id);
        }
        Ok(())
    }
}

fn is_sealed_to(dek: &[u8], recovery: &Recovery) -> bool {
    let to = Id16(key_id(dek));
    recovery.sealed.iter().any(|sealed| sealed.to == to)
}

fn cut_name(device: &Id) -> Vec<u8> {
    [b"cut off".as_slice(), device].concat()
}

const FIRST: &[u8] = b"first unshared secret";
