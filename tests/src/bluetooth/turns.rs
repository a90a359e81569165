//! The radio shared by several sessions: one of them at a time looks, connects or bonds.
//!
//! A controller of this age makes one link at a time and does not look meanwhile; two that ask at
//! once are refused for it.

use tokio::sync::{Mutex, MutexGuard};
use vitalwitness_vault::ble::desktop::DesktopRadio;
use vitalwitness_vault::ble::{Characteristic, Link, Pending, Radio};

/// A radio and whose turn it is.
#[derive(Debug)]
pub struct Turns {
    radio: DesktopRadio,
    turn: Mutex<()>,
}

impl Turns {
    /// Nobody's turn yet.
    pub fn of(radio: DesktopRadio) -> Self {
        Self {
            radio,
            turn: Mutex::new(()),
        }
    }

    /// The turn, until it is dropped.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

impl Radio for Turns {
    /// For who has the turn.
    fn scan(&self, services: Vec<u16>) -> Pending<'_, ()> {
        self.radio.scan(services)
    }

    fn stop_scan(&self) -> Pending<'_, ()> {
        self.radio.stop_scan()
    }

    fn connect(&self, peripheral: String) -> Pending<'_, Link> {
        Box::pin(async move {
            let _turn = self.turn().await;
            self.radio.connect(peripheral).await
        })
    }

    fn bond(&self, peripheral: String) -> Pending<'_, ()> {
        Box::pin(async move {
            let _turn = self.turn().await;
            self.radio.bond(peripheral).await
        })
    }

    fn tells_bonds(&self) -> bool {
        self.radio.tells_bonds()
    }

    fn unbond(&self, peripheral: String) -> Pending<'_, ()> {
        self.radio.unbond(peripheral)
    }

    fn read(&self, peripheral: String, from: Characteristic) -> Pending<'_, Vec<u8>> {
        self.radio.read(peripheral, from)
    }

    fn write(&self, peripheral: String, to: Characteristic, bytes: Vec<u8>) -> Pending<'_, ()> {
        self.radio.write(peripheral, to, bytes)
    }

    fn subscribe(&self, peripheral: String, to: Characteristic) -> Pending<'_, ()> {
        self.radio.subscribe(peripheral, to)
    }

    fn disconnect(&self, peripheral: String) -> Pending<'_, ()> {
        self.radio.disconnect(peripheral)
    }
}
