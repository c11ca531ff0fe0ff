// SPDX-License-Identifier: Apache-2.0
//! The stages, in the order of the road.

use http::Response;

use crate::base::{PrincipalName, RefusalCode};
use crate::carrier::coding::ExpansionLimits;
use crate::crm::{RequestView, Told};
use crate::telemetry::RequestOutcome;
use crate::transfer_log::{ENTRY_VERSION, Entry, RefusedTransfer};

use super::body;
use super::stage::{Complete, Emptied, Outward, Protected, Received, Recorded, Restored, Stopped};
use super::trail::Trail;
use super::{Body, Proxy, Upstream, respond};

impl Proxy {
    /// Takes a request along the whole road and back.
    pub(super) async fn travel(&self, received: Received, mut trail: Trail) -> Response<Body> {
        let _in_flight = self.metrics.request_in_flight();
        let result = match self.outward(received, &mut trail).await {
            Ok(Outward::Answered(answer)) => Ok(*answer),
            Ok(Outward::Leaves(recorded)) => {
                self.abroad(*recorded, &trail).await.map_err(Stopped::Refused)
            }
            Err(stopped) => Err(self.turned_back(stopped, &trail).await),
        };
        self.arrived(result, &trail)
    }

    /// From the border post to the ledger: nothing has left yet.
    async fn outward(&self, received: Received, trail: &mut Trail) -> Result<Outward, Stopped> {
        let identified = self.identify(received, trail).await?;
        self.lease.check().map_err(|over| respond::keys(&over))?;
        let (complete, rest) = self.read(identified).await?;
        let mut learned = self.learn_first(&complete, trail).await?;
        // What the CRM says of the question, it would say of the request.
        if let Some(answer) = learned.by_crm.take_if(|answer| !answer.status.is_success()) {
            return Ok(Outward::Answered(Box::new(answer)));
        }
        let recorded = match rest {
            None => self.declare(complete, learned.told(), trail).await?,
            Some(rest) => self.declare_pieces(complete, rest, learned.told(), trail).await?,
        };
        Ok(Outward::Leaves(Box::new(recorded)))
    }

    /// The stages of a request that is complete. `told` is what its dialect has to know
    /// besides.
    pub(super) async fn declare(
        &self,
        complete: Complete,
        told: Told<'_>,
        trail: &mut Trail,
    ) -> Result<Recorded, Stopped> {
        let protected = self.prepare(complete, told, trail).await?;
        self.record(protected, trail).await
    }

    /// The stages before anything is said to the log.
    pub(super) async fn prepare(
        &self,
        complete: Complete,
        told: Told<'_>,
        trail: &mut Trail,
    ) -> Result<Protected, Stopped> {
        let length = complete.body.len();
        let located = body::work_on(length, || self.locate(complete, told, trail))?;
        let decided = self.decide(located, trail).await?;
        Ok(self.protect(decided).await?)
    }

    /// Nothing left. The refusal of an identified caller is recorded as well.
    async fn turned_back(&self, stopped: Stopped, trail: &Trail) -> Stopped {
        let Some(caller) = trail.caller.clone() else { return stopped };
        let refused = self.refused(trail, caller, stopped.refusal().code);
        match self.transfer_log.append(vec![Entry::Refused(refused)]).await {
            Ok(()) => stopped,
            Err(error) => respond::transfer_log(&error).into(),
        }
    }

    pub(super) fn refused(
        &self,
        trail: &Trail,
        caller: PrincipalName,
        code: RefusalCode,
    ) -> RefusedTransfer {
        RefusedTransfer {
            version: ENTRY_VERSION,
            id: trail.id,
            time: self.clock.now(),
            instance: self.instance.clone(),
            caller,
            purpose: trail.purpose.clone(),
            upstream: Some(trail.upstream.name.clone()),
            operation: trail.operation.clone(),
            code,
            rules: trail.said.rules.iter().cloned().collect(),
            records: trail.said.refused_records,
            subjects: trail.said.subjects.iter().copied().collect(),
        }
    }

    /// The answer to the caller, counted and logged.
    fn arrived(&self, result: Result<Restored, Stopped>, trail: &Trail) -> Response<Body> {
        let upstream = &trail.upstream;
        let elapsed = trail.started.elapsed();
        let code = result.as_ref().err().map(|stopped| stopped.refusal().code);
        let outcome = code.map_or(RequestOutcome::Answered, RequestOutcome::Refused);
        self.metrics.request(
            Some(&upstream.name),
            trail.operation.as_ref(),
            outcome,
            Some(elapsed),
        );
        let shown =
            result.and_then(|Restored { status, headers, body, lease, reveals, .. }| {
                let mut response = Response::new(body.into_body(lease).map_err(respond::spool)?);
                for reveal in &reveals {
                    self.metrics.reveal(reveal);
                }
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                Ok(response)
            });
        let response = shown.unwrap_or_else(|stopped| match stopped {
            Stopped::Refused(refusal) => {
                respond::refusal(&refusal, Some(&*upstream.dialect), trail.refusal_form)
            }
            Stopped::Emptied(Emptied { refusal, answer }) => respond::native(&refusal, answer),
        });
        tracing::info!(
            upstream = %upstream.name,
            caller = trail.caller.as_ref().map(tracing::field::display),
            operation = trail.operation.as_ref().map(tracing::field::display),
            object = trail.object.as_ref().map(tracing::field::display),
            status = response.status().as_u16(),
            refusal = code.map(RefusalCode::as_str),
            forwarded = trail.recorded,
            micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        response
    }

    /// Counts a request that was turned back before it took the road.
    pub(super) fn count_refusal(&self, upstream: Option<&Upstream>, code: RefusalCode) {
        let name = upstream.map(|upstream| &upstream.name);
        self.metrics.request(name, None, RequestOutcome::Refused(code), None);
        tracing::info!(
            upstream = name.map(tracing::field::display),
            refusal = code.as_str(),
            "turned away at the door"
        );
    }

    /// A request as its dialect sees it.
    pub(super) fn view<'a>(&self, complete: &'a Complete, told: Told<'a>) -> RequestView<'a> {
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

    pub(super) fn expansion_limits(&self) -> ExpansionLimits {
        self.limits.expansion(self.limits.max_body_bytes)
    }
}
