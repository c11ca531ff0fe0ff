// SPDX-License-Identifier: Apache-2.0

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use smol_str::SmolStr;

use crate::crm::Memo;

/// How many memos are kept, and how many bytes they may have in all; the oldest makes room.
const MAX_MEMOS: usize = 10_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of one: the names of all fields that an object may have are shorter.
const MAX_TEXT: usize = 64 * 1024;

/// What callers said of things that later requests are about. It is lost with the
/// process, so nothing may depend on it but what can be refused without it.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    memos: HashMap<Key, SmolStr>,
    order: VecDeque<Key>,
    bytes: usize,
}

/// The dialect, whose CRM may have several hosts, and what is told of.
type Key = (&'static str, SmolStr);

impl Memory {
    /// Two words on one thing are none: the CRM has given its name twice. Neither is one
    /// that is too long to be kept.
    pub fn keep(&self, dialect: &'static str, mut memo: Memo) {
        if memo.text.len() > MAX_TEXT {
            memo.text = SmolStr::default();
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        let key = (dialect, memo.about);
        match kept.memos.get_mut(&key) {
            Some(known) if *known != memo.text => {
                kept.bytes -= known.len();
                *known = SmolStr::default();
            }
            Some(_) => {}
            None => {
                kept.bytes += memo.text.len();
                kept.memos.insert(key.clone(), memo.text);
                kept.order.push_back(key);
            }
        }
        while (kept.order.len() > MAX_MEMOS || kept.bytes > MAX_BYTES)
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.bytes -= kept.memos.remove(&oldest).map_or(0, |text| text.len());
        }
    }

    pub fn recall(&self, dialect: &'static str, about: &SmolStr) -> Option<SmolStr> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.memos.get(&(dialect, about.clone())).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, MAX_MEMOS, MAX_TEXT, Memory};
    use crate::crm::Memo;

    #[test]
    fn what_was_said_is_known_by_dialect_until_there_is_too_much_of_it() {
        let memory = Memory::default();
        let memo = |number: usize| Memo { about: number.to_string().into(), text: "x".into() };
        memory.keep("a", memo(0));
        memory.keep("a", memo(0));
        assert_eq!(memory.recall("a", &"0".into()), Some("x".into()));
        assert_eq!(memory.recall("b", &"0".into()), None);
        memory.keep("c", memo(0));
        memory.keep("c", Memo { about: "0".into(), text: "y".into() });
        memory.keep("c", memo(0));
        assert_eq!(memory.recall("c", &"0".into()), Some("".into()), "nobody knows");
        let long = "x".repeat(MAX_TEXT + 1).into();
        memory.keep("d", Memo { about: "0".into(), text: long });
        assert_eq!(memory.recall("d", &"0".into()), Some("".into()));
        (1..=MAX_MEMOS).for_each(|number| memory.keep("a", memo(number)));
        assert_eq!(memory.recall("a", &"0".into()), None);
        assert_eq!(memory.recall("a", &"1".into()), Some("x".into()));

        let memory = Memory::default();
        let fitting = MAX_BYTES / MAX_TEXT;
        for number in 0..=fitting {
            let text = "x".repeat(MAX_TEXT).into();
            memory.keep("a", Memo { about: number.to_string().into(), text });
        }
        assert_eq!(memory.recall("a", &"0".into()), None);
        assert!(memory.recall("a", &"1".into()).is_some());
    }
}
