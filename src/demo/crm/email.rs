// SPDX-License-Identifier: Apache-2.0

/// An address that both CRMs could accept, split at its `@`: a local part of 1 to
/// 64 permitted ASCII characters that does not begin with a dot (dots in a row are
/// let through), and a host name of at least two labels.
pub(super) fn parse(address: &str) -> Option<(&str, &str)> {
    let (local, domain) = address.rsplit_once('@')?;
    let is_local = (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b));
    let is_domain = domain.contains('.') && domain.split('.').all(is_label);
    (is_local && is_domain).then_some((local, domain))
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_are_checked() {
        let check = |address: &str, expected| {
            assert_eq!(super::parse(address).is_some(), expected, "{address}");
        };
        check("a@b.de", true);
        check("siobhan.o'brien+crm@sub.example.com", true);
        check("two..dots@example.com", true);
        check(".dot@example.com", false);
        check("\"quoted\"@example.com", false);
        check("no-at.example.com", false);
        check("a@localhost", false);
        check("a@b..de", false);
        check("a b@example.com", false);
        check("ü@example.com", false);
        check(&format!("{}@example.com", "a".repeat(65)), false);
    }
}
