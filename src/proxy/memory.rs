// SPDX-License-Identifier: Apache-2.0

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use smol_str::SmolStr;

use crate::base::UpstreamName;
use crate::crm::Memo;

/// How many memos are kept; the oldest makes room.
const MAX_MEMOS: usize = 10_000;

/// What callers said of things that later requests are about. It is lost with the
/// process, so nothing may depend on it but what can be refused without it.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    memos: HashMap<(UpstreamName, SmolStr), SmolStr>,
    order: VecDeque<(UpstreamName, SmolStr)>,
}

impl Memory {
    /// Two words on one thing are none: the CRM has given its name twice.
    pub fn keep(&self, upstream: &UpstreamName, memo: Memo) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (upstream.clone(), memo.about);
        match kept.memos.get_mut(&key) {
            Some(known) if *known != memo.text => *known = SmolStr::default(),
            Some(_) => {}
            None => {
                kept.memos.insert(key.clone(), memo.text);
                kept.order.push_back(key);
            }
        }
        if kept.order.len() > MAX_MEMOS
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.memos.remove(&oldest);
        }
    }

    pub fn recall(&self, upstream: &UpstreamName, about: &SmolStr) -> Option<SmolStr> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.memos.get(&(upstream.clone(), about.clone())).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_MEMOS, Memory};
    use crate::crm::Memo;

    #[test]
    fn what_was_said_is_known_by_upstream_until_there_is_too_much_of_it() {
        let memory = Memory::default();
        let memo = |number: usize| Memo { about: number.to_string().into(), text: "x".into() };
        memory.keep(&"a".into(), memo(0));
        memory.keep(&"a".into(), memo(0));
        assert_eq!(memory.recall(&"a".into(), &"0".into()), Some("x".into()));
        assert_eq!(memory.recall(&"b".into(), &"0".into()), None);
        memory.keep(&"c".into(), memo(0));
        memory.keep(&"c".into(), Memo { about: "0".into(), text: "y".into() });
        memory.keep(&"c".into(), memo(0));
        assert_eq!(memory.recall(&"c".into(), &"0".into()), Some("".into()), "nobody knows");
        (1..=MAX_MEMOS).for_each(|number| memory.keep(&"a".into(), memo(number)));
        assert_eq!(memory.recall(&"a".into(), &"0".into()), None);
        assert_eq!(memory.recall(&"a".into(), &"1".into()), Some("x".into()));
    }
}
