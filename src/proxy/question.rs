// SPDX-License-Identifier: Apache-2.0
//! What a dialect has to know from the CRM before it can read a request.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use smol_str::SmolStr;

use crate::base::{Cleartext, Refusal};
use crate::crm::{BodyForm, Question, Told};
use crate::quarantine::BatchName;

use super::body::BodyError;
use super::budget::Lease;
use super::receive::new_id;
use super::stage::{Complete, Restored, Stopped};
use super::trail::Trail;
use super::{Proxy, respond};

/// Who asks. Any other field may repeat a value of the body, which is not located yet.
const ASKING: [HeaderName; 3] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-sfdc-session"),
    HeaderName::from_static("x-api-token"),
];

impl Proxy {
    /// Finds out what the dialect has to know first.
    ///
    /// # Errors
    /// [`Stopped`] as for any request; then the one that it is about does not leave either.
    pub(super) async fn learn_first(
        &self,
        complete: &Complete,
        trail: &Trail,
    ) -> Result<Learned, Stopped> {
        let upstream = &complete.upstream;
        let request = self.view(complete, Told::default());
        let mut learned = Learned::default();
        if let Some(batch) = upstream.dialect.reports_on(&request) {
            let batch = BatchName { upstream: upstream.name.clone(), batch };
            let size = self.quarantine.size(&batch).await?;
            let reserved = self.budget.resize(&mut learned.lease, size);
            reserved.map_err(BodyError::from).map_err(Refusal::from)?;
            learned.quarantined = self.quarantine.find(&batch).await?;
        }
        if let Some(Question { target, about }) = upstream.dialect.asks_first(&request) {
            learned.by_caller = self.memory.recall(upstream.dialect.name(), &about);
            if let Some(target) = target {
                learned.by_crm = Some(self.ask(target, complete, trail).await?);
            }
        }
        Ok(learned)
    }

    /// Asks the CRM in the name of the caller. The question is a transfer of its own: it
    /// takes the whole road, and is in the log before it leaves.
    async fn ask(
        &self,
        target: Bytes,
        complete: &Complete,
        trail: &Trail,
    ) -> Result<Restored, Stopped> {
        let mut headers = HeaderMap::new();
        for name in ASKING {
            headers.extend(
                complete.headers.get_all(&name).iter().map(|it| (name.clone(), it.clone())),
            );
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let question = Complete {
            method: Method::GET,
            target,
            headers,
            form: BodyForm::Whole,
            ..complete.with_body(Bytes::new(), Lease::default())
        };
        if question.upstream.dialect.asks_first(&self.view(&question, Told::default())).is_some() {
            return Err(respond::defect(&"a question asks a question").into());
        }
        let mut own = Trail::new(new_id()?, complete.upstream.clone());
        own.caller.clone_from(&trail.caller);
        own.purpose.clone_from(&trail.purpose);
        let recorded = self.declare(question, Told::default(), &mut own).await?;
        Ok(self.abroad(recorded, &own).await?)
    }
}

/// What is known before a request is read.
#[derive(Default)]
pub(super) struct Learned {
    pub by_crm: Option<Restored>,
    by_caller: Option<SmolStr>,
    quarantined: Vec<Cleartext>,
    /// Of what is quarantined.
    lease: Lease,
}

impl Learned {
    pub(super) fn told(&self) -> Told<'_> {
        Told {
            by_crm: self.by_crm.as_ref().and_then(|answer| answer.body.whole()),
            by_caller: self.by_caller.as_deref(),
            quarantined: &self.quarantined,
        }
    }
}
