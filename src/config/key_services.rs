// SPDX-License-Identifier: Apache-2.0
//! Services and devices that keep the root key: `keys.vault_transit`, `keys.aws_kms`,
//! `keys.pkcs11`.

use http::Uri;

use crate::keys::{
    AwsCredentialsSource, KmsSettings, Pkcs11Settings, SecretSource, TransitSettings,
};

use super::document::is_name;
use super::environment::{environment, expected};
use super::item::Item;
use super::keys::secret;
use super::upstream;

pub fn vault_transit(item: &Item<'_>) -> Option<TransitSettings> {
    let section = item.section()?;
    let url = section.required("url").and_then(|url| upstream::origin(&url, false, false));
    let key = section.required("key").and_then(|key| path(&key, 1));
    let token = section.required("token").and_then(|token| secret(&token));
    let mount = section.optional_or("mount", "transit".to_owned(), |mount| path(&mount, 8));
    let namespace =
        section.optional_or("namespace", None, |namespace| path(&namespace, 8).map(Some));
    let ca = section.optional_or("ca", None, |ca| ca.existing_file().map(Some));
    section.finish();
    Some(TransitSettings {
        url: url?,
        ca: ca?,
        namespace: namespace?,
        mount: mount?,
        key: key?,
        token: token?,
    })
}

/// Names with `/` between them, at most so many.
fn path(item: &Item<'_>, most: usize) -> Option<String> {
    let text = item.text()?;
    let is_path = text.split('/').count() <= most && text.split('/').all(is_segment);
    if !is_path {
        let right =
            if most == 1 { "a name such as `zollhaus`" } else { "for example `team/transit`" };
        item.refuse(format!("`{}` is not a name in Vault", item.name), right);
        return None;
    }
    Some(text.to_owned())
}

/// `.` and `..` would lead elsewhere.
fn is_segment(text: &str) -> bool {
    is_name(text) && !text.starts_with('.')
}

pub fn aws_kms(item: &Item<'_>) -> Option<KmsSettings> {
    let section = item.section()?;
    let region = section.required("region").and_then(|region| aws_region(&region));
    let key = section.required("key").and_then(|key| aws_key(&key));
    let endpoint = section.optional_or("endpoint", None, |endpoint| {
        upstream::origin(&endpoint, false, false).map(Some)
    });
    let ca = section.optional_or("ca", None, |ca| ca.existing_file().map(Some));
    let credentials = match section.optional("credentials") {
        Some(credentials) => aws_credentials(&credentials),
        None => Some(aws_environment(item)),
    };
    section.finish();
    let region = region?;
    let endpoint = match endpoint? {
        Some(endpoint) => endpoint,
        None => kms_endpoint(&region)?,
    };
    Some(KmsSettings { region, key: key?, endpoint, ca: ca?, credentials: credentials? })
}

/// China has a domain of its own.
fn kms_endpoint(region: &str) -> Option<Uri> {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://kms.{region}.amazonaws.com{suffix}").parse().ok()
}

fn aws_region(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    let is_region = text.len() <= 40
        && text.split('-').count() >= 3
        && text.split('-').all(|part| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if !is_region {
        item.refuse(
            format!("`{}` is not a region of AWS", item.name),
            "for example `eu-central-1`",
        );
        return None;
    }
    Some(text.to_owned())
}

fn aws_key(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    let is_key = text.len() <= 256
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte));
    if !is_key {
        item.refuse(
            format!("`{}` does not name a key of KMS", item.name),
            "an ARN, an id, or an alias such as `alias/zollhaus`",
        );
        return None;
    }
    Some(text.to_owned())
}

/// `file` and `profile`.
fn aws_credentials(item: &Item<'_>) -> Option<AwsCredentialsSource> {
    let section = item.section()?;
    let path = section.required("file").and_then(|file| file.existing_file());
    let profile = section
        .optional_or("profile", "default".to_owned(), |profile| profile.text().map(str::to_owned));
    section.finish();
    Some(AwsCredentialsSource::File { path: path?, profile: profile? })
}

fn aws_environment(item: &Item<'_>) -> AwsCredentialsSource {
    let variable = |name: &str| SecretSource::Environment {
        name: name.to_owned(),
        value: expected(item, name),
    };
    AwsCredentialsSource::Environment {
        id: variable("AWS_ACCESS_KEY_ID"),
        key: variable("AWS_SECRET_ACCESS_KEY"),
        session_token: environment("AWS_SESSION_TOKEN"),
    }
}

pub fn pkcs11(item: &Item<'_>) -> Option<Pkcs11Settings> {
    let section = item.section()?;
    let module = section.required("module").and_then(|module| module.existing_file());
    let token = section.required("token").and_then(|token| label(&token, 32));
    let key = section.required("key").and_then(|key| label(&key, 255));
    let pin = section.required("pin").and_then(|pin| secret(&pin));
    section.finish();
    Some(Pkcs11Settings { module: module?, token: token?, key: key?, pin: pin? })
}

/// Labels of tokens have 32 bytes, padded with spaces, which do not count.
fn label(item: &Item<'_>, most: usize) -> Option<String> {
    let text = item.text()?;
    if text.len() > most || text.ends_with(' ') {
        item.refuse(
            format!("`{}` is not a label", item.name),
            format!("it has up to {most} bytes and no space at the end"),
        );
        return None;
    }
    Some(text.to_owned())
}
