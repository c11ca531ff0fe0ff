// SPDX-License-Identifier: Apache-2.0
//! AWS Signature Version 4, as far as requests to the root of a host need it.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::{Secret, Timestamp};

/// Who signs.
#[derive(Clone, Debug)]
pub(super) struct AwsCredentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    /// Of temporary credentials.
    pub(super) session_token: Option<Secret>,
}

/// What is signed besides the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) now: Timestamp,
}

/// The value of `Authorization` for `POST /`.
///
/// `headers` are all that are signed, with lower-case names in their order and values
/// without white space around them: `host` and `x-amz-date` at least.
pub(super) fn authorization(
    credentials: &AwsCredentials,
    scope: Scope<'_>,
    headers: &[(&str, &str)],
    body: &[u8],
) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let fields: Zeroizing<String> =
        Zeroizing::new(headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect());
    let request = Zeroizing::new(format!(
        "POST\n/\n\n{}\n{names}\n{}",
        *fields,
        hexadecimal(&Sha256::digest(body))
    ));
    let time = amz_date(scope.now);
    let (day, _) = time.split_at(8);
    let place = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let digest = hexadecimal(&Sha256::digest(request.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{place}\n{digest}");

    let secret = Zeroizing::new([b"AWS4", credentials.secret_access_key.expose()].concat());
    let key = [day, scope.region, scope.service, "aws4_request"]
        .iter()
        .fold(secret, |key, part| code(&key, part.as_bytes()));
    let signature = hexadecimal(&code(&key, to_sign.as_bytes()));
    let id = &credentials.access_key_id;
    format!(
        "AWS4-HMAC-SHA256 Credential={id}/{place}, SignedHeaders={names}, Signature={signature}"
    )
}

/// `20150830T123600Z`
pub(super) fn amz_date(now: Timestamp) -> String {
    let time = now.to_rfc3339();
    let seconds = time.split('.').next().unwrap_or_default();
    let digits: String = seconds.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{digits}Z")
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn code(key: &[u8], text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text);
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    //! Cases of AWS's own test suite: awslabs/aws-c-auth, `tests/aws-signing-test-suite/v4`,
    //! commit 495329c2; those that post to `/`, without repeated or folded header fields.

    use super::*;

    const DATE: (&str, &str) = ("x-amz-date", "20150830T123600Z");
    const HOST: (&str, &str) = ("host", "example.amazonaws.com");
    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWs\
        KWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8p\
        hUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u\
        0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    const SHA256_OF_FORM: &str = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";

    fn check(headers: &[(&str, &str)], body: &str, signature: &str) {
        let credentials = AwsCredentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: None,
        };
        let now = Timestamp::from_rfc3339("2015-08-30T12:36:00Z").unwrap();
        assert_eq!(amz_date(now), DATE.1);
        let scope = Scope { region: "us-east-1", service: "service", now };
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={}, Signature={signature}",
            names.join(";")
        );
        assert_eq!(authorization(&credentials, scope, headers, body.as_bytes()), expected);
    }

    #[test]
    fn aws_signing_test_suite() {
        let form = |kind, signature| {
            let hash = ("x-amz-content-sha256", SHA256_OF_FORM);
            let headers = [("content-length", "13"), ("content-type", kind), HOST, hash, DATE];
            check(&headers, "Param1=value1", signature);
        };
        check(
            &[HOST, DATE],
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        );
        check(
            &[HOST, DATE, ("x-amz-security-token", TOKEN)],
            "",
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        );
        check(
            &[HOST, ("my-header1", "value1"), DATE],
            "",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        );
        check(
            &[HOST, ("my-header1", "VALUE1"), DATE],
            "",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        );
        form(
            "application/x-www-form-urlencoded",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        );
        form(
            "application/x-www-form-urlencoded; charset=utf-8",
            "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
        );
        crate::testkit::report("AWS Signature V4, POST /", 6, 6, "");
    }
}
