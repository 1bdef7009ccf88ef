//! The `smtp` channel: a mail server, for people without AWS.

use super::Letter;
use anyhow::{Context as _, anyhow, ensure};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use roomm8_db::notification::Leased;

/// A mail server, and in whose name letters are sent.
#[derive(Debug)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// A channel to the server of this URL, as in `smtps://user:password@mail.example.org`. It is connected to when there is
    /// a letter.
    ///
    /// # Errors
    /// If the URL is none of a mail server, if a password would go there unencrypted, or if nobody can be written from.
    pub fn new(url: &str, from: &str) -> anyhow::Result<Self> {
        let is_open = url.starts_with("smtp://") && !url.contains("tls=required");
        ensure!(
            !(is_open && url.contains('@')),
            "SMTP_URL would send its password unencrypted: write smtps://, or add ?tls=required"
        );
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .context("SMTP_URL is none of a mail server: write smtps://user:password@mail.example.org")?;
        let from = from.parse().context("MAIL_FROM is no address: write RoomM8 <letters@example.org>")?;
        Ok(Self { transport: transport.build(), from })
    }

    pub(super) async fn send(&self, leased: &Leased, letter: &Letter) -> anyhow::Result<()> {
        let sent = self.transport.send(self.message(leased, letter)?).await;
        sent.map(|_| ()).map_err(|error| match error.status() {
            // Its words may name the recipient.
            Some(code) => anyhow!("the mail server answered {code}"),
            None => error.into(),
        })
    }

    fn message(&self, leased: &Leased, letter: &Letter) -> anyhow::Result<Message> {
        let raw = |name, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, leased.recipient.parse()?))
            .subject(letter.subject.as_str())
            // The same in every try: a mail reader shows a second delivery once.
            .message_id(Some(format!("<{}@{}>", leased.id, self.from.email.domain())))
            .date(leased.created_at.to_utc().into())
            // No out-of-office reply is wanted (RFC 3834, 5).
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()));
        if let Some(link) = &letter.unsubscribe {
            // A button of the mail reader's own (RFC 8058).
            message = message
                .raw_header(raw("List-Unsubscribe", format!("<{link}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        Ok(message.multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))?)
    }
}
