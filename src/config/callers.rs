// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonwebtoken::Algorithm;

use crate::base::Role;
use crate::caller::{
    ApiKey, CallersConfig, CertificateCaller, JwksSource, JwtConfig, Principal, Rate,
};
use crate::listener::{ClientCertificates, ListenerConfig};

use super::api_keys;
use super::diagnostic::{Code, Problem, Problems};
use super::document::{Document, Section};
use super::given::Words;
use super::item::Item;
use super::model::UpstreamSettings;
use super::source::Source;
use super::upstream::origin;

/// What is known of callers, and where it is written.
#[derive(Debug)]
pub struct Callers {
    pub config: CallersConfig,
    pub file: Option<PathBuf>,
    words: Words,
    place: Range<usize>,
}

/// Signatures by a key pair: with a shared secret, whoever checks tokens could make them.
const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

pub fn compile(document: &Document<'_>, callers: &Item<'_>) -> Option<Callers> {
    let section = callers.section()?;
    let mut words = Words::default();
    let mut reader = Reader { document, words: &mut words };
    let api_keys = section.optional_or("api_keys", (None, Vec::new()), |item| {
        let path = item.path()?;
        let keys = reader.api_keys(&path, &item)?;
        Some((Some(path), keys))
    });
    let certificates =
        section.optional_or("certificates", Vec::new(), |list| reader.certificates(&list));
    let jwt = section.optional_or("jwt", None, |item| jwt(item.section()?).map(Some));
    let anonymous = section.optional_or("anonymous", None, |item| {
        reader.principal(item.section()?, "principal").map(Some)
    });
    let rate = section.optional_or("rate", None, |item| rate(item.section()?).map(Some));
    section.finish_with(&["oidc", "basic"]);

    let (file, api_keys) = api_keys?;
    let config = CallersConfig {
        api_keys,
        certificates: certificates?,
        jwt: jwt?,
        anonymous: anonymous?,
        rate: rate?,
    };
    Some(Callers { config, file, words, place: callers.span().clone() })
}

impl Callers {
    /// Every role that a caller can have, unless tokens can bring others.
    pub fn closed_roles(&self) -> Option<BTreeSet<Role>> {
        let is_open = self.config.jwt.is_some() || self.is_empty();
        (!is_open).then(|| self.words.role_names().collect())
    }

    fn is_empty(&self) -> bool {
        let CallersConfig { api_keys, certificates, jwt, anonymous, rate: _ } = &self.config;
        api_keys.is_empty() && certificates.is_empty() && jwt.is_none() && anonymous.is_none()
    }

    pub fn report_contradictions(&self, document: &Document<'_>, listener: &ListenerConfig) {
        let asks = listener
            .tls
            .as_ref()
            .is_some_and(|tls| !matches!(tls.client_certificates, ClientCertificates::Ignored));
        if !self.config.certificates.is_empty() && !asks {
            let message =
                "`callers.certificates` names callers, but client certificates are not asked for";
            document.report(
                Problem::new(Code::Contradiction, &self.place, message)
                    .help("set `listen.tls.client_certificates`"),
            );
        }
        if self.is_empty() {
            let message = "no caller is known, so every request is refused";
            document.report(
                Problem::new(Code::NoCaller, &self.place, message)
                    .help("run `zollhaus keys new-caller NAME --role ROLE`"),
            );
        }
    }

    /// Reports roles, purposes and regions of callers that no policy knows.
    pub fn report_unknown(&self, problems: &Problems, upstreams: &[UpstreamSettings]) {
        self.words.report_unknown(problems, upstreams);
    }
}

/// Reads callers and remembers what they are given.
struct Reader<'r, 'd> {
    document: &'r Document<'d>,
    words: &'r mut Words,
}

impl Reader<'_, '_> {
    fn api_keys(&mut self, path: &Path, item: &Item<'_>) -> Option<Vec<ApiKey>> {
        let (keys, words) = read_beside(self.document, path, item, api_keys::compile)?;
        self.words.extend(words);
        Some(keys)
    }

    fn certificates(&mut self, list: &Item<'_>) -> Option<Vec<CertificateCaller>> {
        let mut callers = Vec::new();
        let mut is_sound = true;
        for item in list.list()? {
            let read = |section: Section<'_>| {
                let name = section.required("name").and_then(|name| certificate_name(&name));
                Some((name, self.principal(section, "principal")))
            };
            match item.section().and_then(read) {
                Some((Some(name), Some(principal))) => {
                    callers.push(CertificateCaller { name, principal });
                }
                _ => is_sound = false,
            }
        }
        is_sound.then_some(callers)
    }

    /// A principal: its name stands under `key`, beside its roles.
    fn principal(&mut self, section: Section<'_>, key: &'static str) -> Option<Principal> {
        let name = section.required(key).and_then(|name| name.chosen_name());
        let words = Words::read(&section);
        section.finish();
        let principal = words.as_ref().zip(name).map(|(words, name)| words.principal(name));
        self.words.extend(words?);
        principal
    }
}

