//! Changing announcements, taking them back, and saying that one knows.

use super::post::tell;
use super::{
    Announcement, BODY_LIMIT, Importance, TITLE_LIMIT, of_household, refuse_past, refuse_too_many_pinned,
    take_turn,
};
use crate::access::Permission;
use crate::notification;
use crate::notification::inbox::{self, Cause};
use crate::prepared::Prepare as _;
use crate::tables::{announcement_acks, announcements};
use crate::{
    AnnouncementId, Change, Entry, Error, Operation, RefusalCode, Result, Time, To, event, text, version,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// Changes an announcement; what is `None` stays as it is. Its author may, and who may moderate.
#[derive(Debug, Serialize)]
pub struct Edit {
    /// Which.
    pub announcement: AnnouncementId,
    /// What it is about: one line of 1 to [`TITLE_LIMIT`] characters.
    pub title: Option<String>,
    /// What it says: up to [`BODY_LIMIT`] characters.
    pub body: Option<To<String>>,
    /// How much it matters.
    pub importance: Option<Importance>,
    /// Whether it stands before all others; at most [`super::PINNED_LIMIT`] do.
    pub is_pinned: Option<bool>,
    /// Whether everybody is asked to say that they know.
    pub requires_ack: Option<bool>,
    /// When it is over: later than now.
    pub expires_at: Option<To<Time>>,
    /// Whether everybody is told again, and asked again to say that they know.
    pub asks_again: bool,
    /// The version the caller has seen.
    pub expected_version: Option<i32>,
}

impl Operation for Edit {
    type Outcome = Announcement;
    const NAME: &'static str = "editAnnouncement";
    const ENTRY: Entry = Entry::Member(Permission::Announce);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Announcement> {
        let before = own(change, self.announcement).await?;
        let mut after = before.clone();
        if let Some(title) = &self.title {
            after.title = Some(text::line("title", title, TITLE_LIMIT)?);
        }
        if let Some(To::Value(body)) = &self.body {
            after.body = Some(text::lines("body", body, BODY_LIMIT)?);
        } else {
            after.body = To::applied(self.body.as_ref(), after.body);
        }
        after.importance = self.importance.unwrap_or(after.importance);
        after.is_pinned = self.is_pinned.unwrap_or(after.is_pinned);
        after.requires_ack = self.requires_ack.unwrap_or(after.requires_ack);
        after.expires_at = To::applied(self.expires_at.as_ref(), after.expires_at);
        let mut fields = version::changed([
            ("title", after.title != before.title),
            ("body", after.body != before.body),
            ("importance", after.importance != before.importance),
            ("isPinned", after.is_pinned != before.is_pinned),
            ("requiresAck", after.requires_ack != before.requires_ack),
            ("expiresAt", after.expires_at != before.expires_at),
        ]);
        version::settle(change, before.id.into(), before.version, self.expected_version, &fields).await?;
        if after.expires_at != before.expires_at {
            refuse_past(after.expires_at, change.now())?;
        }
        let now = change.now();
        if after.stands_before_others(now) && !before.stands_before_others(now) {
            refuse_too_many_pinned(change).await?;
        }
        if after.title != before.title || after.body != before.body {
            after.edited_at = Some(change.now());
        }
        if self.asks_again {
            take_turn(change).await?;
            forget_acks(change, after.id).await?;
            notification::call_off(change.conn(), after.id.into(), now).await?;
            fields.push("acknowledgements");
        }
        if fields.is_empty() {
            return Ok(before);
        }
        save(change, event::Kind::AnnouncementEdited, &mut after, &fields).await?;
        if self.asks_again {
            tell(change, &after, &after.version.to_string()).await?;
        }
        Ok(after)
    }
}

/// Takes an announcement back: its words are gone, and nobody is told of it any more. Its author may, and who may moderate.
/// Twice is as once.
#[derive(Debug, Serialize)]
pub struct Remove {
    /// Which.
    pub announcement: AnnouncementId,
}

impl Operation for Remove {
    type Outcome = Announcement;
    const NAME: &'static str = "removeAnnouncement";
    const ENTRY: Entry = Entry::Member(Permission::Announce);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Announcement> {
        let mut announcement = match own(change, self.announcement).await {
            Err(Error::Refused(refusal)) if refusal.code == RefusalCode::Gone => {
                return of_household(change, self.announcement).await;
            }
            result => result?,
        };
        let now = change.now();
        forget_acks(change, announcement.id).await?;
        notification::call_off(change.conn(), announcement.id.into(), now).await?;
        (announcement.title, announcement.body) = (None, None);
        announcement.is_pinned = false;
        announcement.removed_at = Some(now);
        save(change, event::Kind::AnnouncementRemoved, &mut announcement, &["removedAt"]).await?;
        Ok(announcement)
    }
}

/// Says that the caller knows of an announcement. Twice is as once.
#[derive(Debug, Serialize)]
pub struct Acknowledge {
    /// Which.
    pub announcement: AnnouncementId,
}

impl Operation for Acknowledge {
    type Outcome = Announcement;
    const NAME: &'static str = "acknowledgeAnnouncement";
    const ENTRY: Entry = Entry::Member(Permission::Read);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Announcement> {
        let mut announcement = of_household(change, self.announcement).await?;
        announcement.refuse_if_removed()?;
        let (member, user) = (change.actor()?.id(), change.user_id()?);
        let now = change.now();
        let insert = diesel::insert_into(announcement_acks::table).values((
            announcement_acks::announcement_id.eq(announcement.id),
            announcement_acks::member_id.eq(member),
            announcement_acks::acked_at.eq(now),
        ));
        match run!(change.conn(), |c| insert.execute(c).await) {
            Err(Error::Duplicate) => return Ok(announcement),
            result => result?,
        };
        inbox::subject_read(change.conn(), user, Cause::Announcement, announcement.id.into()).await?;
        save(change, event::Kind::AnnouncementAcknowledged, &mut announcement, &["acknowledgements"]).await?;
        Ok(announcement)
    }
}

/// An announcement that the actor may change.
async fn own(change: &mut Change<'_>, id: AnnouncementId) -> Result<Announcement> {
    let announcement = of_household(change, id).await?;
    let actor = change.actor()?;
    if announcement.author_id != actor.id() && !actor.role().may(Permission::ModerateMessages) {
        let message = "was made by somebody else: ask them, or an admin";
        return Err(Error::refused(RefusalCode::NotAuthor, "announcementId", message));
    }
    announcement.refuse_if_removed()?;
    Ok(announcement)
}

impl Announcement {
    fn stands_before_others(&self, now: Time) -> bool {
        self.is_pinned && self.expires_at.is_none_or(|at| at > now)
    }

    fn refuse_if_removed(&self) -> Result<()> {
        if self.removed_at.is_none() {
            return Ok(());
        }
        Err(Error::refused(RefusalCode::Gone, "announcementId", "this announcement was taken back"))
    }
}

async fn forget_acks(change: &mut Change<'_>, id: AnnouncementId) -> Result<()> {
    let delete = diesel::delete(announcement_acks::table).filter(announcement_acks::announcement_id.eq(id));
    run!(change.conn(), |c| delete.execute(c).await).map(|_| ())
}

/// Saves what changed of it as its next version, and records it.
async fn save(
    change: &mut Change<'_>,
    kind: event::Kind,
    announcement: &mut Announcement,
    fields: &[&'static str],
) -> Result<()> {
    announcement.version += 1;
    let update = diesel::update(announcements::table)
        .filter(announcements::id.eq(announcement.id))
        .set((
            announcements::title.eq(&announcement.title),
            announcements::body.eq(&announcement.body),
            announcements::importance.eq(announcement.importance),
            announcements::is_pinned.eq(announcement.is_pinned),
            announcements::requires_ack.eq(announcement.requires_ack),
            announcements::expires_at.eq(announcement.expires_at),
            announcements::edited_at.eq(announcement.edited_at),
            announcements::removed_at.eq(announcement.removed_at),
            announcements::version.eq(announcement.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    change.record_for_all(kind, announcement.id, announcement.version, fields);
    Ok(())
}
