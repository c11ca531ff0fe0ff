// SPDX-License-Identifier: Apache-2.0
//! Problems of a document: collected, and shown with the lines they are about.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::source::Source;

/// Problems that are shown; the rest is counted.
const MAX_SHOWN: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// What is written cannot be used.
    Error,
    /// It can be used, but may not be what was meant.
    Warning,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $severity:ident;)+) => {
        /// What a problem is about. Its identifier is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// Every code, for documentation and tests.
            pub const ALL: &[Code] = &[$(Code::$variant,)+];

            pub const fn id(self) -> &'static str {
                match self { $(Code::$variant => $id,)+ }
            }

            pub const fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// A file cannot be read, or is larger than 1 MiB.
    Unreadable = "ZH0101", Error;
    /// A character that is invisible or changes the reading direction.
    HiddenCharacter = "ZH0102", Error;
    /// Not YAML.
    Syntax = "ZH0103", Error;
    /// A feature of YAML that these documents do without.
    Feature = "ZH0104", Error;
    /// A key stands twice in one mapping.
    DuplicateKey = "ZH0105", Error;
    /// A key that means nothing here.
    UnknownKey = "ZH0201", Error;
    /// A key that must be there.
    MissingKey = "ZH0202", Error;
    /// A list where a text belongs, and the like.
    WrongType = "ZH0203", Error;
    /// The right type, but not a possible value.
    InvalidValue = "ZH0204", Error;
    /// Planned, but not in this version.
    NotSupported = "ZH0205", Error;
    /// Personal data would travel without TLS.
    PlainHttp = "ZH0301", Error;
    /// Two upstreams are reached by the same requests.
    RouteConflict = "ZH0302", Error;
    /// Two settings contradict each other.
    Contradiction = "ZH0303", Error;
    /// A file that is named does not exist.
    FileMissing = "ZH0304", Warning;
    /// Every request would be refused.
    NoCaller = "ZH0305", Warning;
    /// A role that callers have but no policy names, or the other way round.
    UnknownRole = "ZH0306", Warning;
    /// A domain that a CRM may refuse in an address.
    ReservedDomain = "ZH0307", Warning;
    /// A host or a policy that looks like that of another CRM.
    OtherCrm = "ZH0308", Warning;
    /// An environment variable that is named is not there.
    VariableMissing = "ZH0309", Warning;
    /// Surrogates never fit the field.
    DoesNotFit = "ZH0401", Error;
    /// Surrogates of long values do not fit the field.
    TightFit = "ZH0402", Warning;
    /// The CRM would not take a surrogate of this form in this field.
    WrongKind = "ZH0403", Error;
    /// Two spellings of one object or field.
    ProtectedTwice = "ZH0404", Error;
    /// A category that the policy does not define.
    UnknownCategory = "ZH0405", Error;
    /// A field that looks like a misspelt standard field.
    UnknownField = "ZH0406", Warning;
    /// A category that no field has.
    UnusedCategory = "ZH0407", Warning;
    /// A policy that protects nothing.
    ProtectsNothing = "ZH0408", Error;
    /// A field that names the data subject and is not protected.
    UnprotectedSubject = "ZH0409", Error;
    /// Equal surrogates of a field with few values tell them by how often they stand.
    FewValues = "ZH0410", Error;
    /// A name that no text is searched for.
    UnsoughtName = "ZH0411", Warning;
    /// A place that is neither an ISO 3166 code nor a group.
    UnknownPlace = "ZH0501", Error;
    /// A basis that no document of the border defines.
    UnknownBasis = "ZH0502", Error;
    /// Two rules, bases, groups or laws with one name.
    DefinedTwice = "ZH0503", Error;
    /// A rule that never decides: an earlier one does.
    Unreachable = "ZH0504", Warning;
    /// Two rules for the same case with different answers.
    Contradictory = "ZH0505", Error;
    /// A law of which no document says whom it applies to.
    AppliesToNobody = "ZH0506", Error;
    /// A category, operation, purpose or upstream that looks misspelt, or is not there.
    UnknownTarget = "ZH0507", Warning;
    /// A border without rules that tell whose law covers a record.
    NoJurisdiction = "ZH0508", Warning;
    /// A keyset of a jurisdiction that is the law of no record.
    UnusedKeyset = "ZH0509", Warning;
    /// An expectation of a policy test that does not hold.
    Unmet = "ZH0601", Error;
}

/// Another place that takes part in a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Related {
    /// `None` for the document that has the problem.
    source: Option<Arc<Source>>,
    span: Range<usize>,
    label: String,
}

/// One problem at one place of a document.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    /// In bytes.
    pub span: Range<usize>,
    pub message: String,
    label: Option<String>,
    related: Option<Related>,
    help: Option<String>,
    is_line_secret: bool,
}

