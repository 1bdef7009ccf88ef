//! What SES tells of mail that it took: that it sent it, that it came back, that somebody complains of it.

use crate::letter::Name;
use serde::Deserialize;

/// An event of SES. It has no `Debug`, as it holds addresses.
#[derive(Deserialize)]
#[serde(tag = "eventType")]
pub(crate) enum Feedback {
    /// SES took the mail and tries to deliver it.
    Send { mail: Mail },
    /// A server refused it.
    Bounce { mail: Mail, bounce: Bounce },
    /// Its recipient calls it unwanted.
    Complaint { mail: Mail, complaint: Complaint },
    /// What there is nothing to do about.
    #[serde(other)]
    Other,
}

/// The mail that an event is of.
#[derive(Deserialize)]
pub(crate) struct Mail {
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize, Default)]
struct Tags {
    #[serde(default)]
    letter: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Complaint {
    complained_recipients: Vec<Recipient>,
    complaint_feedback_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
}

impl Feedback {
    pub(crate) fn read(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }

    /// Its name in a log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Send { .. } => "Send",
            Self::Bounce { .. } => "Bounce",
            Self::Complaint { .. } => "Complaint",
            Self::Other => "Other",
        }
    }

    /// The letter that was sent: what bounces or is complained of was, too, and word of that may come first.
    pub(crate) fn sent(&self) -> Option<&Name> {
        match self {
            Self::Send { mail } | Self::Bounce { mail, .. } | Self::Complaint { mail, .. } => {
                mail.tags.letter.first()
            }
            Self::Other => None,
        }
    }

    /// The addresses that get no mail any more: those that do not exist, and those of people who want none. A full mailbox or
    /// a server that is away is neither, nor is somebody who says that a mail was no junk.
    pub(crate) fn unwanted(&self) -> impl Iterator<Item = &str> {
        let recipients = match self {
            Self::Bounce { bounce, .. } if bounce.bounce_type == "Permanent" => {
                bounce.bounced_recipients.as_slice()
            }
            Self::Complaint { complaint, .. }
                if complaint.complaint_feedback_type.as_deref() != Some("not-spam") =>
            {
                complaint.complained_recipients.as_slice()
            }
            _ => &[],
        };
        recipients.iter().map(|recipient| bare(&recipient.email_address))
    }
}

/// `ada@example.org` of `Ada <ada@example.org>`.
fn bare(address: &str) -> &str {
    let bracketed = address.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    bracketed.map_or(address, |(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(kind: &str, more: &Value) -> (Option<String>, Vec<String>) {
        let mut event = json!({ "eventType": kind, "mail": { "tags": { "letter": ["l1"], "ses:caller-identity": ["x"] } } });
        if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
            event.extend(more.clone());
        }
        let feedback = Feedback::read(&event.to_string()).unwrap_or(Feedback::Other);
        (feedback.sent().map(Name::to_string), feedback.unwanted().map(str::to_owned).collect())
    }

    #[test]
    fn only_addresses_that_will_never_want_mail_are_unwanted() {
        let bounce = |kind: &str| {
            let recipients =
                json!([{ "emailAddress": "Ada <Ada@example.org>" }, { "emailAddress": "bob@example.org" }]);
            read("Bounce", &json!({ "bounce": { "bounceType": kind, "bouncedRecipients": recipients } })).1
        };
        assert_eq!(bounce("Permanent"), ["Ada@example.org", "bob@example.org"]);
        assert!(bounce("Transient").is_empty() && bounce("Undetermined").is_empty());
        let complaint = |kind: Value| {
            let recipients = json!([{ "emailAddress": "ada@example.org" }]);
            let complaint = json!({ "complaintFeedbackType": kind, "complainedRecipients": recipients });
            read("Complaint", &json!({ "complaint": complaint })).1
        };
        assert_eq!(
            [complaint(json!("abuse")), complaint(Value::Null)],
            [["ada@example.org"], ["ada@example.org"]]
        );
        assert!(complaint(json!("not-spam")).is_empty());
    }

    #[test]
    fn an_event_proves_that_its_letter_was_sent() {
        assert_eq!(read("Send", &json!({ "send": {} })), (Some("l1".into()), Vec::new()));
        assert_eq!(read("Open", &json!({ "open": {} })), (None, Vec::new()));
        assert!(Feedback::read("Successfully validated SNS topic").is_none());
        let untagged = Feedback::read(r#"{"eventType":"Send","mail":{"tags":{}}}"#);
        assert!(untagged.is_some_and(|event| event.sent().is_none()));
    }
}
