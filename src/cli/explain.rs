// SPDX-License-Identifier: Apache-2.0

use std::fmt::Write;
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use crate::base::{
    Clock, Date, Jurisdiction, OperationName, Purpose, Region, RuleName, SystemClock,
};
use crate::border::{Action, Border, Consents, Opinion, Verdict, Window};
use crate::config::{Answer, Question, Standing, UpstreamSettings, is_composed};

use super::{ConfigFile, print};

/// Say what the border decides about a field, and by which rules
///
/// Prints the decision, and for every law that applies the rule that decided, its
/// article and the place where it is written. Nothing is sent anywhere, and no request
/// is needed: whose law covers the record, the purpose and the consent are given here.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Explain {
    #[command(flatten)]
    file: ConfigFile,
    /// The upstream that the value would go to
    #[arg(long, value_name = "NAME")]
    upstream: String,
    #[arg(long, help = "The object, as the CRM names it")]
    object: String,
    #[arg(long, help = "The field, as the CRM names it")]
    field: String,
    /// Whose law covers the data subject: an ISO 3166 code or a group. Can be repeated
    #[arg(long, value_name = "PLACE", required = true)]
    jurisdiction: Vec<String>,
    /// Where a caller is who asks for the value
    #[arg(long, value_name = "PLACE")]
    caller_region: Option<String>,
    /// What the data is used for
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
    /// What the data subject said, of `--purpose` or of another purpose. Can be repeated
    #[arg(long, value_name = "[PURPOSE=]given|withdrawn")]
    consent: Vec<Consent>,
    /// What the request does, in the words of the transfer log
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// The day to decide for, instead of today
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
}

const EXAMPLES: &str = "\
Examples:
  zollhaus explain --upstream salesforce --object Contact --field Email --jurisdiction DE
  zollhaus explain --upstream salesforce --object Contact --field Email --jurisdiction US-CA \\
      --purpose sale --consent withdrawn --caller-region IN --date 2027-07-01";

/// `given`, or `newsletter=withdrawn`.
#[derive(Clone, Debug)]
struct Consent {
    purpose: Option<Purpose>,
    is_given: bool,
}

impl FromStr for Consent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (purpose, word) = match text.split_once('=') {
            Some((purpose, word)) => (Some(Purpose::new(purpose)), word),
            None => (None, text),
        };
        match word {
            "given" => Ok(Self { purpose, is_given: true }),
            "withdrawn" => Ok(Self { purpose, is_given: false }),
            _ => Err("`given` or `withdrawn`, with a purpose and `=` before it if need be"),
        }
    }
}

impl Explain {
    pub fn execute(self) -> anyhow::Result<()> {
        print::line(self.text()?.trim_end())
    }

    pub(super) fn text(&self) -> anyhow::Result<String> {
        let config = self.file.load()?.value;
        let upstream = config.upstreams.iter().find(|it| it.name.as_str() == self.upstream);
        let upstream =
            upstream.ok_or_else(|| anyhow!("there is no upstream `{}`", self.upstream))?;
        let border = upstream.policy.border.as_deref();
        let border = border.with_context(|| {
            let policy = upstream.policy_path.display();
            format!(
                "{policy} has no `border`, so nothing is asked; list documents there, such as \
                 those in policies/border (docs/POLICY.md)"
            )
        })?;
        self.explain(upstream, border, config.vault.region.as_ref())
    }