impl Problem {
    pub fn new(code: Code, span: &Range<usize>, message: impl Into<String>) -> Self {
        let (span, message) = (span.clone(), message.into());
        let (label, related, help) = (None, None, None);
        Self { code, span, message, label, related, help, is_line_secret: false }
    }

    /// What stands there is not shown, only where.
    pub fn without_the_line(self) -> Self {
        Self { is_line_secret: true, ..self }
    }

    /// What stands at the place of the problem, or should.
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// Another place of the same document that takes part.
    pub fn related(self, span: &Range<usize>, label: impl Into<String>) -> Self {
        let (span, label) = (span.clone(), label.into());
        Self { related: Some(Related { source: None, span, label }), ..self }
    }

    /// A place that takes part, of any document.
    pub fn related_in(
        self,
        source: &Arc<Source>,
        span: &Range<usize>,
        label: impl Into<String>,
    ) -> Self {
        let (source, span, label) = (Some(Arc::clone(source)), span.clone(), label.into());
        Self { related: Some(Related { source, span, label }), ..self }
    }

    /// What would be right.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Names the word that was probably meant.
    pub fn did_you_mean(self, word: &str) -> Self {
        self.help(format!("did you mean `{word}`?"))
    }
}

/// Where the problems of several documents are collected.
#[derive(Debug, Default)]
pub struct Problems {
    found: RefCell<Vec<Diagnostic>>,
    omitted: Cell<usize>,
    has_errors: Cell<bool>,
}

impl Problems {
    pub fn report(&self, source: &Arc<Source>, problem: Problem) {
        if problem.code.severity() == Severity::Error {
            self.has_errors.set(true);
        }
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_SHOWN {
            found.push(Diagnostic { source: Arc::clone(source), problem });
        } else {
            self.omitted.set(self.omitted.get() + 1);
        }
    }

    /// `value` with the warnings about it, unless there are errors or it is not there.
    pub fn into_result<T>(self, value: Option<T>) -> Result<(T, Diagnostics), Diagnostics> {
        let mut found = self.found.into_inner();
        let mut documents: Vec<Arc<Source>> = Vec::new();
        for diagnostic in &found {
            if !documents.contains(&diagnostic.source) {
                documents.push(Arc::clone(&diagnostic.source));
            }
        }
        found.sort_by_key(|diagnostic| {
            let document = documents.iter().position(|source| *source == diagnostic.source);
            (document, diagnostic.problem.span.start)
        });
        // A policy of two upstreams is read twice.
        found.dedup();
        let diagnostics = Diagnostics { found, omitted: self.omitted.get() };
        match value {
            Some(value) if !self.has_errors.get() => Ok((value, diagnostics)),
            _ => Err(diagnostics),
        }
    }
}

/// A problem with the document that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub source: Arc<Source>,
    pub problem: Problem,
}

/// Every problem of a run, in the order of the documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    omitted: usize,
}

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    /// With the colours of a terminal.
    Coloured,
}

impl Diagnostics {
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|found| found.problem.code.severity() == severity).count()
    }

    /// The problems with the lines that they are about, separated by empty lines.
    pub fn render(&self, style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Coloured => Renderer::styled(),
        };
        let mut blocks: Vec<String> =
            self.found.iter().map(|found| renderer.render(&[found.group()])).collect();
        if self.omitted > 0 {
            blocks.push(format!("{} more problems are not shown", self.omitted));
        }
        blocks.join("\n\n")
    }
}

impl Diagnostic {
    fn group(&self) -> Group<'_> {
        let Problem { code, span, message, label, related, help, is_line_secret } = &self.problem;
        let level = match code.severity() {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let path = self.source.path.to_string_lossy();
        let title = level.primary_title(message).id(code.id());
        let group = if self.source.text.is_empty() {
            title.element(Origin::path(path))
        } else if *is_line_secret {
            let before = self.source.text.get(..span.start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            title.element(Origin::path(path).line(line))
        } else {
            let primary = AnnotationKind::Primary.span(span.clone()).label(label.as_deref());
            let context = |related: &'_ Related| {
                AnnotationKind::Context.span(related.span.clone()).label(related.label.clone())
            };
            let is_here = |related: &&Related| {
                related.source.as_ref().is_none_or(|source| *source == self.source)
            };
            let elsewhere = related.as_ref().filter(|related| !is_here(related)).and_then(|it| {
                let source = it.source.as_ref()?;
                let path = source.path.to_string_lossy();
                Some(Snippet::source(&source.text).path(path).annotation(context(it)))
            });
            title
                .element(
                    Snippet::source(&self.source.text)
                        .path(path)
                        .annotation(primary)
                        .annotations(related.as_ref().filter(is_here).map(context)),
                )
                .elements(elsewhere)
        };
        group.elements(help.as_ref().map(|help| Level::HELP.message(help)))
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Diagnostics {}
