//! Making, changing and taking back announcements, and saying that one knows.

use super::{Announcement, AnnouncementImportance};
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::{perform, to};
use crate::scalar::DateTime;
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use roomm8_db::To;
use roomm8_db::announcement;

/// What everybody is to know.
#[derive(Debug, InputObject)]
pub(crate) struct PostAnnouncementInput {
    /// The household.
    household_id: ID,
    /// What it is about: one line of 1 to 200 characters; spaces around it are cut.
    title: String,
    /// What it says: up to 4,000 characters of plain text.
    body: Option<String>,
    /// How much it matters.
    #[graphql(default_with = "AnnouncementImportance::Normal")]
    importance: AnnouncementImportance,
    /// Whether it stands before all others; at most 5 do: `LIMIT` beyond that.
    #[graphql(default = false)]
    is_pinned: bool,
    /// Whether everybody is asked to say that they know.
    #[graphql(default = false)]
    requires_ack: bool,
    /// When it is over, later than now; never, unless said otherwise.
    expires_at: Option<DateTime>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// What to change of an announcement; leave out what stays as it is.
#[derive(Debug, InputObject)]
pub(crate) struct EditAnnouncementInput {
    /// The announcement; your own, or with `MODERATE_MESSAGES` anybody's.
    announcement_id: ID,
    /// What it is about: one line of 1 to 200 characters; spaces around it are cut.
    title: Option<String>,
    /// What it says: up to 4,000 characters of plain text; null for nothing.
    body: MaybeUndefined<String>,
    /// How much it matters.
    importance: Option<AnnouncementImportance>,
    /// Whether it stands before all others; at most 5 do: `LIMIT` beyond that.
    is_pinned: Option<bool>,
    /// Whether everybody is asked to say that they know.
    requires_ack: Option<bool>,
    /// When it is over, later than now; null for never.
    expires_at: MaybeUndefined<DateTime>,
    /// Whether everybody is told again, and asked again to say that they know: for what changes what it says, and not for a
    /// comma.
    #[graphql(default = false)]
    asks_again: bool,
    /// The version you have seen: if any of what you change was changed since, the answer is `CONFLICT` with the announcement
    /// as it is now.
    expected_version: Option<i32>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An announcement to take back.
#[derive(Debug, InputObject)]
pub(crate) struct RemoveAnnouncementInput {
    /// The announcement; your own, or with `MODERATE_MESSAGES` anybody's.
    announcement_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An announcement that you know of.
#[derive(Debug, InputObject)]
pub(crate) struct AcknowledgeAnnouncementInput {
    /// The announcement.
    announcement_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `postAnnouncement`.
    PostAnnouncementPayload {
        /// The new announcement.
        announcement: Announcement
    }
}

payload! {
    /// What came of `editAnnouncement`.
    EditAnnouncementPayload {
        /// The announcement as it is now, with `CONFLICT` too.
        announcement: Announcement
    }
}

payload! {
    /// What came of `removeAnnouncement`.
    RemoveAnnouncementPayload {
        /// What is left of it.
        announcement: Announcement
    }
}

payload! {
    /// What came of `acknowledgeAnnouncement`.
    AcknowledgeAnnouncementPayload {
        /// The announcement, with your acknowledgement.
        announcement: Announcement
    }
}

#[derive(Default)]
pub(crate) struct AnnouncementMutation;

#[Object]
impl AnnouncementMutation {
    /// Announces something to everybody in the household, in their inbox and by mail. At most 20 an hour, those that ask again
    /// included: `RATE_LIMITED` with `retryAfter` beyond that. Needs ANNOUNCE.
    async fn post_announcement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What they are to know.")] input: PostAnnouncementInput,
    ) -> Nullable<PostAnnouncementPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = announcement::Post {
                title: input.title,
                body: input.body,
                importance: input.importance.into(),
                is_pinned: input.is_pinned,
                requires_ack: input.requires_ack,
                expires_at: input.expires_at.map(|at| at.0),
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(PostAnnouncementPayload::new(outcome.map(Announcement::from), input.client_mutation_id))
        })
        .await
    }

    /// Changes an announcement. Nobody is told, unless you ask again. Needs ANNOUNCE.
    async fn edit_announcement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: EditAnnouncementInput,
    ) -> Nullable<EditAnnouncementPayload> {
        nullable(async {
            let (household, announcement) = GlobalId::announcement(&input.announcement_id)?;
            let expires_at = match to(&input.expires_at) {
                Some(To::Value(DateTime(at))) => Some(To::Value(at)),
                Some(To::Nothing) => Some(To::Nothing),
                None => None,
            };
            let operation = announcement::Edit {
                announcement,
                title: input.title,
                body: to(&input.body),
                importance: input.importance.map(Into::into),
                is_pinned: input.is_pinned,
                requires_ack: input.requires_ack,
                expires_at,
                asks_again: input.asks_again,
                expected_version: input.expected_version,
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(EditAnnouncementPayload::new(outcome.map(Announcement::from), input.client_mutation_id))
        })
        .await
    }

    /// Takes an announcement back: its words are gone, in inboxes too, and nobody is mailed it any more. Twice is as once.
    /// Needs ANNOUNCE.
    async fn remove_announcement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which announcement.")] input: RemoveAnnouncementInput,
    ) -> Nullable<RemoveAnnouncementPayload> {
        nullable(async {
            let (household, announcement) = GlobalId::announcement(&input.announcement_id)?;
            let operation = announcement::Remove { announcement };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(RemoveAnnouncementPayload::new(outcome.map(Announcement::from), input.client_mutation_id))
        })
        .await
    }

    /// Says that you know of an announcement; its entry in your inbox is read with it. Twice is as once. Needs READ.
    async fn acknowledge_announcement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which announcement.")] input: AcknowledgeAnnouncementInput,
    ) -> Nullable<AcknowledgeAnnouncementPayload> {
        nullable(async {
            let (household, announcement) = GlobalId::announcement(&input.announcement_id)?;
            let operation = announcement::Acknowledge { announcement };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(AcknowledgeAnnouncementPayload::new(outcome.map(Announcement::from), input.client_mutation_id))
        })
        .await
    }
}
