//! The ARN of a secret.

use std::fmt;
use std::str::FromStr;

/// The ARN of a secret in AWS Secrets Manager. The ARN itself is not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretArn(String);

/// The text is not the ARN of a secret. The error does not quote the text, which may be the
/// secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretArnError;

impl SecretArn {
    /// The ARN in the spelling of AWS.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretArn {
    type Err = SecretArnError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        // arn:<partition>:secretsmanager:<region>:<account>:secret:<name>
        let mut parts = raw.split(':');
        let (arn, service, kind) = (parts.next(), parts.nth(1), parts.nth(2));
        let spelled = raw.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
        let named = parts.next().is_some_and(|name| !name.is_empty());
        let is_one = (arn, service, kind) == (Some("arn"), Some("secretsmanager"), Some("secret"));
        (is_one && named && spelled).then(|| Self(raw.to_owned())).ok_or(SecretArnError)
    }
}

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SecretArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid ARN of a secret: must be arn:…:secretsmanager:…:secret:…")
    }
}

impl std::error::Error for SecretArnError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arn_of_a_secret_is_accepted() {
        for (raw, is_one) in [
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:guestpass/acs-AbCdEf", true),
            ("arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:acs", true),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:", false),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret", false),
            ("arn:aws:ssm:eu-west-1:123456789012:secret:acs", false),
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a\"b", false),
            ("guestpass/acs", false),
            ("endpoint=https://x.communication.azure.com/;accesskey=c2VjcmV0", false),
            ("", false),
        ] {
            let parsed = raw.parse::<SecretArn>();
            assert_eq!(parsed.is_ok(), is_one, "{raw}");
            assert!(parsed.map_or(true, |arn| arn.as_str() == raw));
        }
    }
}