    fn explain(
        &self,
        upstream: &UpstreamSettings,
        border: &Border,
        vault: Option<&Region>,
    ) -> anyhow::Result<String> {
        let places = self.jurisdiction.iter().chain(&self.caller_region);
        if let Some(unknown) = places.into_iter().find(|place| !border.atlas.knows(place)) {
            bail!("`{unknown}` is neither an ISO 3166 code nor a group of this border");
        }
        let operations = upstream.dialect.operations();
        if let Some(name) = &self.operation
            && !operations.is_empty()
            && !operations.iter().any(|(known, _)| known == name)
        {
            bail!(
                "`{}` has no operation `{name}`; docs/COVERAGE.md lists them",
                upstream.dialect.name()
            );
        }
        let purposes = upstream.policy.purposes();
        let today = self.date.unwrap_or_else(|| SystemClock.now().date());
        let jurisdictions: Vec<_> = self.jurisdiction.iter().map(Jurisdiction::new).collect();
        let purpose = self.purpose.as_ref().map(Purpose::new);
        let operation = self.operation.as_ref().map(OperationName::new);
        let question = Question {
            dialect: upstream.dialect.as_ref(),
            policy: &upstream.policy,
            upstream: &upstream.name,
            region: &upstream.region,
            vault,
            jurisdictions: &jurisdictions,
            operation: operation.as_ref(),
            purpose: purpose.as_ref(),
            consents: &self.consents()?,
            today,
        };
        let answer = question.about(&self.object, &self.field);
        let (object, field) = (&answer.object, &answer.field);
        if is_composed(question.dialect, object, field) {
            bail!("the CRM composes `{object}.{field}` of other fields; ask for those");
        }
        let verdict = answer.verdict.as_ref().context("the policy has no `border`")?;
        let mut text = format!(
            "{} of {} to `{}` in {} on {today}: {}\n",
            subject(&answer),
            self.jurisdiction.join(" and "),
            upstream.name,
            upstream.region,
            decision(&verdict.action),
        );
        describe(verdict, &mut text);
        if let Some(unknown) = purpose.as_ref().filter(|it| !purposes.contains(*it)) {
            let known: Vec<&str> = purposes.iter().map(Purpose::as_str).collect();
            let _ = writeln!(
                text,
                "\nThe policy names no purpose `{unknown}`: only a caller can be configured for \
                 it.\nIt names\n  {}",
                known.join("\n  ")
            );
        }
        if let (Some(from), Standing::Protected(rule)) = (&self.caller_region, answer.standing) {
            let from = Region::new(from);
            let reveal = border.may_reveal(&jurisdictions, &rule.category, Some(&from), today);
            let word = if reveal.is_allowed { "permitted" } else { "refused" };
            let rules: Vec<&str> = reveal.rules.iter().map(RuleName::as_str).collect();
            let by = if rules.is_empty() {
                "no law says anything about it".to_owned()
            } else {
                rules.join(", ")
            };
            let _ = writeln!(text, "\nshown to a caller in {from}: {word} ({by})");
        }
        Ok(text)
    }

    fn consents(&self) -> anyhow::Result<Consents> {
        let mut state = Consents::default();
        for Consent { purpose, is_given } in &self.consent {
            let stated = self.purpose.as_ref().map(Purpose::new);
            let purpose = purpose.clone().or(stated);
            let purpose =
                purpose.context("consent to what? Say `--purpose`, or `PURPOSE=given`")?;
            state = if *is_given {
                state.given(purpose, Window::ALWAYS)
            } else {
                state.withdrawn(purpose)
            };
        }
        Ok(state)
    }
}

/// `contact.email (email, tokenize)`
fn subject(answer: &Answer<'_>) -> String {
    let Answer { object, field, .. } = answer;
    match answer.standing {
        Standing::Protected(rule) => {
            format!("{object}.{field} ({}, {})", rule.category, rule.protection.name())
        }
        Standing::Clear => {
            format!("{object}.{field} (no personal value by the policy, in the clear)")
        }
        Standing::Refused => {
            format!("{object}.{field} (not listed: requests that name it are refused)")
        }
    }
}

fn decision(action: &Action) -> String {
    match action {
        Action::Allow => "allowed".to_owned(),
        Action::Tokenize => "allowed if only a token leaves".to_owned(),
        Action::Drop => "allowed without the value".to_owned(),
        Action::Route(upstream) => format!("belongs to the upstream `{upstream}`"),
        Action::Refuse { because } => format!("refused, because {because}"),
    }
}

/// One line for each opinion, those that decide for their law with a mark.
fn describe(verdict: &Verdict, text: &mut String) {
    for opinion in &verdict.opinions {
        let Opinion { rule, action, because, basis } = opinion;
        let mark = if verdict.rules.contains(&rule.name) { "*" } else { " " };
        let word = action.as_str();
        let _ = writeln!(text, "\n{mark} {word:<9}{}: {because}", rule.name);
        if let Some(cites) = &rule.cites {
            let _ = writeln!(text, "  {:<9}{cites}", "");
        }
        if let Some(basis) = basis {
            let reference = basis.reference.as_deref().unwrap_or("no reference");
            let until = basis.window.until.map(|it| format!(", until {it}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "  {:<9}basis {} ({}): {reference}{until}",
                "",
                basis.name,
                basis.kind.as_str()
            );
        }
        if let Some(origin) = &rule.origin {
            let _ = writeln!(text, "  {:<9}{origin}", "");
        }
    }
    let laws: std::collections::BTreeSet<&str> =
        verdict.opinions.iter().map(|opinion| opinion.rule.law()).collect();
    if laws.len() > 1 {
        let _ = writeln!(text, "\nThe strictest answer wins; * decides for its law.");
    }
}
