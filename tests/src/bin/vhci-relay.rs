//! Joins the kernel's virtual controller (`/dev/vhci`) to the emulated air, inside the guest.
//!
//! usage: `vhci-relay DEVICE`, a serial port that carries H4.
#![allow(clippy::print_stderr, reason = "a program of the guest tells its log")]

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::process::ExitCode;
use std::thread;
use vitalwitness_tests::bluetooth::h4::Packets;

fn main() -> ExitCode {
    let Some(device) = std::env::args().nth(1) else {
        eprintln!("usage: vhci-relay DEVICE");
        return ExitCode::from(2);
    };
    match relay(&device) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vhci-relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn relay(device: &str) -> Result<()> {
    let both = |path: &str| OpenOptions::new().read(true).write(true).open(path);
    let (mut air, mut kernel) = (both(device)?, both("/dev/vhci")?);
    let (to_air, from_kernel) = (air.try_clone()?, kernel.try_clone()?);
    kernel.write_all(&[VENDOR, 0])?; // makes a primary controller
    thread::spawn(move || {
        if let Err(error) = kernel_to_air(from_kernel, to_air) {
            eprintln!("vhci-relay: to the air: {error}");
        }
    });
    let mut packets = Packets::default();
    let mut bytes = [0; 4096];
    loop {
        let count = air.read(&mut bytes)?;
        if count == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the air is gone"));
        }
        packets.feed(&bytes[..count]);
        while let Some(packet) = packets.next_packet().map_err(Error::other)? {
            kernel.write_all(&packet)?;
        }
    }
}

fn kernel_to_air(mut kernel: File, mut air: File) -> Result<()> {
    let mut packet = [0; 4096];
    loop {
        let count = kernel.read(&mut packet)?;
        if count > 0 && packet[0] != VENDOR {
            air.write_all(&packet[..count])?;
        }
    }
}

/// vhci's own packets: not for the air.
const VENDOR: u8 = 0xff;
