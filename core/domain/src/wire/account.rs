//! Lists that the cloud answers with.

use super::{DeviceStatement, GrantForGrantee};
use serde::{Deserialize, Serialize};

/// `GET /v1/devices`: the account's devices that are not revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// In the order they were added.
    pub devices: Vec<DeviceStatement>,
}

/// `GET /v1/grants`: all grants to the caller's organisation, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Live, expired and revoked ones.
    pub grants: Vec<GrantForGrantee>,
}
