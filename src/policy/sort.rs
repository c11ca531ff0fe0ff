// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use crate::crm::{FieldUse, Sorting};

use super::{FieldRule, Forbidden, Policy, Protection};

impl Policy {
    /// The rules of the fields by which the CRM cannot sort, and which come first. Only these
    /// can be sorted by here: the CRM has sorted by the others before.
    ///
    /// # Errors
    /// [`Forbidden`] where rows cannot be sorted so.
    pub fn sort(&self, sorting: &Sorting) -> Result<Vec<Arc<FieldRule>>, Forbidden> {
        let operator = sorting.operator;
        let mut rules: Vec<Arc<FieldRule>> = Vec::new();
        for (at, key) in sorting.keys.iter().enumerate() {
            let mut protected = Vec::new();
            for field in &key.compared {
                protected.extend(self.rule(&key.object, field)?.ok());
            }
            let Some(rule) = protected.into_iter().next() else { continue };
            let field = rule.id.clone();
            if self.sorted_rows == 0 {
                return Err(Forbidden::Operator { field, operator });
            }
            let is_behind = rules.len() < at;
            let behind = is_behind.then_some("a field that is not protected comes before it");
            let because = key.obstacle.or(behind).or(no_order(rule.protection));
            if let Some(because) = because {
                return Err(Forbidden::Sorting { field, operator, because });
            }
            rules.push(Arc::clone(rule));
        }
        Ok(rules)
    }

    /// Refuses the uses of fields of a request whose rows are sorted here by the first `sorted`
    /// keys.
    ///
    /// # Errors
    /// As [`permit_use`](Self::permit_use).
    pub fn permit_uses(
        &self,
        uses: &[FieldUse],
        sorting: Option<&Sorting>,
        sorted: usize,
    ) -> Result<(), Forbidden> {
        let is_sorted = |it: &FieldUse| {
            sorting.is_some_and(|sorting| {
                let mut keys = sorting.keys.iter().take(sorted);
                it.operator == sorting.operator
                    && keys.any(|key| (&key.object, &key.field) == (&it.object, &it.field))
            })
        };
        uses.iter().filter(|it| !is_sorted(it)).try_for_each(|it| self.permit_use(it))
    }
}

/// Why nobody can sort by what a protection leaves.
const fn no_order(protection: Protection) -> Option<&'static str> {
    match protection {
        Protection::Tokenize { .. }
        | Protection::Encrypt { .. }
        | Protection::FormatPreserving { .. } => None,
        Protection::Hash { .. } => Some("only a hash of it is stored"),
        Protection::Mask => Some("only a mask of it is stored"),
        Protection::Generalize(_) => Some("only what the policy keeps of it is stored"),
        Protection::Scan(_) => Some("it is a text in which findings are stored as tokens"),
        Protection::Drop => Some("it is never stored"),
    }
}
