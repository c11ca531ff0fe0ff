// SPDX-License-Identifier: Apache-2.0
//! What a dialect has to know from the CRM before it can read a request.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use smol_str::SmolStr;

use crate::crm::{Question, RequestView, Told};

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
    /// Asks what the dialect has to know first, in the name of the caller. The question
    /// is a transfer of its own: it takes the whole road, and is in the log before it
    /// leaves.
    ///
    /// # Errors
    /// [`Stopped`] as for any request; then the one that it was asked for does not leave
    /// either.
    pub(super) async fn ask_first(
        &self,
        complete: &Complete,
        trail: &Trail,
    ) -> Result<Option<Learned>, Stopped> {
        let upstream = &complete.upstream;
        let question = upstream.dialect.asks_first(&self.view(complete, None));
        let Some(Question { target, about }) = question else { return Ok(None) };
        let by_caller = self.memory.recall(upstream.dialect.name(), &about);
        let Some(target) = target else { return Ok(Some(Learned { by_crm: None, by_caller })) };
        let mut headers = HeaderMap::new();
        for name in ASKING {
            headers.extend(
                complete.headers.get_all(&name).iter().map(|it| (name.clone(), it.clone())),
            );
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let question = Complete {
            policy: complete.policy.clone(),
            upstream: complete.upstream.clone(),
            caller: complete.caller.clone(),
            purpose: complete.purpose.clone(),
            origins: complete.origins.clone(),
            method: Method::GET,
            target,
            headers,
            body: Bytes::new(),
            lease: Lease::default(),
        };
        if question.upstream.dialect.asks_first(&self.view(&question, None)).is_some() {
            return Err(respond::defect(&"a question asks a question").into());
        }
        let mut own = Trail::new(new_id()?, complete.upstream.clone());
        own.caller.clone_from(&trail.caller);
        own.purpose.clone_from(&trail.purpose);
        let recorded = self.declare(question, None, &mut own).await?;
        let by_crm = Some(self.abroad(recorded, &own).await?);
        Ok(Some(Learned { by_crm, by_caller }))
    }

    /// A request as its dialect sees it.
    pub(super) fn view<'a>(
        &self,
        complete: &'a Complete,
        told: Option<Told<'a>>,
    ) -> RequestView<'a> {
        RequestView {
            method: &complete.method,
            target: &complete.target,
            headers: &complete.headers,
            body: &complete.body,
            origins: &complete.origins,
            expansion: self.expansion_limits(),
            told,
        }
    }
}

/// What came of a question.
pub(super) struct Learned {
    pub by_crm: Option<Restored>,
    by_caller: Option<SmolStr>,
}

impl Learned {
    pub(super) fn told(&self) -> Told<'_> {
        let by_crm = self.by_crm.as_ref().map(|answer| &answer.body);
        Told { by_crm, by_caller: self.by_caller.as_deref() }
    }
}
