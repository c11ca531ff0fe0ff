// SPDX-License-Identifier: Apache-2.0

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::base::Timestamp;

use super::{Cell, Document, Mark, Period, Provenance, Table};

const STYLE: &str = include_str!("style.css");
/// Nothing is loaded and nothing runs, wherever the page is opened.
const SECURITY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) fn page(document: &Document) -> String {
    let provenance = &document.provenance;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(SECURITY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.title) " · " (owner(provenance)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.owner { (owner(provenance)) }
                    h1 { (document.title) }
                    p.summary { (document.summary) }
                    (made_from(provenance))
                }
                main {
                    @for table in &document.tables { (section(table, document)) }
                }
                footer {
                    p {
                        "Made by Zollhaus " (env!("CARGO_PKG_VERSION")) " from the transfer log, which "
                        "holds no values of personal data. Times are UTC."
                    }
                }
            }
        }
    };
    page.into_string()
}

/// What a reader needs to check the report against the log.
fn made_from(provenance: &Provenance) -> Markup {
    let (extent, checkpoint) = (&provenance.extent, &provenance.checkpoint);
    html! {
        dl {
            div { dt { "Transfer log" } dd { (checkpoint.origin) } }
            div { dt { "Period" } dd { (period(provenance.period)) } }
            @if let (Some(first), Some(last)) = (extent.first, extent.last) {
                div { dt { "Entries from" } dd { (moment(first)) } }
                div { dt { "to" } dd { (moment(last)) } }
            }
            div { dt { "Entries used" } dd { (grouped(extent.entries)) } }
            div { dt { "Log size" } dd { (grouped(checkpoint.size)) } }
            @if provenance.first_entry > 0 {
                div { dt { "Kept from entry" } dd { (grouped(provenance.first_entry)) } }
            }
            div { dt { "Checkpoint (root hash)" } dd.hash { (checkpoint.root) } }
            div { dt { "Made" } dd { (moment(provenance.made)) } }
        }
    }
}

fn section(table: &Table, document: &Document) -> Markup {
    html! {
        section {
            h2 { (table.title) }
            p.note { (with_code(table.note)) }
            @if table.rows.is_empty() {
                p.nothing { "Nothing in this period." }
            } @else {
                table {
                    thead {
                        // On paper, every page says what it is part of.
                        tr.running {
                            th colspan=(table.columns.len()) {
                                (document.title) " · " (running(&document.provenance))
                            }
                        }
                        tr {
                            @for (at, column) in table.columns.iter().enumerate() {
                                @let is_number = table.rows.iter().any(|row| matches!(row.get(at), Some(Cell::Number(_))));
                                th scope="col" .number[is_number] { (column) }
                            }
                        }
                    }
                    tbody {
                        @for row in &table.rows {
                            tr { @for cell in row { (data(cell)) } }
                        }
                    }
                }
            }
        }
    }
}

fn data(cell: &Cell) -> Markup {
    match cell {
        Cell::Text(text) if text.is_empty() => html! { td.none { "–" } },
        Cell::Lines(lines) if lines.is_empty() => html! { td.none { "–" } },
        Cell::Text(text) => html! { td { (breakable(text)) } },
        Cell::Number(number) => html! { td.number { (grouped(*number)) } },
        Cell::Time(time) => html! {
            td.time { @for part in moment(*time).split(' ') { span { (part) } " " } }
        },
        Cell::Day(day) => html! { td.time { span { (day) } } },
        Cell::Lines(lines) => html! {
            td { @for line in lines { div { (breakable(line)) } } }
        },
        Cell::Marked(text, mark) => {
            let class = match mark {
                Mark::Good => "good",
                Mark::Attention => "attention",
                Mark::Bad => "bad",
            };
            html! { td { span class=(class) { (text) } } }
        }
    }
}

/// Text that may be broken behind the dots and slashes of names.
fn breakable(text: &str) -> Markup {
    html! {
        @for part in text.split_inclusive(['.', '/', '_']) { (part) wbr; }
    }
}

/// Text in which words between backticks are set as code.
fn with_code(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn owner(provenance: &Provenance) -> &str {
    provenance.tenant.as_ref().map_or(&*provenance.checkpoint.origin, |tenant| tenant.as_str())
}

/// `acme · acme.example/one with 2 873 entries`
fn running(provenance: &Provenance) -> String {
    let tenant = provenance.tenant.as_ref().map(|tenant| format!("{tenant} · "));
    let checkpoint = &provenance.checkpoint;
    let (origin, size) = (&checkpoint.origin, grouped(checkpoint.size));
    format!("{}{origin} with {size} entries", tenant.unwrap_or_default())
}

fn period(period: Period) -> String {
    match (period.from, period.until) {
        (None, None) => "the whole log".to_owned(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("{from} to {until}"),
    }
}

/// `2026-11-24 09:01:02`
fn moment(time: Timestamp) -> String {
    let text = time.to_rfc3339();
    let seconds = text.split('.').next().unwrap_or_default();
    seconds.replace('T', " ")
}

/// Digits in threes, with a narrow space that does not break.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}
