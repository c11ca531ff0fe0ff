// SPDX-License-Identifier: Apache-2.0
//! How a step looks on the screen.

use std::io;

use serde_json::Value;

use super::checks::Checks;
use super::person::EMAIL;
use super::scene::{Scene, readable};
use super::screen::{Screen, Tone, wrap};
use super::{Report, Step, World};

const LABEL: usize = 18;
const GAP: usize = 2;

pub(super) fn show(
    screen: &mut Screen<'_>,
    place: &str,
    step: &Step,
    scene: &Scene,
    checks: &Checks<'_>,
) -> io::Result<()> {
    heading(screen, &format!("{place} · {}", step.title))?;
    screen.labelled("", step.explanation, Tone::Plain)?;
    screen.blank()?;
    exchange(screen, scene)?;
    fields(screen, scene)?;
    for (at, entry) in scene.log.iter().enumerate() {
        labelled(screen, if at == 0 { "transfer log" } else { "" }, entry, Tone::Quiet)?;
    }
    screen.blank()?;
    for check in checks.results() {
        match &check.difference {
            None => screen.line(&[(Tone::Good, "✓ ", 0), (Tone::Plain, &check.claim, 0)])?,
            Some(difference) => {
                let text = format!("{}: {difference}", check.claim);
                screen.labelled("✗ ", &text, Tone::Bad)?;
            }
        }
    }
    screen.blank()?;
    screen.flush()
}

fn heading(screen: &mut Screen<'_>, text: &str) -> io::Result<()> {
    let rest = screen.width().saturating_sub(text.chars().count() + 4);
    let rule = "─".repeat(rest);
    screen.line(&[(Tone::Heading, &format!("── {text} "), 0), (Tone::Quiet, &rule, 0)])
}

/// Who asked for what, what of it reached the CRM, and how it was answered.
fn exchange(screen: &mut Screen<'_>, scene: &Scene) -> io::Result<()> {
    let caller = scene.caller.name();
    let body = scene.sent.body.as_ref().filter(|_| !scene.writes()).map(Value::to_string);
    let sent = format!("{} {}", scene.sent.method, readable(scene.sent.target.as_bytes()));
    labelled(screen, &format!("{caller} asked"), &sent, Tone::Clear)?;
    labelled(screen, "", body.as_deref().unwrap_or_default(), Tone::Clear)?;
    for request in &scene.received {
        let received = format!("{} {}", request.method, readable(&request.target));
        labelled(screen, "the CRM received", &received, Tone::Sealed)?;
        let body = body.as_ref().map(|_| String::from_utf8_lossy(&request.body));
        labelled(screen, "", &body.unwrap_or_default(), Tone::Sealed)?;
    }
    if scene.received.is_empty() {
        labelled(screen, "the CRM received", "nothing", Tone::Plain)?;
    }
    let mut answer = scene.status.to_string();
    if let Some(code) = &scene.refusal {
        answer = format!("{answer} (Zollhaus-Refusal: {code})");
    }
    labelled(screen, &format!("{caller} got"), &answer, Tone::Clear)?;
    if let Some(message) = scene.refusal.as_ref().and_then(|_| scene.answered_value("message")) {
        labelled(screen, "", &message, Tone::Plain)?;
    }
    screen.blank()
}

/// A text beside its label; no text, no line.
fn labelled(screen: &mut Screen<'_>, label: &str, text: &str, tone: Tone) -> io::Result<()> {
    if text.is_empty() { Ok(()) } else { screen.labelled(&format!("{label:LABEL$}"), text, tone) }
}

