// SPDX-License-Identifier: Apache-2.0
//! The stages, in the order of the road.

use http::Response;

use crate::base::{PrincipalName, RefusalCode};
use crate::carrier::coding::ExpansionLimits;
use crate::crm::Told;
use crate::telemetry::RequestOutcome;
use crate::transfer_log::{ENTRY_VERSION, Entry, RefusedTransfer};

use super::body;
use super::stage::{Complete, Outward, Received, Recorded, Restored, Stopped};
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
        let complete = self.read(identified).await?;
        let mut learned = self.learn_first(&complete, trail).await?;
        // What the CRM says of the question, it would say of the request.
        if let Some(answer) = learned.by_crm.take_if(|answer| !answer.status.is_success()) {
            return Ok(Outward::Answered(Box::new(answer)));
        }
        let recorded = self.declare(complete, learned.told(), trail).await?;
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
        let length = complete.body.len();
        let located = body::work_on(length, || self.locate(complete, told, trail))?;
        let decided = self.decide(located, trail).await?;
        let protected = self.protect(decided).await?;
        Ok(self.record(protected, trail).await?)
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
            rules: trail.rules.clone(),
            records: trail.refused_records,
            subjects: trail.subjects.clone(),
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
        let response = match result {
            Ok(restored) => {
                for reveal in &restored.reveals {
                    self.metrics.reveal(reveal);
                }
                let mut response = Response::new(body::leased(restored.body, restored.lease));
                *response.status_mut() = restored.status;
                *response.headers_mut() = restored.headers;
                response
            }
            Err(Stopped::Refused(refusal)) => {
                respond::refusal(&refusal, Some(&*upstream.dialect), trail.refusal_form)
            }
            Err(Stopped::Answered { refusal, answer }) => respond::native(&refusal, answer),
        };
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

    pub(super) fn expansion_limits(&self) -> ExpansionLimits {
        ExpansionLimits {
            max_bytes: self.limits.max_body_bytes,
            max_ratio: self.limits.max_expansion_ratio,
        }
    }
}
