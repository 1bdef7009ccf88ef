//! Households that were archived too long ago to be restored are deleted for good, with everything of theirs. People
//! keep their accounts.

use super::RESTORABLE_FOR;
use crate::access::MemberStatus;
use crate::among::among;
use crate::change;
use crate::database::Work;
use crate::prepared::Prepare as _;
use crate::tables::{
    absences, announcement_acks, announcements, conversation_participants, conversation_states,
    conversations, grocery_categories, grocery_homes, grocery_items, grocery_lists, grocery_products,
    grocery_sections, grocery_staples, grocery_stores, grocery_trips, household_events, household_streams,
    households, inbox_entries, invitations, member_periods, members, message_mentions, message_reactions,
    message_revisions, messages, notification_choices, notifications, occurrences, swaps, tasks,
};
use crate::{
    AnnouncementId, Connection, ConversationId, Database, Error, GroceryCategoryId, GroceryItemId,
    GroceryListId, GroceryProductId, GroceryStapleId, GroceryStoreId, GroceryTripId, HouseholdId,
    InboxEntryId, InvitationId, MemberId, MessageId, OccurrenceId, Result, SubjectId, SwapId, TaskId, Time,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

/// So many of each kind of thing are deleted in one transaction.
const BATCH: i64 = 500;
/// So many transactions are made at a time; what is then left waits for the next time.
const BATCHES: usize = 200;

/// Deletes what has been archived for longer than [`RESTORABLE_FOR`], or a part of it where there is much.
pub(crate) async fn purge(db: &Database, now: Time) -> Result<()> {
    let mut batches = 0;
    for household in over(db, now).await? {
        while db.transaction(&Batch { household, now }).await? == Progress::More {
            batches += 1;
            if batches >= BATCHES {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn over(db: &Database, now: Time) -> Result<Vec<HouseholdId>> {
    let conn = &mut *db.connection().await?;
    let query = households::table
        .filter(households::archived_at.lt(now.before(RESTORABLE_FOR)))
        .order(households::archived_at)
        .limit(BATCH)
        .select(households::id);
    run!(conn, |c| query.load(c).await)
}

/// How far a household's deletion has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// There may be more of it.
    More,
    /// It is gone.
    Done,
}

/// One transaction of a household's deletion.
struct Batch {
    household: HouseholdId,
    now: Time,
}

impl Work for Batch {
    type Output = Progress;

    async fn run(&self, conn: &mut Connection) -> Result<Progress> {
        match change::lock(conn, self.household).await {
            // Another instance was faster.
            Err(Error::NotFound) => return Ok(Progress::Done),
            result => result?,
        };
        // Under the lock, as everything that could have brought it back since.
        let is_over = households::table
            .filter(households::id.eq(self.household))
            .filter(households::archived_at.lt(self.now.before(RESTORABLE_FOR)))
            .count();
        if run!(conn, |c| is_over.get_result::<i64>(c).await)? == 0 {
            return Ok(Progress::Done);
        }
        // From here on nobody is let in to add anything.
        let close = diesel::update(members::table)
            .filter(members::household_id.eq(self.household))
            .filter(members::status.eq(MemberStatus::Active))
            .set(members::status.eq(MemberStatus::Removed))
            .prepared();
        run!(conn, |c| close.execute(c).await)?;
        // What refers to others goes before them.
        let has_more = self.messages(conn).await?
            || self.occurrences(conn).await?
            || self.swaps(conn).await?
            || self.tasks(conn).await?
            || self.grocery_items(conn).await?
            || self.grocery_staples(conn).await?
            || self.grocery_trips(conn).await?
            || self.grocery_lists(conn).await?
            || self.grocery_products(conn).await?
            || self.grocery_categories(conn).await?
            || self.grocery_stores(conn).await?
            || self.invitations(conn).await?
            || self.inbox_entries(conn).await?
            || self.announcements(conn).await?
            || self.members(conn).await?
            || self.conversations(conn).await?
            || self.events(conn).await?;
        if has_more {
            return Ok(Progress::More);
        }
        self.itself(conn).await?;
        Ok(Progress::Done)
    }
}

/// Whether as many were found as were looked for: there may be more.
fn is_full<T>(found: &[T]) -> bool {
    i64::try_from(found.len()).is_ok_and(|found| found >= BATCH)
}

impl Batch {
    async fn messages(&self, conn: &mut Connection) -> Result<bool> {
        let query = messages::table
            .inner_join(conversations::table)
            .filter(conversations::household_id.eq(self.household))
            .select(messages::id)
            .limit(BATCH);
        let ids: Vec<MessageId> = run!(conn, |c| query.load(c).await)?;
        let delete =
            diesel::delete(message_mentions::table).filter(among(message_mentions::message_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete =
            diesel::delete(message_reactions::table).filter(among(message_reactions::message_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete =
            diesel::delete(message_revisions::table).filter(among(message_revisions::message_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(messages::table).filter(among(messages::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn occurrences(&self, conn: &mut Connection) -> Result<bool> {
        let query = occurrences::table
            .filter(occurrences::household_id.eq(self.household))
            .select(occurrences::id)
            .limit(BATCH);
        let ids: Vec<OccurrenceId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(notifications::table)
            .filter(among(notifications::subject_id.assume_not_null(), &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(occurrences::table).filter(among(occurrences::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn swaps(&self, conn: &mut Connection) -> Result<bool> {
        let query =
            swaps::table.filter(swaps::household_id.eq(self.household)).select(swaps::id).limit(BATCH);
        let ids: Vec<SwapId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(swaps::table).filter(among(swaps::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn tasks(&self, conn: &mut Connection) -> Result<bool> {
        let query =
            tasks::table.filter(tasks::household_id.eq(self.household)).select(tasks::id).limit(BATCH);
        let ids: Vec<TaskId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(tasks::table).filter(among(tasks::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn grocery_items(&self, conn: &mut Connection) -> Result<bool> {
        let query = grocery_items::table
            .filter(grocery_items::household_id.eq(self.household))
            .select(grocery_items::id)
            .limit(BATCH);
        let ids: Vec<GroceryItemId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(grocery_items::table).filter(among(grocery_items::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn grocery_staples(&self, conn: &mut Connection) -> Result<bool> {
        let query = grocery_staples::table
            .filter(grocery_staples::household_id.eq(self.household))
            .select(grocery_staples::id)
            .limit(BATCH);
        let ids: Vec<GroceryStapleId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(grocery_staples::table).filter(among(grocery_staples::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn grocery_trips(&self, conn: &mut Connection) -> Result<bool> {
        let query = grocery_trips::table
            .filter(grocery_trips::household_id.eq(self.household))
            .select(grocery_trips::id)
            .limit(BATCH);
        let ids: Vec<GroceryTripId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(grocery_trips::table).filter(among(grocery_trips::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn grocery_lists(&self, conn: &mut Connection) -> Result<bool> {
        let query = grocery_lists::table
            .filter(grocery_lists::household_id.eq(self.household))
            .select(grocery_lists::id)
            .limit(BATCH);
        let ids: Vec<GroceryListId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(grocery_lists::table).filter(among(grocery_lists::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn grocery_products(&self, conn: &mut Connection) -> Result<bool> {
        let query = grocery_products::table
            .filter(grocery_products::household_id.eq(self.household))
            .select(grocery_products::id)
            .limit(BATCH);
        let ids: Vec<GroceryProductId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(grocery_homes::table).filter(among(grocery_homes::product_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(grocery_products::table).filter(among(grocery_products::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn grocery_categories(&self, conn: &mut Connection) -> Result<bool> {
        let query = grocery_categories::table
            .filter(grocery_categories::household_id.eq(self.household))
            .select(grocery_categories::id)
            .limit(BATCH);
        let ids: Vec<GroceryCategoryId> = run!(conn, |c| query.load(c).await)?;
        let delete =
            diesel::delete(grocery_sections::table).filter(among(grocery_sections::category_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(grocery_categories::table).filter(among(grocery_categories::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn grocery_stores(&self, conn: &mut Connection) -> Result<bool> {
        let query = grocery_stores::table
            .filter(grocery_stores::household_id.eq(self.household))
            .select(grocery_stores::id)
            .limit(BATCH);
        let ids: Vec<GroceryStoreId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(grocery_stores::table).filter(among(grocery_stores::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn invitations(&self, conn: &mut Connection) -> Result<bool> {
        let query = invitations::table
            .filter(invitations::household_id.eq(self.household))
            .select(invitations::id)
            .limit(BATCH);
        let ids: Vec<InvitationId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(invitations::table).filter(among(invitations::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn members(&self, conn: &mut Connection) -> Result<bool> {
        let query =
            members::table.filter(members::household_id.eq(self.household)).select(members::id).limit(BATCH);
        let ids: Vec<MemberId> = run!(conn, |c| query.load(c).await)?;
        let delete =
            diesel::delete(conversation_states::table).filter(among(conversation_states::member_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(conversation_participants::table)
            .filter(among(conversation_participants::member_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(absences::table)
            .filter(absences::household_id.eq(self.household))
            .filter(among(absences::member_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(member_periods::table).filter(among(member_periods::member_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(members::table).filter(among(members::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn conversations(&self, conn: &mut Connection) -> Result<bool> {
        let query = conversations::table
            .filter(conversations::household_id.eq(self.household))
            .select(conversations::id)
            .limit(BATCH);
        let ids: Vec<ConversationId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(conversations::table).filter(among(conversations::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn events(&self, conn: &mut Connection) -> Result<bool> {
        let query = household_events::table
            .filter(household_events::household_id.eq(self.household))
            .order(household_events::seq)
            .limit(BATCH)
            .select(household_events::seq);
        let found: Vec<i64> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(household_events::table)
            .filter(household_events::household_id.eq(self.household))
            .filter(household_events::seq.le(found.last().copied().unwrap_or(0)));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&found))
    }

    async fn announcements(&self, conn: &mut Connection) -> Result<bool> {
        let query = announcements::table
            .filter(announcements::household_id.eq(self.household))
            .select(announcements::id)
            .limit(BATCH);
        let ids: Vec<AnnouncementId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(notifications::table)
            .filter(among(notifications::subject_id.assume_not_null(), &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete =
            diesel::delete(announcement_acks::table).filter(among(announcement_acks::announcement_id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(announcements::table).filter(among(announcements::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn inbox_entries(&self, conn: &mut Connection) -> Result<bool> {
        let query = inbox_entries::table
            .filter(inbox_entries::household_id.eq(self.household))
            .select(inbox_entries::id)
            .limit(BATCH);
        let ids: Vec<InboxEntryId> = run!(conn, |c| query.load(c).await)?;
        let delete = diesel::delete(inbox_entries::table).filter(among(inbox_entries::id, &ids));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(is_full(&ids))
    }

    async fn itself(&self, conn: &mut Connection) -> Result<()> {
        let delete = diesel::delete(notification_choices::table)
            .filter(notification_choices::scope_id.eq(SubjectId::from(self.household)));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(household_streams::table)
            .filter(household_streams::household_id.eq(self.household));
        run!(conn, |c| delete.execute(c).await)?;
        let delete = diesel::delete(households::table).filter(households::id.eq(self.household));
        run!(conn, |c| delete.execute(c).await)?;
        Ok(())
    }
}
