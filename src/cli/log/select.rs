// SPDX-License-Identifier: Apache-2.0

use std::collections::HashSet;

use clap::{Args, ValueEnum};

use crate::base::{Date, EntryId, PrincipalName, SubjectId, Timestamp, UpstreamName, read_hex};
use crate::transfer_log::Entry;

/// Which entries are wanted; all, if nothing is said.
#[derive(Clone, Debug, Default, Args)]
pub struct Select {
    /// Entries about a data subject: its pseudonym in the log, 32 hexadecimal digits; give
    /// it again for further ones, which `zollhaus consent list` shows
    #[arg(long = "subject", value_name = "PSEUDONYM", value_parser = subject)]
    subjects: Vec<SubjectId>,
    /// Entries of a caller, with the outcomes of its transfers
    #[arg(long, value_name = "NAME", value_parser = |name: &str| Ok::<_, String>(PrincipalName::new(name)))]
    caller: Option<PrincipalName>,
    /// Entries of an upstream, with the outcomes of transfers to it
    #[arg(long, value_name = "NAME", value_parser = |name: &str| Ok::<_, String>(UpstreamName::new(name)))]
    upstream: Option<UpstreamName>,
    /// Entries from a time on: `2026-11-24` or `2026-11-24T09:00:00Z`, in UTC
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Entries of a kind; give it again for more than one
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<Kind>,
    /// Transfers that were wanted and whose outcome has not come yet.
    #[arg(skip)]
    open: HashSet<EntryId>,
    /// The wanted transfer whose outcome was seen last: the next entry may say more of it.
    #[arg(skip)]
    ended: Option<EntryId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    Transfer,
    Outcome,
    Refused,
    KeyChange,
}

impl Select {
    pub fn is_everything(&self) -> bool {
        self.kinds.is_empty() && self.since.is_none() && !self.is_about_someone()
    }

    /// Whether an entry is wanted. Entries are shown to it in order.
    pub fn wants(&mut self, entry: &Entry) -> bool {
        let (kind, is_of_them) = match entry {
            Entry::Transfer(transfer) => {
                let is_of_them = self.is_of(Some(&transfer.caller), Some(&transfer.upstream))
                    && self.is_about(&transfer.subjects);
                if is_of_them && self.is_about_someone() {
                    self.open.insert(transfer.id);
                }
                (Kind::Transfer, is_of_them)
            }
            Entry::Outcome(outcome) => {
                if self.open.remove(&outcome.id) {
                    self.ended = Some(outcome.id);
                }
                let is_theirs = self.ended == Some(outcome.id);
                let is_about = self.is_of(None, None) && self.is_about(&outcome.subjects);
                (Kind::Outcome, is_theirs || is_about)
            }
            Entry::Refused(refused) => {
                let is_of_them = self.is_of(Some(&refused.caller), refused.upstream.as_ref());
                (Kind::Refused, is_of_them && self.is_about(&refused.subjects))
            }
            Entry::KeyChange(_) => (Kind::KeyChange, !self.is_about_someone()),
        };
        is_of_them
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.since.is_none_or(|since| entry.time() >= since)
    }

    fn is_about_someone(&self) -> bool {
        !self.subjects.is_empty() || self.caller.is_some() || self.upstream.is_some()
    }

    fn is_of(&self, caller: Option<&PrincipalName>, upstream: Option<&UpstreamName>) -> bool {
        let is_by_caller = self.caller.as_ref().is_none_or(|wanted| caller == Some(wanted));
        is_by_caller && self.upstream.as_ref().is_none_or(|wanted| upstream == Some(wanted))
    }

    fn is_about(&self, subjects: &[SubjectId]) -> bool {
        self.subjects.is_empty() || self.subjects.iter().any(|wanted| subjects.contains(wanted))
    }
}

pub fn subject(text: &str) -> Result<SubjectId, String> {
    hex(text).map(SubjectId)
}

pub fn entry_id(text: &str) -> Result<EntryId, String> {
    hex(text).map(EntryId)
}

fn hex(text: &str) -> Result<[u8; 16], String> {
    read_hex::<16, serde_json::Error>(text).map_err(|_| "not 32 hexadecimal digits".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    let midnight = |date: Date| Timestamp::from_rfc3339(&format!("{date}T00:00:00Z"));
    let time = Timestamp::from_rfc3339(text).or_else(|| midnight(text.parse().ok()?));
    time.ok_or_else(|| "not a time such as `2026-11-24` or `2026-11-24T09:00:00Z`".to_owned())
}
