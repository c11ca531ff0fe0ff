// SPDX-License-Identifier: Apache-2.0

use std::fmt;

/// The number of a key among those of its purpose; the first is 1.
pub type Version = u32;

/// The keys of one purpose that are not destroyed: one that is in use, and those before it,
/// which open and find what they have made.
#[derive(Clone)]
pub struct Versions<K> {
    active: (Version, K),
    /// The newest first.
    older: Vec<(Version, K)>,
}

impl<K> Versions<K> {
    /// The last of them is the active one; `None` without any.
    pub(super) fn new(mut ascending: Vec<(Version, K)>) -> Option<Self> {
        let active = ascending.pop()?;
        ascending.reverse();
        Some(Self { active, older: ascending })
    }

    /// The key that makes what is new.
    pub fn active(&self) -> &K {
        &self.active.1
    }

    pub fn active_version(&self) -> Version {
        self.active.0
    }

    /// All of them, the active one first, then the newer before the older.
    pub fn iter(&self) -> impl Iterator<Item = (Version, &K)> {
        std::iter::once(&self.active).chain(&self.older).map(|(version, key)| (*version, key))
    }

    /// Those that are no longer in use, the newest first.
    pub fn older(&self) -> impl Iterator<Item = (Version, &K)> {
        self.older.iter().map(|(version, key)| (*version, key))
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
        let mut older = vec![self.active.clone()];
        older.extend(self.older.iter().cloned());
        Self { active: (self.active.0 + 1, key), older }
    }

    /// Without the keys that are no longer in use.
    #[cfg(test)]
    #[must_use]
    pub fn without_older(&self) -> Self
    where
        K: Clone,
    {
        Self { active: self.active.clone(), older: Vec::new() }
    }

    pub(super) fn try_map<T, E>(
        self,
        mut map: impl FnMut(K) -> Result<T, E>,
    ) -> Result<Versions<T>, E> {
        let mut mapped = |(version, key)| Ok((version, map(key)?));
        Ok(Versions {
            active: mapped(self.active)?,
            older: self.older.into_iter().map(mapped).collect::<Result<_, E>>()?,
        })
    }
}

impl<K> fmt::Debug for Versions<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(version, _)| version)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_active_and_all_are_found_by_number() {
        let keys = Versions::new(vec![(1, "one"), (3, "three"), (4, "four")]).unwrap();
        assert_eq!((keys.active_version(), *keys.active()), (4, "four"));
        assert_eq!(keys.iter().map(|(version, _)| version).collect::<Vec<_>>(), [4, 3, 1]);
        assert_eq!(keys.older().map(|(_, key)| *key).collect::<Vec<_>>(), ["three", "one"]);
        assert_eq!((keys.get(1), keys.get(2), keys.get(4)), (Some(&"one"), None, Some(&"four")));
        assert_eq!(format!("{keys:?}"), "[4, 3, 1]");
        assert!(Versions::<()>::new(vec![]).is_none());
    }
}
