//! What a notification tells, as versioned JSON.

use super::preference::Topic;
use crate::{
    AnnouncementId, ConversationId, Date, Error, GroceryListId, HouseholdId, MemberId, MessageId,
    OccurrenceId, Result, Time,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The version of the JSON form. A reader refuses a higher one than it knows.
const VERSION: u32 = 1;
/// The kind of [`Content::TaskReminder`].
pub(crate) const TASK_REMINDER: &str = "TASK_REMINDER";
/// The kind of [`Content::TaskDigest`].
pub(super) const TASK_DIGEST: &str = "TASK_DIGEST";

/// A secret that has to be delivered. It does not show itself in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for whom it is meant.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// What a notification tells. Only what the recipient may know, and no text of messages: it would outlive their
/// deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum Content {
    /// Prove that this address is yours.
    VerifyEmail {
        /// Whom to greet.
        display_name: String,
        /// Proves it when handed back.
        token: Secret,
        /// When the token stops working.
        expires_at: Time,
    },
    /// Your address is proven: this is how to begin.
    Welcome {
        /// Whom to greet.
        display_name: String,
    },
    /// Somebody tried to register with your address, but you have an account.
    AlreadyRegistered {
        /// Whom to greet.
        display_name: String,
    },
    /// Choose a new password.
    PasswordReset {
        /// Whom to greet.
        display_name: String,
        /// Allows to choose one when handed back.
        token: Secret,
        /// When the token stops working.
        expires_at: Time,
    },
    /// Your password was changed.
    PasswordChanged {
        /// Whom to greet.
        display_name: String,
        /// When it was changed.
        changed_at: Time,
    },
    /// Your account was signed in to from a device or a place that it was not before.
    NewDevice {
        /// Whom to greet.
        display_name: String,
        /// What the device calls itself.
        device: String,
        /// The region of the network it is in.
        ip_prefix: String,
        /// When it signed in.
        signed_in_at: Time,
    },
    /// Somebody invites you to their household.
    Invitation {
        /// The household's name.
        household_name: String,
        /// Who invites.
        inviter_name: String,
        /// Admits to the household when handed back.
        token: Secret,
        /// When the invitation ends.
        expires_at: Time,
        /// The household's zone.
        #[serde(default)]
        time_zone: Option<String>,
        /// The language tag of who invites: somebody without an account has said none.
        #[serde(default)]
        locale: Option<String>,
    },
    /// Somebody mentioned you.
    Mention {
        /// Whom to greet.
        display_name: String,
        /// The household's name.
        household_name: String,
        /// Who mentioned them.
        author_name: String,
        /// The household.
        household_id: HouseholdId,
        /// The conversation.
        conversation_id: ConversationId,
        /// The message.
        message_id: MessageId,
    },
    /// Somebody announced something to everybody.
    Announcement {
        /// Whom to greet.
        display_name: String,
        /// The household's name.
        household_name: String,
        /// Who announced it.
        author_name: String,
        /// What it is about.
        title: String,
        /// Whether you are asked to say that you know.
        requires_ack: bool,
        /// The household.
        household_id: HouseholdId,
        /// The announcement.
        announcement_id: AnnouncementId,
    },
    /// A chore is due, or soon, or was: you are to do it, or share it.
    TaskReminder {
        /// Whom to greet.
        display_name: String,
        /// The household's name.
        household_name: String,
        /// What is to be done.
        title: String,
        /// When it is due.
        due_at: Time,
        /// The local date by whose end it is due, if it is due at no particular time.
        by_end_of: Option<Date>,
        /// The zone of the chore's dates and times.
        time_zone: String,
        /// The household.
        household_id: HouseholdId,
        /// The occurrence of the chore.
        occurrence_id: OccurrenceId,
        /// Whom it is for.
        member_id: MemberId,
        /// So many minutes after it is due they are told, before if negative.
        after_minutes: i32,
        /// Which nagging it is, from 1; none if it is no nagging.
        nag: Option<i32>,
    },
    /// Somebody asks you to do a chore that is yours, or that you share.
    TaskNudge {
        /// Whom to greet.
        display_name: String,
        /// The household's name.
        household_name: String,
        /// Who asks.
        nudger_name: String,
        /// What is to be done.
        title: String,
        /// When it is due, if it has a date.
        due_at: Option<Time>,
        /// The local date by whose end it is due, if it is due at no particular time.
        by_end_of: Option<Date>,
        /// The zone of the chore's dates and times.
        time_zone: String,
        /// The household.
        household_id: HouseholdId,
        /// The occurrence of the chore.
        occurrence_id: OccurrenceId,
        /// Whom it is for.
        member_id: MemberId,
    },
    /// Somebody put something on a shopping list.
    GroceriesAdded {
        /// Whom to greet.
        display_name: String,
        /// The household's name.
        household_name: String,
        /// Who put it there.
        author_name: String,
        /// What the list is called.
        list_name: String,
        /// How much they put there, and is still to be bought.
        count: i32,
        /// The household.
        household_id: HouseholdId,
        /// The list.
        list_id: GroceryListId,
        /// Who put it there.
        author_id: MemberId,
        /// Since when.
        since: Time,
    },
    /// What you have to do tomorrow, or in a week, or could.
    TaskDigest {
        /// Whom to greet.
        display_name: String,
        /// The local date of tomorrow.
        date: Date,
        /// The last local date it tells of, if that is a week; none if it is tomorrow.
        #[serde(default)]
        until: Option<Date>,
        /// What is due then, the earliest first.
        chores: Vec<DigestLine>,
        /// How many more are due then.
        more: usize,
    },
}

