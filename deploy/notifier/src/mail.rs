//! The sending: one request to SES, made once, and what its answer says of whether the mail goes out.

use crate::letter::Letter;
use crate::reason;
use crate::settings::Settings;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::Builder;
use aws_sdk_sesv2::config::http::HttpResponse;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata as _, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag};
use std::time::Duration;
use tokio::time::timeout;

/// Where mail goes out.
pub(crate) struct Post {
    client: Client,
    from: String,
    configuration_set: String,
}

/// Why a mail did not go out, or may not have. Each has a code that can be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// SES did not take it and never will.
    Refused(String),
    /// SES did certainly not take it, and may another time.
    NotTaken(String),
    /// Nobody knows whether SES took it.
    Unknown(String),
}

impl Post {
    pub(crate) fn new(config: &SdkConfig, settings: &Settings) -> Self {
        // Never again by itself: the first request may have been answered by a mail, and only its answer was lost.
        let once = Builder::from(config).retry_config(RetryConfig::disabled()).build();
        let Settings { from, configuration_set, .. } = settings.clone();
        Self { client: Client::from_conf(once), from, configuration_set }
    }

    pub(crate) async fn send(&self, letter: &Letter, limit: Duration) -> Result<(), Failure> {
        let not_asked = |_: BuildError| Failure::NotTaken("NotAsked".to_owned());
        let request = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(&letter.to).build())
            .content(EmailContent::builder().simple(message(letter).map_err(not_asked)?).build())
            .configuration_set_name(&self.configuration_set)
            // By these an event tells which letter it is of.
            .email_tags(tag("letter", &letter.id.to_string()).map_err(not_asked)?)
            .email_tags(tag("kind", &letter.kind.to_string()).map_err(not_asked)?);
        match timeout(limit, request.send()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(Failure::Unknown("TimeOut".to_owned())),
        }
    }
}

fn message(letter: &Letter) -> Result<Message, BuildError> {
    let mut body = Body::builder().text(content(&letter.text)?);
    if let Some(html) = &letter.html {
        body = body.html(content(html)?);
    }
    let mut message = Message::builder().subject(content(&letter.subject)?).body(body.build());
    if let Some(link) = &letter.unsubscribe {
        message = message
            .headers(header("List-Unsubscribe", &format!("<{link}>"))?)
            .headers(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
    }
    Ok(message.build())
}

fn content(text: &str) -> Result<Content, BuildError> {
    Content::builder().charset("UTF-8").data(text).build()
}

fn header(name: &str, value: &str) -> Result<MessageHeader, BuildError> {
    MessageHeader::builder().name(name).value(value).build()
}

fn tag(name: &str, value: &str) -> Result<MessageTag, BuildError> {
    MessageTag::builder().name(name).value(value).build()
}

/// What an error says of the mail.
///
/// Only two kinds of error prove that SES has not taken it: that there was no request (it could not be made, or no connection
/// came about), and an answer of SES that blames the request (4xx), which includes throttling. After everything else, an
/// answer lost on the way or a fault of SES in the midst of its work (5xx), the mail may be on its way. To wait then
/// costs nothing: the queue gives the letter again later than the claim on it ends.
fn failure(error: &SdkError<SendEmailError, HttpResponse>) -> Failure {
    let code = reason::code(error);
    match error {
        SdkError::ConstructionFailure(_) => Failure::NotTaken(code),
        SdkError::DispatchFailure(_) if reason::never_connected(error) => Failure::NotTaken(code),
        SdkError::ServiceError(said) if said.raw().status().is_client_error() => {
            if is_final(said.err()) {
                Failure::Refused(code)
            } else {
                Failure::NotTaken(code)
            }
        }
        _ => Failure::Unknown(code),
    }
}

/// Whether an answer is about this letter, so that another time would bring the same. What is about the account or the
/// sending domain is for an operator to mend, and the letter waits: it is lost otherwise.
fn is_final(said: &SendEmailError) -> bool {
    match said {
        SendEmailError::BadRequestException(_) => true,
        // Also said while the sender's domain is not verified, or in the sandbox the recipient's address.
        SendEmailError::MessageRejected(_) => !said.message().unwrap_or_default().contains("not verified"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sesv2::config::http::HttpResponse;
    use aws_sdk_sesv2::error::{ConnectorError, ErrorMetadata};
    use aws_sdk_sesv2::types::error::{BadRequestException, MessageRejected, TooManyRequestsException};
    use std::io;

    type Error = SdkError<SendEmailError, HttpResponse>;

    fn meta(code: &str, message: &str) -> ErrorMetadata {
        ErrorMetadata::builder().code(code).message(message).build()
    }

    fn said(status: u16, error: SendEmailError) -> Failure {
        failure(&Error::service_error(error, answer(status)))
    }

    fn answer(status: u16) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), "".into())
    }

    fn rejected(message: &str) -> SendEmailError {
        let error = MessageRejected::builder().message(message).meta(meta("MessageRejected", message));
        SendEmailError::MessageRejected(error.build())
    }

    #[test]
    fn a_refusal_of_this_letter_is_final() {
        let bad =
            BadRequestException::builder().meta(meta("BadRequestException", "ada@example is no address"));
        let bad = said(400, SendEmailError::BadRequestException(bad.build()));
        assert_eq!(bad, Failure::Refused("BadRequestException".into()));
        assert_eq!(said(400, rejected("Illegal content")), Failure::Refused("MessageRejected".into()));
    }

    #[test]
    fn what_an_operator_can_mend_is_tried_again() {
        let unverified =
            "Email address is not verified. The following identities failed the check: ada@example.org";
        assert_eq!(said(400, rejected(unverified)), Failure::NotTaken("MessageRejected".into()));
        for code in
            ["SendingPausedException", "AccessDeniedException", "ThrottlingException", "<odd ada@b.c>"]
        {
            let expected: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
            assert_eq!(said(403, SendEmailError::generic(meta(code, ""))), Failure::NotTaken(expected));
        }
        let many = TooManyRequestsException::builder()
            .meta(meta("TooManyRequestsException", "Maximum sending rate"));
        let many = said(429, SendEmailError::TooManyRequestsException(many.build()));
        assert_eq!(many, Failure::NotTaken("TooManyRequestsException".into()));
    }

    #[test]
    fn only_what_was_never_sent_is_certain_without_an_answer() {
        let dispatch = |kind: io::ErrorKind| {
            failure(&Error::dispatch_failure(ConnectorError::io(io::Error::from(kind).into())))
        };
        assert_eq!(dispatch(io::ErrorKind::ConnectionRefused), Failure::NotTaken("NoConnection".into()));
        assert_eq!(dispatch(io::ErrorKind::ConnectionReset), Failure::Unknown("NoConnection".into()));
        assert_eq!(dispatch(io::ErrorKind::HostUnreachable), Failure::Unknown("NoConnection".into()));
        assert_eq!(failure(&Error::construction_failure("no region")), Failure::NotTaken("NotAsked".into()));
        assert_eq!(failure(&Error::timeout_error("late")), Failure::Unknown("TimeOut".into()));
        for status in [500, 502, 503, 504] {
            let error = SendEmailError::generic(meta("InternalFailure", ""));
            assert_eq!(said(status, error), Failure::Unknown("InternalFailure".into()));
        }
        let garbled = Error::response_error("no JSON", answer(200));
        assert_eq!(failure(&garbled), Failure::Unknown("NoSense".into()));
    }
}
