// SPDX-License-Identifier: Apache-2.0
//! Queries that are sorted by what the CRM does not know: it is asked without that, and the
//! rows of its answer are sorted here, where these are all that the query finds.

use crate::base::Refusal;
use crate::crm::{LocatedAnswer, Sorted};
use crate::policy::Forbidden;
use crate::reveal;

use super::body;
use super::budget::{Lease, VALUE_BYTES};
use super::stage::{Decided, Located};
use super::{Proxy, respond};

/// One row more than may be sorted: whether there are too many then shows.
fn rows_to_ask_for(located: &Located) -> usize {
    located.complete.policy.sorted_rows + 1
}

impl Decided {
    /// What is needed of the answer to sort it; `None` where it is not sorted here.
    pub(super) fn sorted(&self) -> Option<Sorted> {
        let rows = rows_to_ask_for(&self.located);
        (self.sorted_by > 0).then_some(Sorted { keys: self.sorted_by, rows })
    }
}

impl Proxy {
    /// By how many of its first keys the rows of a query are sorted here.
    pub(super) fn keys_to_sort_by(&self, located: &Located) -> Result<usize, Forbidden> {
        let Some(sorting) = located.request.answer.sorting() else { return Ok(0) };
        let rules = located.complete.policy.sort(sorting)?;
        match rules.iter().find(|rule| !self.may_see(rule, located)) {
            Some(rule) => {
                let (field, operator) = (rule.id.clone(), sorting.operator);
                Err(Forbidden::Probing { field, operator })
            }
            None => Ok(rules.len()),
        }
    }

    /// Has the CRM asked without the keys that rows are sorted by here, and for one row more
    /// than may be sorted.
    pub(super) fn ask_unsorted(located: &mut Located, keys: usize) -> Result<(), Refusal> {
        let Some(sorting) = located.request.answer.sorting().filter(|_| keys > 0) else {
            return Ok(());
        };
        let target = std::mem::take(&mut located.request.target);
        let rows = rows_to_ask_for(located);
        let rewritten = sorting.rewrite(target, keys, rows);
        located.request.target =
            rewritten.ok_or_else(|| respond::defect(&"a query is not where it was found"))?;
        Ok(())
    }

    /// The answer with its rows in the order that was asked for.
    pub(super) async fn sort(
        &self,
        decided: &Decided,
        mut answer: LocatedAnswer,
        lease: &mut Lease,
    ) -> Result<LocatedAnswer, Refusal> {
        let Located { complete, request, .. } = &decided.located;
        let sorting = request.answer.sorting().filter(|_| decided.sorted_by > 0);
        let Some(sorting) = sorting.filter(|_| answer.status.is_success()) else {
            return Ok(answer);
        };
        let Some(rows) = answer.rows.take() else {
            return Err(respond::unreadable_answer(&"it is not a list of rows"));
        };
        let length = answer.body.bytes().len();
        let kept = length + VALUE_BYTES * rows.rows.len() * decided.sorted_by;
        let grown = self.budget.grow(lease, kept);
        grown.map_err(|error| respond::answer_body(error.into()))?;
        let by = (sorting, decided.sorted_by);
        let order =
            reveal::open_order(&answer, &rows, by, &complete.policy, &self.protectors).await?;
        let numbers = body::work_on(length, || order.numbers())?;
        let sorted = body::work_on(length, || answer.with_rows(&rows, &numbers));
        sorted.ok_or_else(|| respond::defect(&"rows are not where they were found"))
    }
}