/// What `read` makes of a file that an item names; its problems are reported with
/// those of the document.
pub fn read_beside<T>(
    document: &Document<'_>,
    path: &Path,
    item: &Item<'_>,
    read: impl FnOnce(&Document<'_>) -> Option<T>,
) -> Option<T> {
    match Source::read(path) {
        Ok(source) => read(&Document { source, problems: document.problems }),
        Err(error) => {
            item.report(item.problem(Code::Unreadable, error.to_string()));
            None
        }
    }
}

/// `dns:…`, `uri:…` or `email:…`, as `Peer::certificate_names` spells them.
fn certificate_name(item: &Item<'_>) -> Option<String> {
    let name = item.text()?;
    let is_sound = ["dns:", "uri:", "email:"]
        .iter()
        .any(|kind| name.strip_prefix(kind).is_some_and(|rest| !rest.is_empty()));
    if !is_sound {
        item.refuse(
            format!("`{}` does not say what kind of name it is", item.name),
            "for example `dns:etl.acme.example`, `uri:spiffe://acme/etl` or `email:etl@acme.example`",
        );
        return None;
    }
    Some(name.to_owned())
}

fn jwt(section: Section<'_>) -> Option<JwtConfig> {
    let issuer = section.required("issuer").and_then(|issuer| issuer.text());
    let audience = section.required("audience").and_then(|audience| audience.text());
    let jwks = section.required("jwks").and_then(|jwks| self::jwks(&jwks));
    let algorithms = section.required("algorithms").and_then(|list| {
        let algorithms = list.list_of(|item| item.choice(ALGORITHMS))?;
        if algorithms.is_empty() {
            list.refuse("no algorithm is accepted", "for example `[RS256, ES256]`");
            return None;
        }
        Some(algorithms)
    });
    let roles_claim = section.optional_or("roles_claim", "roles", |claim| claim.text());
    let claim =
        |key| section.optional_or(key, None, |claim| claim.text().map(str::to_owned).map(Some));
    let (purpose_claim, region_claim) = (claim("purpose_claim"), claim("region_claim"));
    let required_claims = section.optional_or("required_claims", Vec::new(), |list| {
        list.list_of(|item| item.text().map(str::to_owned))
    });
    let leeway = section.optional_or("leeway", Duration::from_secs(30), |leeway| {
        leeway.duration(Duration::ZERO..=Duration::from_secs(300))
    });
    section.finish();
    Some(JwtConfig {
        issuer: issuer?.to_owned(),
        audience: audience?.to_owned(),
        jwks: jwks?,
        algorithms: algorithms?,
        required_claims: required_claims?,
        roles_claim: roles_claim?.to_owned(),
        purpose_claim: purpose_claim?,
        region_claim: region_claim?,
        leeway: leeway?,
    })
}

/// Where an issuer's public keys are: `file`, or `url` with `ca` and `refresh`.
fn jwks(item: &Item<'_>) -> Option<JwksSource> {
    let section = item.section()?;
    let file = section.optional("file");
    let url = section.optional("url");
    let ca = section.optional("ca");
    let refresh = section.optional("refresh");
    section.finish();
    match (file, url) {
        (Some(file), None) => {
            if let Some(idle) = ca.or(refresh) {
                let message = format!("`{}` has no effect on a file", idle.name);
                idle.report(idle.problem(Code::Contradiction, message));
                return None;
            }
            file.existing_file().map(JwksSource::File)
        }
        (None, Some(url)) => {
            let source = origin(&url, true, false);
            let ca = ca.map_or(Some(None), |ca| ca.existing_file().map(Some));
            let refresh = refresh.map_or(Some(Duration::from_secs(600)), |refresh| {
                refresh.duration(Duration::from_secs(10)..=Duration::from_secs(86_400))
            });
            Some(JwksSource::Url { url: source?, ca: ca?, refresh: refresh? })
        }
        _ => {
            let message = format!("`{}` names neither or both of `file` and `url`", item.name);
            item.report(item.problem(Code::Contradiction, message).help("name one of them"));
            None
        }
    }
}

fn rate(section: Section<'_>) -> Option<Rate> {
    let number = |key| section.required(key)?.number(NonZeroU32::MIN..=NonZeroU32::MAX);
    let (per_second, burst) = (number("per_second"), number("burst"));
    section.finish();
    Some(Rate { per_second: per_second?, burst: burst? })
}
