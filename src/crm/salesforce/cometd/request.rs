// SPDX-License-Identifier: Apache-2.0
//! The messages of a request: all of them are settings, except for what is published.

use crate::base::ObjectName;
use crate::carrier::json::{Kind, Node};
use crate::crm::LocateError;
use crate::crm::message::{is_time, unparseable};
use crate::crm::salesforce::record::Records;
use crate::crm::salesforce::schema::{self, is_name};

/// What is found in messages.
#[derive(Default)]
pub(super) struct Messages {
    /// What the first message does.
    pub operation: Option<&'static str>,
    /// The object of the first event that is published.
    pub object: Option<ObjectName>,
    pub records: Records,
}

const META: [(&str, &str); 5] = [
    ("/meta/handshake", "cometd.handshake"),
    ("/meta/connect", "cometd.connect"),
    ("/meta/subscribe", "cometd.subscribe"),
    ("/meta/unsubscribe", "cometd.unsubscribe"),
    ("/meta/disconnect", "cometd.disconnect"),
];

impl Messages {
    /// A list of messages, or one.
    pub fn read(&mut self, root: Node<'_>) -> Result<(), LocateError> {
        match root.kind() {
            Kind::Array => root.elements().try_for_each(|message| self.message(message)),
            _ => self.message(root),
        }
    }

    fn message(&mut self, message: Node<'_>) -> Result<(), LocateError> {
        let channel = message.get("channel").and_then(|channel| channel.text());
        let channel = channel.ok_or_else(|| refuse(message, "has no channel"))?;
        let meta = META.into_iter().find(|(known, _)| *known == channel);
        let event = event_of(&channel).map(schema::object_name);
        let operation = match (meta, &event) {
            (Some((_, operation)), _) => operation,
            (None, Some(_)) => "cometd.publish",
            (None, None) => {
                return Err(refuse(message, "is for a channel that nothing is published to here"));
            }
        };
        self.operation.get_or_insert(operation);
        for member in message.members() {
            let value = member.value;
            match (member.key.as_ref(), &event) {
                ("data", Some(object)) => {
                    self.records.record(value, Some(object))?;
                    self.object.get_or_insert_with(|| object.clone());
                }
                (key, _) if is_setting(key, value) => {}
                _ => return Err(refuse(value, "is not a setting that a message takes")),
            }
        }
        Ok(())
    }
}

/// `Order_Event__e` of `/event/Order_Event__e`.
pub(super) fn event_of(channel: &str) -> Option<&str> {
    channel.strip_prefix("/event/").filter(|name| is_name(name))
}

fn is_setting(key: &str, value: Node<'_>) -> bool {
    let text = value.text().unwrap_or_default();
    let is_number = value.kind() == Kind::Number;
    match key {
        "channel" => true,
        "id" | "clientId" | "connectionType" => is_word(&text) || (key == "id" && is_number),
        "version" | "minimumVersion" => is_word(&text.replace('.', "-")),
        "timestamp" => is_time(&text),
        "supportedConnectionTypes" => all(value, |it| it.text().is_some_and(|it| is_word(&it))),
        "subscription" if value.kind() == Kind::Array => {
            all(value, |it| it.text().is_some_and(|it| is_channel(&it)))
        }
        "subscription" => is_channel(&text),
        "advice" => members(value, |key, value| match key {
            "timeout" | "interval" => value.kind() == Kind::Number,
            "reconnect" => value.text().is_some_and(|text| is_word(&text)),
            _ => false,
        }),
        "ext" => value.kind() == Kind::Null || members(value, is_extension),
        _ => false,
    }
}

/// What extensions say: from which event on, which messages came, how late clocks are.
fn is_extension(key: &str, value: Node<'_>) -> bool {
    let is_flag = matches!(value.kind(), Kind::True | Kind::False);
    let is_number = |node: Node<'_>| node.kind() == Kind::Number;
    match key {
        "ack" => is_flag || is_number(value),
        "payload.format" => is_flag,
        "replay" => {
            is_flag || members(value, |channel, from| is_channel(channel) && is_number(from))
        }
        "timesync" => members(value, |key, value| is_word(key) && is_number(value)),
        _ => false,
    }
}

fn all(list: Node<'_>, is_fine: impl Fn(Node<'_>) -> bool) -> bool {
    list.kind() == Kind::Array && list.elements().all(is_fine)
}

fn members(object: Node<'_>, is_fine: impl Fn(&str, Node<'_>) -> bool) -> bool {
    object.kind() == Kind::Object
        && object.members().all(|member| is_fine(&member.key, member.value))
}

/// `/data/ContactChangeEvent`, `/topic/Sales`; without a filter.
fn is_channel(text: &str) -> bool {
    let is_part = |part: &str| matches!(part, "*" | "**") || is_word(part);
    let parts = text.strip_prefix('/').filter(|parts| parts.len() <= 255);
    parts.is_some_and(|parts| parts.split('/').all(is_part))
}

fn is_word(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=128).contains(&text.len()) && text.bytes().all(is_part)
}

fn refuse(node: Node<'_>, problem: &str) -> LocateError {
    unparseable("the body", format!("what stands at byte {} {problem}", node.span().start))
}
