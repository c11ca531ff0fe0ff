// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of a key among those of its purpose; the first is 1.
pub type Version = u32;

/// The keys of one purpose that are not destroyed: one that is in use, those before it, which
/// open and find what they have made, and one after it, if other processes may use that already.
#[derive(Clone)]
pub struct Versions<K> {
    active: (Version, K),
    /// The newest first.
    others: Vec<(Version, K)>,
}

impl<K> Versions<K> {
    /// The active one first, then the newer before the older; `None` without any.
    pub(super) fn new(keys: Vec<(Version, K)>) -> Option<Self> {
        let mut keys = keys.into_iter();
        Some(Self { active: keys.next()?, others: keys.collect() })
    }

    /// The key that makes what is new.
    pub fn active(&self) -> &K {
        &self.active.1
    }

    pub fn active_version(&self) -> Version {
        self.active.0
    }

    /// That of the active key, or of one that is prepared.
    pub fn newest_version(&self) -> Version {
        self.iter().map(|(version, _)| version).max().unwrap_or_default()
    }

    /// All of them, the active one first, then the newer before the older.
    pub fn iter(&self) -> impl Iterator<Item = (Version, &K)> {
        std::iter::once(&self.active).chain(&self.others).map(|(version, key)| (*version, key))
    }

    pub fn get(&self, version: Version) -> Option<&K> {
        self.iter().find(|(of, _)| *of == version).map(|(_, key)| key)
    }

    /// With a new key in use, and all others as before.
    #[cfg(test)]
    #[must_use]
    pub fn rotated(&self, key: K) -> Self
    where
        K: Clone,
    {
        let mut others = vec![self.active.clone()];
        others.extend(self.others.iter().cloned());
        Self { active: (self.active.0 + 1, key), others }
    }

    /// With a new key that is not in use yet.
    #[cfg(test)]
    #[must_use]
    pub fn prepared(&self, key: K) -> Self
    where
        K: Clone,
    {
        let mut prepared = self.clone();
        prepared.others.insert(0, (self.active.0 + 1, key));
        prepared
    }

    /// Without the keys that are no longer in use.
    #[cfg(test)]
    #[must_use]
    pub fn without_older(&self) -> Self
    where
        K: Clone,
    {
        Self { active: self.active.clone(), others: Vec::new() }
    }

    pub(super) fn try_map<T, E>(
        self,
        mut map: impl FnMut(K) -> Result<T, E>,
    ) -> Result<Versions<T>, E> {
        let mut mapped = |(version, key)| Ok((version, map(key)?));
        Ok(Versions {
            active: mapped(self.active)?,
            others: self.others.into_iter().map(mapped).collect::<Result<_, E>>()?,
        })
    }
}

impl<K> fmt::Debug for Versions<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(version, _)| version)).finish()
    }
}

/// The version that new things are made under: the active one, or one that is prepared as soon
/// as another process has begun to use it. Clones go on together.
#[derive(Clone, Debug)]
pub struct InUse {
    version: Arc<AtomicU32>,
    newest: Version,
}

impl InUse {
    pub fn of<K>(keys: &Versions<K>) -> Self {
        let version = Arc::new(AtomicU32::new(keys.active_version()));
        Self { version, newest: keys.newest_version() }
    }

    pub fn version(&self) -> Version {
        self.version.load(Ordering::Relaxed)
    }

    /// Goes on with a newer version, if it is prepared; or has gone on with it just now, for
    /// somebody else who was refused at the same moment.
    pub fn take_up(&self, newer: Version) -> bool {
        let is_prepared = newer <= self.newest;
        if is_prepared {
            self.version.fetch_max(newer, Ordering::Relaxed);
        }
        is_prepared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_active_and_all_are_found_by_number() {
        let of = |keys: &Versions<_>| keys.iter().map(|(version, _)| version).collect::<Vec<_>>();
        let keys = Versions::new(vec![(4, "four"), (3, "three"), (1, "one")]).unwrap();
        assert_eq!((keys.active_version(), *keys.active()), (4, "four"));
        assert_eq!((of(&keys), keys.newest_version()), (vec![4, 3, 1], 4));
        assert_eq!((keys.get(1), keys.get(2), keys.get(4)), (Some(&"one"), None, Some(&"four")));
        assert_eq!(format!("{keys:?}"), "[4, 3, 1]");
        let prepared = keys.prepared("five");
        assert_eq!((of(&prepared), prepared.newest_version()), (vec![4, 5, 3, 1], 5));
        assert_eq!((prepared.active_version(), *prepared.active()), (4, "four"));
        assert!(Versions::<()>::new(vec![]).is_none());
    }

    #[test]
    fn whoever_is_refused_with_others_goes_on_as_well() {
        let in_use = InUse { version: Arc::new(AtomicU32::new(1)), newest: 2 };
        assert!(in_use.take_up(2) && in_use.take_up(2));
        assert_eq!(in_use.version(), 2);
        assert!(!in_use.take_up(3), "it is not prepared here");
    }
}
