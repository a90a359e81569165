//! `devices scan | pair | list | forget | stream` on a computer without an adapter: every end has a
//! sentence, a code and an exit code.

use crate::home::{Home, is_refused};
use crate::program::{Ran, run_with};

/// There is no system bus at this address, so no adapter, whatever the computer has.
fn without_adapter(home: &Home, args: &[&str]) -> Ran {
    let vault = home.path("me");
    let variables = [
        ("VW_VAULT", vault.as_str()),
        ("VW_PASSPHRASE", "correct horse"),
        ("VW_TEST_ARGON", "least"),
        ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere"),
    ];
    run_with(args, &variables, &[])
}

#[test]
#[cfg(target_os = "linux")]
fn a_computer_without_an_adapter_is_told_so() {
    let home = Home::made();
    is_refused(
        &without_adapter(&home, &["devices", "scan"]),
        6,
        "radio_off",
    );
    let pair = ["devices", "pair", "HR Strap", "--wearer", "Ada"];
    is_refused(&without_adapter(&home, &pair), 6, "radio_off");
}

#[test]
fn a_device_is_not_paired_without_a_wearer_nor_read_before_it_is_paired() {
    let home = Home::made();
    let pair = without_adapter(&home, &["devices", "pair", "HR Strap"]);
    is_refused(&pair, 2, "wearer_not_confirmed");
    for command in ["stream", "forget"] {
        let ran = without_adapter(&home, &["devices", command, "HR Strap"]);
        is_refused(&ran, 2, "no_such_device");
    }
    let listed = without_adapter(&home, &["devices", "list"]);
    assert_eq!(listed.exit, 0);
    assert!(listed.out.contains("devices scan"), "{listed:?}");
    let listed = without_adapter(&home, &["devices", "list", "--json"]);
    assert_eq!(listed.out.trim(), "[]");
}
