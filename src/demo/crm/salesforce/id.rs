// SPDX-License-Identifier: Apache-2.0
//! Record ids: 15 case-sensitive characters, and three more that make them safe
//! where case is lost.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The 18 characters for the object with this prefix and this number.
pub(super) fn new(key_prefix: &str, mut number: u64) -> String {
    let mut digits = [b'0'; 7];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get((number % 62) as usize).copied().unwrap_or(b'0');
        number /= 62;
    }
    let short = format!("{key_prefix}WV000{}", String::from_utf8_lossy(&digits));
    format!("{short}{}", suffix(&short))
}

/// The 18-character form of an id of either length; `None` when it is no id.
pub(super) fn long(id: &str) -> Option<String> {
    let is_alphanumeric = id.bytes().all(|b| b.is_ascii_alphanumeric());
    let short = id.get(..15).filter(|_| is_alphanumeric && matches!(id.len(), 15 | 18))?;
    Some(format!("{short}{}", suffix(short)))
}

/// One character per five of the id, which says which of them are upper case.
fn suffix(short: &str) -> String {
    let chunks = short.as_bytes().chunks(5);
    chunks
        .map(|chunk| {
            let bits = chunk.iter().enumerate();
            let index: usize =
                bits.map(|(bit, byte)| usize::from(byte.is_ascii_uppercase()) << bit).sum();
            SUFFIX.get(index).copied().map_or('A', char::from)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_a_long_form() {
        // The example of Salesforce's own object reference.
        assert_eq!(long("001A0000006Vm9r").as_deref(), Some("001A0000006Vm9rIAC"));
        assert_eq!(long("001A0000006Vm9rIAC").as_deref(), Some("001A0000006Vm9rIAC"));
        assert_eq!(long("not-an-id"), None);
        let id = new("003", 63);
        assert_eq!((id.len(), id.get(..15)), (18, Some("003WV0000000011")));
        assert_eq!(long(&id).as_deref(), Some(id.as_str()));
    }
}
