// SPDX-License-Identifier: Apache-2.0
//! Clear value → surrogate, and back.
//!
//! All occurrences of one request are sealed as one batch: one round trip to the
//! vault, whatever the count (a second one where filters and keys are looked up by
//! spelling, or where surrogates came back; one for tokens that came back in texts).
//!
//! Two kinds of surrogate are spelt as one word (see `vault::word`): a token,
//! whose value lies in the vault, and an encrypted word, which holds its value
//! itself. Both may wear the shape of an e-mail address or a URL (see `dress`). A token may also be a date or a
//! telephone number of a reserved range (see `spelling`), and a number can hold its value
//! itself as well (see `preserve`). What else can stand in a value's place, a mask, a hash or what is
//! kept of it, opens to nothing.
//!
//! Invariants:
//! - A surrogate opens for its tenant and category only. Neither kind names its
//!   category, so whoever opens one must say which category the place is of
//!   ([`Protectors::open`]): a surrogate that was moved does not open there.
//! - What leaves as a token is durable in the vault, filters included.
//! - A mask that comes back is never stored in the place of the value it hides.

mod alarm;
mod alike;
mod came_back;
mod check;
mod dress;
mod fit;
mod generalize;
mod hash;
mod hold;
mod mask;
mod open;
mod plan;
mod preserve;
pub mod scan;
mod seal;
mod search;
mod spelling;
mod surrogate;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

pub use fit::{longest_value_that_fits, surrogate_length};
pub use generalize::{generalize, is_kept};
pub use hold::Written;
pub use mask::{MARKER, is_mask, mask};
pub use open::OpenedSurrogates;
pub use seal::{Keeper, Sealed, SealedState, ToSeal};
pub use surrogate::{FoundSurrogate, Sought, Surrogate};

use crate::base::{Cleartext, Jurisdiction, Tenant};
use crate::keys::{Ff1, Keyset, Mac, Siv, Versions};
use crate::telemetry::Metrics;
use crate::vault::{Vault, VaultError};

/// The surrogates of one request, with what its caller sent in their place: an
/// error message that repeats them may be opened for this caller.
pub type Echoes = HashMap<Surrogate, Cleartext>;

/// Seals and opens values for one tenant.
#[derive(Clone, Debug)]
pub struct Protectors {
    vault: Vault,
    siv: Versions<Siv>,
    ff1: Option<Versions<Ff1>>,
    token_macs: Versions<Mac>,
    tenant: Tenant,
    /// The domain of surrogates in the shape of an e-mail address, in lower case.
    email_domain: Arc<str>,
    /// Made when a text is scanned for the first time.
    scanner: Arc<LazyLock<scan::Scanner>>,
    /// Where alarms are counted, if anywhere.
    metrics: Option<Arc<Metrics>>,
}

impl Protectors {
    /// `vault` must be of the same keyset. `email_domain` is a domain that the
    /// operator owns, without `@`.
    pub fn new(vault: Vault, keyset: &Keyset, email_domain: &str) -> Self {
        Self {
            vault,
            siv: keyset.siv.clone(),
            ff1: keyset.ff1.clone(),
            token_macs: keyset.token_mac.clone(),
            tenant: keyset.tenant.clone(),
            email_domain: email_domain.to_ascii_lowercase().into(),
            scanner: Arc::new(LazyLock::new(scan::Scanner::new)),
            metrics: None,
        }
    }

    /// Everything in `text` that has the form of a surrogate, in order. What does not prove
    /// to be [ours](FoundSurrogate::is_ours) is an ordinary value.
    pub fn find(&self, text: &str, sought: Sought) -> Vec<FoundSurrogate> {
        surrogate::find(text, &self.email_domain, sought)
    }

    /// The jurisdictions that have a keyset of their own, in order.
    pub fn jurisdictions(&self) -> impl Iterator<Item = &Jurisdiction> {
        self.vault.jurisdictions()
    }

    /// Whether new values can be protected now.
    pub async fn health(&self) -> Result<(), ProtectError> {
        Ok(self.vault.health().await?)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ProtectError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The value of this field cannot be protected as the policy asks.
    #[error("the value of protected field `{field}` cannot be taken: {because}")]
    Unprotectable { field: String, because: String },
    /// A value that we masked on the way out came back.
    #[error("field `{field}` holds a masked value, which cannot stand for the original")]
    Masked { field: String },
    /// The place takes one value, but several stored spellings match.
    #[error(
        "several stored spellings of the value of `{field}` match, and this place can name only one"
    )]
    Ambiguous { field: String },
    /// The place takes one value, but more than one key may have sealed what is stored.
    #[error(
        "the key that seals `{field}` was rotated, and this place can name only one surrogate; \
         a filter works, and this does when older keys are destroyed"
    )]
    Rotated { field: String },
    /// Whether the CRM takes a stored value for the same is not known.
    #[error(
        "values are stored that differ from that of `{field}` in accents or the like only, and the CRM may take them for the same or not"
    )]
    Doubtful { field: String },
    /// A search for a part of values cannot be answered.
    #[error("what is searched for in `{field}` cannot be: {because}")]
    Unsearchable { field: String, because: String },
    /// A filter would stand for more values than is sensible to ask for.
    #[error(
        "too many spellings of the value of `{field}` are stored to compare it with all of them, \
         or too many people have it (`scope: subject`)"
    )]
    TooManySpellings { field: String },
    /// Tokens of long values are sent back for others than those who hold them.
    #[error(
        "the tokens that are sent back stand for too much that is to be kept for others, as that \
         of `{field}`; send fewer records at a time"
    )]
    TooMuch { field: String },
}