/// Field by field, side by side.
fn fields(screen: &mut Screen<'_>, scene: &Scene) -> io::Result<()> {
    let Some(record) = scene.stored.as_ref().filter(|_| scene.refusal.is_none()) else {
        return Ok(());
    };
    let got = format!("{} got back", scene.caller.name());
    let columns: &[Column<'_>] = &[
        Column { head: "the application sent", tone: Tone::Clear, value: Scene::sent_value },
        Column { head: "the CRM stored", tone: Tone::Sealed, value: Scene::stored_value },
        Column { head: &got, tone: Tone::Clear, value: Scene::answered_value },
    ];
    let columns = columns.get(usize::from(!scene.writes())..).unwrap_or_default();
    let width = (screen.width() - LABEL) / columns.len().max(1);
    let mut head = vec![(Tone::Plain, "", LABEL)];
    head.extend(columns.iter().map(|column| (Tone::Heading, column.head, width)));
    screen.line(&head)?;
    let composed = ["Name"].into_iter().filter(|name| scene.answered_value(name).is_some());
    for name in composed.chain(record.fields.keys().map(String::as_str)) {
        let cells: Vec<Vec<String>> = columns
            .iter()
            .map(|column| {
                let value = (column.value)(scene, name).map(|text| text.replace('\n', "↵"));
                wrap(value.as_deref().unwrap_or("–"), width - GAP)
            })
            .collect();
        for at in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut line = vec![(Tone::Quiet, if at == 0 { name } else { "" }, LABEL)];
            line.extend(columns.iter().zip(&cells).map(|(column, cell)| {
                (column.tone, cell.get(at).map_or("", String::as_str), width)
            }));
            screen.line(&line)?;
        }
    }
    screen.blank()
}

struct Column<'h> {
    head: &'h str,
    tone: Tone,
    value: fn(&Scene, &str) -> Option<String>,
}

pub(super) fn sum_up(screen: &mut Screen<'_>, report: &Report) -> io::Result<()> {
    let held: usize = report.steps.iter().map(|step| step.held).sum();
    let steps = report.steps.len();
    if report.passed() {
        let text = format!("All {steps} steps went as they should; {held} checks held.");
        screen.line(&[(Tone::Good, &text, 0)])?;
    } else {
        screen.line(&[(Tone::Bad, "The tour did not go as it should:", 0)])?;
        for step in &report.steps {
            for difference in &step.differences {
                screen.labelled("✗ ", &format!("{}: {difference}", step.title), Tone::Bad)?;
            }
        }
    }
    screen.flush()
}

pub(super) fn invite(screen: &mut Screen<'_>, world: &World) -> io::Result<()> {
    let (salesforce, hubspot) = (&world.salesforce, &world.hubspot);
    let (support, analyst) = (&world.callers.support, &world.callers.analyst);
    let email = EMAIL.replace('@', "%40");
    let soql = "SELECT+Id,Name,Email,Phone+FROM+Contact";
    heading(screen, "now it is your turn")?;
    screen.blank()?;
    let curl = |key: &str, rest: &str| {
        format!("curl -H 'Zollhaus-Key: {key}' -H 'Authorization: Bearer sample' \\\n  {rest}\n")
    };
    for (title, command) in [
        (
            "Through the proxy, as support:",
            curl(support, &format!("'{salesforce}/services/data/v62.0/query?q={soql}'")),
        ),
        (
            "The same as the analyst:",
            curl(analyst, &format!("'{salesforce}/services/data/v62.0/query?q={soql}'")),
        ),
        (
            "Past the proxy, as whoever breaks into the CRM:",
            format!(
                "curl -H 'Authorization: Bearer sample' \\\n  '{}/services/data/v62.0/query?q={soql}'\n",
                world.crm.origin()
            ),
        ),
        (
            "HubSpot, with an address in the path:",
            curl(support, &format!("'{hubspot}/crm/v3/objects/contacts/{email}?idProperty=email'")),
        ),
        (
            "A new contact:",
            curl(
                support,
                &format!(
                    "-H 'Content-Type: application/json' \\\n  -d '{{\"LastName\":\"Doe\",\"Email\":\"jo.doe@example.com\"}}' \\\n  '{salesforce}/services/data/v62.0/sobjects/Contact'"
                ),
            ),
        ),
    ] {
        screen.line(&[(Tone::Heading, title, 0)])?;
        screen.verbatim(&command)?;
    }
    screen.flush()
}
