//! Signed webhooks: by its secret a receiver knows that a call is ours, new and unchanged (standardwebhooks.com).

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use ring::hmac;

/// The headers that sign a call. The id is the same in each try, the time is the try's own.
pub(super) fn sign(
    secret: &[u8],
    id: &str,
    seconds: i64,
    body: &[u8],
) -> anyhow::Result<[(HeaderName, HeaderValue); 3]> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    let signature = format!("v1,{}", STANDARD.encode(mac.sign()));
    Ok([
        (HeaderName::from_static("webhook-id"), HeaderValue::from_str(id).context("the id of a webhook")?),
        (HeaderName::from_static("webhook-timestamp"), HeaderValue::from(seconds)),
        (HeaderName::from_static("webhook-signature"), HeaderValue::try_from(signature)?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_signed_as_the_standard_does() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers =
            sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).unwrap();
        let headers = headers.each_ref().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        assert_eq!(
            headers,
            [
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ]
        );
    }
}
