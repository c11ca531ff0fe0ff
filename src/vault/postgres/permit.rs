// SPDX-License-Identifier: Apache-2.0
//! Who may write, beside whom, and under which version of the vault's key.

use super::work::Refused;
use crate::keys::Version;
use crate::postgres::{Failure, Link, Query, Work};

macro_rules! begin {
    ($lock:expr) => {
        concat!("BEGIN ISOLATION LEVEL READ COMMITTED; ", $lock)
    };
}

macro_rules! beside_others {
    () => {
        "LOCK TABLE search_index IN ROW EXCLUSIVE MODE"
    };
}

macro_rules! alone {
    () => {
        "LOCK TABLE search_index IN EXCLUSIVE MODE"
    };
}

/// Whoever writes holds this, and who has to be alone waits for them: the beginning of a build,
/// so that a row that is written while an index is built is indexed for it, or leaves it
/// incomplete; and the first under a newer version, so that nothing under an older one comes
/// after it. Statements behind it see what was committed before.
pub(super) const BEGIN_WRITE: &str = begin!(beside_others!());

pub(super) const BEGIN_ALONE: &str = begin!(alone!());

pub(super) const ALONE: &str = alone!();

/// Ends the transaction with one of the states below, where it may not write under the oldest
/// of some versions up to the newest of them.
pub(super) const PERMIT: &str = "SELECT permit($1, $2, $3)";

/// The same of the keysets of jurisdictions.
pub(super) const PERMIT_REALMS: &str = "SELECT permit_realms($1, $2, $3, $4)";

/// Something was stored under a newer version, which is the message.
pub(super) const NEWER: &str = "ZH001";
/// The first under a version: whoever writes it has to be alone.
pub(super) const FIRST: &str = "ZH002";

/// Something was stored under a newer version of the keyset of a jurisdiction; both are the
/// message.
pub(super) const NEWER_OF: &str = "ZH004";

/// A key is not there, or a row that is to be held.
pub(super) const CONFLICT: &str = "ZH003";

/// For what is written beside the vault: whether it may be, in this transaction, under a
/// version of the vault's key; else under which newer one something was stored.
pub(crate) async fn permit(link: &Link, version: Version) -> Result<Result<(), Version>, Failure> {
    link.batch_execute(beside_others!()).await?;
    match Query(PERMIT, &[&i64::from(version), &0_i64, &false]).run(link).await {
        Ok(_) => Ok(Ok(())),
        Err(Failure::Server(error)) => match Refused::read(&error) {
            Some(Refused::Newer(newer)) => Ok(Err(newer)),
            Some(Refused::NewerOf(..) | Refused::First | Refused::Conflict) | None => {
                Err(error.into())
            }
        },
        Err(damaged @ Failure::Corrupt(_)) => Err(damaged),
    }
}