/// A chore that is due then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestLine {
    /// What is to be done.
    pub title: String,
    /// The household's name.
    pub household_name: String,
    /// When it is due.
    pub due_at: Time,
    /// The local date by whose end it is due, if it is due at no particular time.
    pub by_end_of: Option<Date>,
    /// The zone of the chore's dates and times.
    pub time_zone: String,
}

#[derive(Serialize, Deserialize)]
struct Payload<C> {
    version: u32,
    #[serde(flatten)]
    content: C,
}

impl Content {
    /// The name of its kind, by which channels sort.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "VERIFY_EMAIL",
            Self::Welcome { .. } => "WELCOME",
            Self::AlreadyRegistered { .. } => "ALREADY_REGISTERED",
            Self::PasswordReset { .. } => "PASSWORD_RESET",
            Self::PasswordChanged { .. } => "PASSWORD_CHANGED",
            Self::NewDevice { .. } => "NEW_DEVICE",
            Self::Invitation { .. } => "INVITATION",
            Self::Mention { .. } => "MENTION",
            Self::Announcement { .. } => "ANNOUNCEMENT",
            Self::TaskReminder { .. } => TASK_REMINDER,
            Self::TaskNudge { .. } => "TASK_NUDGE",
            Self::GroceriesAdded { .. } => "GROCERIES_ADDED",
            Self::TaskDigest { .. } => TASK_DIGEST,
        }
    }

    /// Whom to greet, if it is known.
    pub fn display_name(&self) -> Option<&str> {
        match self {
            Self::VerifyEmail { display_name, .. }
            | Self::Welcome { display_name }
            | Self::AlreadyRegistered { display_name }
            | Self::PasswordReset { display_name, .. }
            | Self::PasswordChanged { display_name, .. }
            | Self::NewDevice { display_name, .. }
            | Self::Mention { display_name, .. }
            | Self::Announcement { display_name, .. }
            | Self::TaskReminder { display_name, .. }
            | Self::TaskNudge { display_name, .. }
            | Self::GroceriesAdded { display_name, .. }
            | Self::TaskDigest { display_name, .. } => Some(display_name),
            Self::Invitation { .. } => None,
        }
    }

    /// The household it is about, if its recipient can do without it there.
    pub(super) fn household(&self) -> Option<HouseholdId> {
        match self {
            Self::Mention { household_id, .. }
            | Self::Announcement { household_id, .. }
            | Self::TaskReminder { household_id, .. }
            | Self::TaskNudge { household_id, .. }
            | Self::GroceriesAdded { household_id, .. } => Some(*household_id),
            _ => None,
        }
    }

    /// The secret in it, if it delivers one.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::VerifyEmail { token, .. }
            | Self::PasswordReset { token, .. }
            | Self::Invitation { token, .. } => Some(token),
            Self::Welcome { .. }
            | Self::AlreadyRegistered { .. }
            | Self::PasswordChanged { .. }
            | Self::NewDevice { .. }
            | Self::Mention { .. }
            | Self::Announcement { .. }
            | Self::TaskReminder { .. }
            | Self::TaskNudge { .. }
            | Self::GroceriesAdded { .. }
            | Self::TaskDigest { .. } => None,
        }
    }

    /// Whether its recipient can do without it, so that it names a way to get no more of its kind.
    pub fn can_be_refused(&self) -> bool {
        Topic::of(self).is_some() || matches!(self, Self::TaskDigest { .. })
    }

    /// Its versioned JSON form: `{"version":1,"kind":…}`.
    pub fn to_payload(&self) -> Result<String> {
        let payload = Payload { version: VERSION, content: self };
        serde_json::to_string(&payload).map_err(|error| Error::Internal(error.into()))
    }

    pub(super) fn from_payload(text: &str) -> Result<Self, String> {
        // Only where it went wrong: serde's own words may quote the secret.
        let payload: Payload<Self> = serde_json::from_str(text)
            .map_err(|error| format!("its payload is wrong at character {}", error.column()))?;
        if payload.version > VERSION {
            return Err(format!("its version {} is newer than {VERSION}", payload.version));
        }
        Ok(payload.content)
    }

    /// The same without words that somebody may take back. They are looked up when it is delivered.
    pub(super) fn without_words(&self) -> Self {
        let mut content = self.clone();
        if let Self::Announcement { title, .. } = &mut content {
            title.clear();
        }
        content
    }

    /// The same with an empty secret, and without words.
    pub(super) fn without_secret(&self) -> Self {
        let mut content = self.without_words();
        if let Self::VerifyEmail { token, .. }
        | Self::PasswordReset { token, .. }
        | Self::Invitation { token, .. } = &mut content
        {
            token.0.clear();
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset() -> Content {
        Content::PasswordReset {
            display_name: "Ada".into(),
            token: Secret::new("rm8_r_x".into()),
            expires_at: Time::from_micros(7),
        }
    }

    #[test]
    fn the_payload_is_versioned_json() {
        let text = reset().to_payload().unwrap();
        let expected =
            r#"{"version":1,"kind":"PASSWORD_RESET","displayName":"Ada","token":"rm8_r_x","expiresAt":7}"#;
        assert_eq!(text, expected);
        assert_eq!(Content::from_payload(&text), Ok(reset()));
        assert_eq!(reset().kind(), "PASSWORD_RESET");
        assert!(Content::from_payload(&text.replace(r#""version":1"#, r#""version":2"#)).is_err());
    }

    #[test]
    fn a_digest_that_was_written_before_it_could_tell_of_weeks_tells_of_a_day() {
        let text =
            r#"{"version":1,"kind":"TASK_DIGEST","displayName":"Ada","date":20781,"chores":[],"more":0}"#;
        let digest = Content::from_payload(text);
        assert!(matches!(digest, Ok(Content::TaskDigest { until: None, .. })), "{digest:?}");
    }

    #[test]
    fn a_secret_shows_itself_to_nobody() {
        assert!(!format!("{:?}", reset()).contains("rm8_r_x"));
        let blank = reset().without_secret();
        assert_eq!(blank.secret().map(Secret::reveal), Some(""));
    }
}
