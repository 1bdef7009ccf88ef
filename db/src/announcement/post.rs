//! Making announcements, and telling everybody.

use super::{
    Announcement, BODY_LIMIT, Importance, TITLE_LIMIT, refuse_past, refuse_too_many_pinned, take_turn,
};
use crate::access::{MemberStatus, Permission};
use crate::member::Profile;
use crate::notification::inbox::{self, Cause, Letter, News};
use crate::notification::{self, Content, Plan};
use crate::tables::{announcements, households, members, users};
use crate::{
    AnnouncementId, Change, Entry, MemberId, Operation, Result, Subject as _, Time, UserId, event, text,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// Announces something to everybody in the household.
#[derive(Debug, Serialize)]
pub struct Post {
    /// What it is about: one line of 1 to [`TITLE_LIMIT`] characters.
    pub title: String,
    /// What it says: up to [`BODY_LIMIT`] characters.
    pub body: Option<String>,
    /// How much it matters.
    pub importance: Importance,
    /// Whether it stands before all others; at most [`super::PINNED_LIMIT`] do.
    pub is_pinned: bool,
    /// Whether everybody is asked to say that they know.
    pub requires_ack: bool,
    /// When it is over: later than now.
    pub expires_at: Option<Time>,
}

impl Operation for Post {
    type Outcome = Announcement;
    const NAME: &'static str = "postAnnouncement";
    const ENTRY: Entry = Entry::Member(Permission::Announce);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Announcement> {
        let title = text::line("title", &self.title, TITLE_LIMIT)?;
        let body = self.body.as_deref().map(|body| text::lines("body", body, BODY_LIMIT)).transpose()?;
        refuse_past(self.expires_at, change.now())?;
        if self.is_pinned {
            refuse_too_many_pinned(change).await?;
        }
        take_turn(change).await?;
        let announcement = Announcement {
            id: AnnouncementId::new(),
            household_id: change.household_id(),
            author_id: change.actor()?.id(),
            title: Some(title),
            body,
            importance: self.importance,
            is_pinned: self.is_pinned,
            requires_ack: self.requires_ack,
            expires_at: self.expires_at,
            created_at: change.now(),
            edited_at: None,
            removed_at: None,
            version: 1,
        };
        let insert = diesel::insert_into(announcements::table).values(&announcement);
        run!(change.conn(), |c| insert.execute(c).await)?;
        change.record_for_all(event::Kind::AnnouncementPosted, announcement.id, announcement.version, &[]);
        tell(change, &announcement, "post").await?;
        Ok(announcement)
    }
}

/// Tells everybody but the actor, by mail and in their inbox.
pub(super) async fn tell(change: &mut Change<'_>, announcement: &Announcement, occasion: &str) -> Result<()> {
    let actor = change.actor()?.id();
    let now = change.now();
    let query = members::table
        .inner_join(users::table)
        .inner_join(households::table)
        .filter(members::household_id.eq(announcement.household_id))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(members::id.ne(actor))
        .order(members::id)
        .select((members::id, users::id, users::email, users::display_name, households::name));
    let readers: Vec<(MemberId, UserId, String, String, String)> =
        run!(change.conn(), |c| query.load(c).await)?;
    let author_name = Profile::find(change.conn(), actor.into()).await?.display_name;
    let mut news = Vec::new();
    for (member, user, email, display_name, household_name) in readers {
        let content = Content::Announcement {
            display_name,
            household_name,
            author_name: author_name.clone(),
            title: announcement.title.clone().unwrap_or_default(),
            requires_ack: announcement.requires_ack,
            household_id: announcement.household_id,
            announcement_id: announcement.id,
        };
        let cause = format!("announcement:{}:{member}:{occasion}", announcement.id);
        let plan = Plan {
            cause: &cause,
            recipient: &email,
            content: &content,
            at: now,
            subject: Some(announcement.id.into()),
        };
        if notification::plan(change.conn(), plan, now).await? {
            let (household, subject) = (announcement.household_id, announcement.id.into());
            let told = News::of_household(user, Cause::Announcement, household, member, subject);
            let letter = Some(Letter { cause, recipient: email, content });
            news.push(News { actor: Some(actor), letter, ..told });
        }
    }
    inbox::tell(change.conn(), news, now).await
}
