// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use super::{OpenedSurrogates, Protectors, Surrogate};
use crate::base::Category;
use crate::telemetry::{Alarm, Metrics};

impl OpenedSurrogates {
    /// What a surrogate says that opens at a place of none of these categories. One whose form
    /// does not tell that it is ours, such as a day, says nothing.
    pub fn alarm<'c>(
        &self,
        surrogate: &Surrogate,
        mut categories: impl Iterator<Item = &'c Category>,
    ) -> Option<Alarm> {
        if !surrogate.is_evident() || categories.any(|category| self.knows(surrogate, category)) {
            return None;
        }
        Some(if self.is_there(surrogate) { Alarm::Moved } else { Alarm::Unknown })
    }
}

impl Protectors {
    /// Counts alarms there.
    #[must_use]
    pub fn reporting_to(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// Counts alarms, and says each kind of them once. The request's span names the entry of
    /// the transfer log, which names the caller.
    pub fn raise(&self, alarms: impl Iterator<Item = Alarm>) {
        let alarms: Vec<Alarm> = alarms.collect();
        for alarm in Alarm::ALL {
            let count = alarms.iter().filter(|it| **it == alarm).count();
            if count == 0 {
                continue;
            }
            if let Some(metrics) = &self.metrics {
                metrics.alarm(alarm, count);
            }
            tracing::warn!(alarm = alarm.as_str(), count, "{}", alarm.message());
        }
    }
}
