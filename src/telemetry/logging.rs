// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// How an event is written: always on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object per event.
    Json,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log filter `{filter}` cannot be read")]
    Filter { filter: String, source: tracing_subscriber::filter::ParseError },
    #[error("logging is set up already")]
    AlreadySetUp(#[source] tracing::subscriber::SetGlobalDefaultError),
}

/// Starts logging to standard error, once per process. `filter` is in the syntax
/// of [`EnvFilter`], such as `info` or `warn,zollhaus::vault=debug`.
///
/// It cannot bring out more of other crates than their warnings: what an HTTP or
/// TLS library says while debugging may quote headers, URLs and bodies.
///
/// # Errors
/// [`TelemetryError`] for a filter that does not parse, and for a second call.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let subscriber = subscriber(format, filter, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(TelemetryError::AlreadySetUp)
}

fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = EnvFilter::builder()
        .parse(filter)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let format_event = Format::default().with_ansi(false);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => layer.event_format(OneLine(format_event)).boxed(),
        LogFormat::Json => {
            let format_event = format_event.json().flatten_event(true).with_span_list(false);
            layer.json().event_format(OneLine(format_event)).boxed()
        }
    };
    Ok(Registry::default().with(layer.with_filter(filter_fn(is_safe))).with(wanted))
}

fn is_safe(metadata: &Metadata<'_>) -> bool {
    let is_ours = metadata.target().split("::").next() == Some("zollhaus");
    is_ours || *metadata.level() <= Level::WARN
}

/// Escapes what could break a line or drive a terminal, in a way that JSON
/// understands too.
struct OneLine<F>(F);

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        self.0.format_event(context, Writer::new(&mut text), event)?;
        for character in text.trim_end_matches('\n').chars() {
            if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            } else {
                writer.write_char(character)?;
            }
        }
        writer.write_char('\n')
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{LogFormat, TelemetryError, init, subscriber};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str, log: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(format, filter, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const NASTY: &str = "a\nERROR forged\r\u{1b}[2J\u{85}\u{2028}\"\\ü\u{7f}";

    #[test]
    fn an_event_is_one_line_whatever_its_values_hold() {
        let event = || {
            let span = tracing::info_span!("request", path = NASTY);
            let _entered = span.enter();
            tracing::warn!(display = %NASTY, debug = ?NASTY, text = NASTY, "message {NASTY}");
        };
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, "info", event);
            assert_eq!(text.lines().count(), 1, "{text:?}");
            assert!(text.ends_with('\n') && text.contains("ü"), "{text:?}");
            let splits = |c: char| c.is_control() || c == '\u{2028}';
            assert!(!text.trim_end_matches('\n').contains(splits), "{text:?}");
        }
    }

    #[test]
    fn json_gives_values_back_as_they_were() {
        let text = logged(LogFormat::Json, "info", || tracing::info!(text = NASTY, "it happened"));
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["text"], NASTY);
        assert_eq!(event["message"], "it happened");
        assert_eq!(event["level"], "INFO");
    }

    #[test]
    fn the_filter_chooses_but_other_crates_stay_quiet() {
        let check = |filter, expected: &[&str]| {
            let text = logged(LogFormat::Text, filter, || {
                tracing::trace!(target: "h2::codec", "one");
                tracing::info!(target: "zollhausen", "two");
                tracing::warn!(target: "h2::codec", "three");
                tracing::trace!(target: "zollhaus::vault", "four");
                tracing::info!(target: "zollhaus", "five");
            });
            let messages: Vec<_> =
                text.lines().filter_map(|line| line.split(' ').next_back()).collect();
            assert_eq!(messages, expected, "{filter}");
        };
        check("trace", &["three", "four", "five"]);
        check("info", &["three", "five"]);
        check("off,zollhaus::vault=trace", &["four"]);
        check("error", &[]);
    }

    #[test]
    fn a_filter_that_does_not_parse_is_named() {
        let error = init(LogFormat::Text, "zollhaus=loud").unwrap_err();
        assert!(matches!(error, TelemetryError::Filter { .. }));
        assert_eq!(error.to_string(), "the log filter `zollhaus=loud` cannot be read");
    }
}
