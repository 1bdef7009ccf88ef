//! The inbox: what people are told inside RoomM8, one for each person, over all their households.
//!
//! Every change of an inbox takes the next number of it, under the lock of its row, so that the order of numbers is that
//! of commits: who knows all up to one of them asks for what has a higher one, and misses nothing. An entry that changes
//! again is found with its newest number only.
//!
//! What is of one cause and one group, such as mentions in one conversation, is one entry for as long as that is not read.
//! Whether it is read is not only for its reader to say: a mention is with its message, and what is to be done with the
//! occurrence that is closed.

use super::preference::{self, Channel, Topic};
use super::{Content, Leased, endpoint};
use crate::access::MemberStatus;
use crate::account::Locale;
use crate::among::among;
use crate::database::Work;
use crate::event::Position;
use crate::grocery::item::State;
use crate::grocery::news;
use crate::labels::labels;
use crate::message::End;
use crate::prepared::Prepare as _;
use crate::tables::{
    announcements, conversation_states, grocery_items, grocery_lists, inbox_entries, inboxes, members,
    message_mentions, notifications, occurrences,
};
use crate::task::{Status, reminder};
use crate::{
    Connection, ConversationId, Database, Error, HouseholdId, InboxEntryId, MemberId, NotificationId, Result,
    SubjectId, Time, UserId,
};
use diesel::dsl::{case_when, count, count_star, exists};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use std::time::Duration;

/// Entries of which it is told that a read marker moved over them: the newest. Of the others it is found when they are read.
const MOVED: i64 = 10;
/// How long entries are kept after they last changed.
const KEPT_FOR: Duration = Duration::from_hours(90 * 24);

labels! {
    /// Why somebody is told.
    Cause {
        /// Their account is ready.
        Welcome = "WELCOME",
        /// Their account was signed in to from a device or a place that it was not before.
        NewDevice = "NEW_DEVICE",
        /// Their password was changed.
        PasswordChanged = "PASSWORD_CHANGED",
        /// Somebody mentioned them.
        Mention = "MENTION",
        /// Something was announced.
        Announcement = "ANNOUNCEMENT",
        /// A chore is due, or soon, or was.
        TaskReminder = "TASK_REMINDER",
        /// Somebody asks them to do a chore.
        TaskNudge = "TASK_NUDGE",
        /// Somebody put something on a shopping list.
        GroceriesAdded = "GROCERIES_ADDED",
    }
}

/// What there is to tell.
pub(crate) struct News {
    pub(crate) user: UserId,
    pub(crate) cause: Cause,
    /// Where, and as whom they are told; none if it is about their account.
    pub(crate) place: Option<(HouseholdId, MemberId)>,
    /// What it is about.
    pub(crate) subject: SubjectId,
    /// With what it is told together.
    pub(crate) group: SubjectId,
    /// The place of its message in its conversation.
    pub(crate) subject_seq: Option<i64>,
    /// Whose doing it is.
    pub(crate) actor: Option<MemberId>,
    /// How often it happened.
    pub(crate) count: i32,
    /// What endpoints are told of it; none if they are not.
    pub(crate) letter: Option<Letter>,
}

/// The words of news, for where they are all that is seen of them.
pub(crate) struct Letter {
    /// As of [`super::enqueue`].
    pub(crate) cause: String,
    /// Their e-mail address.
    pub(crate) recipient: String,
    pub(crate) content: Content,
}

/// Something in an inbox.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = inbox_entries)]
pub struct InboxEntry {
    /// Its identifier.
    pub id: InboxEntryId,
    /// Whose inbox it is in.
    pub user_id: UserId,
    /// Which household it is about; none if it is about their account.
    pub household_id: Option<HouseholdId>,
    /// Why they are told.
    pub cause: Cause,
    /// What it is about: the newest message, the occurrence, the session, or the person themselves.
    pub subject_id: SubjectId,
    /// With what it is told together: the conversation of a mention.
    pub group_id: SubjectId,
    /// Whose doing it was the last time.
    pub actor_id: Option<MemberId>,
    /// How often it happened.
    pub count: i32,
    /// Its place in the inbox: the higher, the later it happened.
    pub arrived_at: i64,
    /// The number of its newest change.
    pub changed_at: i64,
    /// When it happened the last time.
    pub happened_at: Time,
}

/// How somebody found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub entry: InboxEntry,
    /// Whether it is not to be counted any more.
    pub is_read: bool,
    /// Whether it came before its reader last looked.
    pub is_seen: bool,
}

/// How much somebody has not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Of these, those that came since they last looked.
    pub unseen: i64,
    /// All of it.
    pub unread: i64,
}

/// Which page of an inbox, whose newest entry is its first.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Only what comes after this place, and so is older.
    pub after: Option<i64>,
    /// Only what comes before it.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
    /// From which end; [`End::Oldest`] is the first.
    pub end: End,
    /// Only what is not read.
    pub unread_only: bool,
}

/// All entries with what says whether they are read, and may be seen.
macro_rules! entries {
    () => {
        inbox_entries::table
            .inner_join(inboxes::table.on(inboxes::user_id.eq(inbox_entries::user_id)))
            .left_join(members::table.on(members::id.nullable().eq(inbox_entries::member_id)))
            .left_join(
                conversation_states::table.on(conversation_states::member_id
                    .nullable()
                    .eq(inbox_entries::member_id)
                    .and(conversation_states::conversation_id.eq(inbox_entries::group_id))),
            )
            .left_join(announcements::table.on(announcements::id.eq(inbox_entries::subject_id)))
            .left_join(occurrences::table.on(occurrences::id.eq(inbox_entries::subject_id)))
            // Those of a newer version are passed over.
            .filter(among(inbox_entries::cause, Cause::ALL))
            // Who is no longer a member is told no more of it, and sees it again when they are back.
            .filter(
                inbox_entries::member_id.is_null().or(members::status.nullable().eq(MemberStatus::Active)),
            )
    };
}

/// The entries of this cause that their readers have marked as read.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn marked_read(cause: Cause) -> _ {
    inbox_entries::table
        .inner_join(inboxes::table.on(inboxes::user_id.eq(inbox_entries::user_id)))
        .filter(inbox_entries::cause.eq(cause))
        .filter(inbox_entries::is_read.eq(true).or(inbox_entries::arrived_at.le(inboxes::read_to)))
}

/// The entries of this cause that their readers have not marked as read.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn not_marked_read(cause: Cause) -> _ {
    inbox_entries::table
        .inner_join(inboxes::table.on(inboxes::user_id.eq(inbox_entries::user_id)))
        .filter(inbox_entries::cause.eq(cause))
        .filter(inbox_entries::is_read.eq(false).and(inbox_entries::arrived_at.gt(inboxes::read_to)))
}

/// Whether an entry is not read: neither its reader has said so, nor what it is about.
macro_rules! is_unread {
    () => {
        inbox_entries::is_read
            .eq(false)
            .and(inbox_entries::arrived_at.gt(inboxes::read_to))
            .and(
                // Any of those that were told together; who deletes a message, or names nobody in it any more, takes back theirs.
                inbox_entries::cause.ne(Cause::Mention).or(exists(
                    message_mentions::table
                        .filter(message_mentions::member_id.nullable().eq(inbox_entries::member_id))
                        .filter(message_mentions::conversation_id.eq(inbox_entries::group_id))
                        .filter(message_mentions::seq.nullable().ge(inbox_entries::first_seq))
                        .filter(message_mentions::seq.nullable().le(inbox_entries::last_seq))
                        .filter(conversation_states::read_seq.nullable().is_null().or(
                            message_mentions::seq.nullable().gt(conversation_states::read_seq.nullable()),
                        )),
                )),
            )
            .and(
                inbox_entries::cause.ne(Cause::Announcement).or(announcements::id
                    .nullable()
                    .is_not_null()
                    .and(announcements::removed_at.nullable().is_null())),
            )
            .and(
                inbox_entries::cause
                    .ne(Cause::TaskReminder)
                    .and(inbox_entries::cause.ne(Cause::TaskNudge))
                    .or(occurrences::status.nullable().eq(Status::Open)),
            )
            .and(
                // Of what others had put there by then, as long as something is left to be bought.
                inbox_entries::cause.ne(Cause::GroceriesAdded).or(exists(
                    grocery_items::table
                        .inner_join(grocery_lists::table)
                        .filter(grocery_lists::archived_at.is_null())
                        .filter(grocery_items::list_id.eq(inbox_entries::group_id))
                        .filter(grocery_items::is_listed.eq(true))
                        .filter(grocery_items::state.eq(State::Open))
                        .filter(grocery_items::created_at.le(inbox_entries::happened_at))
                        .filter(
                            grocery_items::added_by
                                .is_null()
                                .or(grocery_items::added_by.ne(inbox_entries::member_id)),
                        ),
                )),
            )
    };
}

/// Loads entries with what is to be known of each.
macro_rules! load {
    ($conn:expr, $query:expr) => {{
        let (query, is_seen) = ($query, inbox_entries::arrived_at.le(inboxes::seen_to));
        let rows: Vec<(InboxEntry, Option<bool>, bool)> = run!($conn, |c| {
            query.select((InboxEntry::as_select(), is_unread!(), is_seen)).load(c).await
        })?;
        let found = rows.into_iter().map(|(entry, is_unread, is_seen)| Found {
            entry,
            is_read: is_unread != Some(true),
            is_seen,
        });
        found.collect::<Vec<_>>()
    }};
}

impl Cause {
    /// What it is about, if one can do without it.
    fn topic(self) -> Option<Topic> {
        match self {
            Self::Mention => Some(Topic::Mention),
            Self::Announcement => Some(Topic::Announcement),
            Self::TaskReminder => Some(Topic::TaskReminder),
            Self::TaskNudge => Some(Topic::TaskNudge),
            Self::GroceriesAdded => Some(Topic::GroceriesAdded),
            Self::Welcome | Self::NewDevice | Self::PasswordChanged => None,
        }
    }
}

impl News {
    /// Of somebody's account.
    pub(crate) fn of_account(user: UserId, cause: Cause, subject: SubjectId) -> Self {
        Self {
            user,
            cause,
            place: None,
            subject,
            group: subject,
            subject_seq: None,
            actor: None,
            count: 1,
            letter: None,
        }
    }

    /// Of their household, which is nobody's doing.
    pub(crate) fn of_household(
        user: UserId,
        cause: Cause,
        household: HouseholdId,
        member: MemberId,
        subject: SubjectId,
    ) -> Self {
        Self { place: Some((household, member)), ..Self::of_account(user, cause, subject) }
    }
}

/// Puts news into inboxes and the outbox of endpoints, as far as people want it there. Nothing of one person's twice, or it
/// counts twice: so only what [`super::enqueue`] found to be new.
pub(crate) async fn tell(conn: &mut Connection, mut news: Vec<News>, now: Time) -> Result<()> {
    let choosers: Vec<UserId> =
        news.iter().filter(|one| one.cause.topic().is_some()).map(|one| one.user).collect();
    let wishes = preference::of_users(conn, &choosers).await?;
    endpoint::tell(conn, &news, &wishes, now).await?;
    news.retain(|one| {
        let household = one.place.map(|(household, _)| household);
        let wishes = wishes.get(&one.user).zip(one.cause.topic());
        wishes.is_none_or(|(wishes, topic)| wishes.wants(household, Channel::Inbox, topic))
    });
    // In one order, or two that tell the same people could wait for each other.
    news.sort_by_key(|one| one.user);
    for one in &news {
        add(conn, one, now).await?;
    }
    Ok(())
}

async fn add(conn: &mut Connection, news: &News, now: Time) -> Result<()> {
    let number = take_numbers(conn, news.user, 1).await?;
    let query = entries!()
        .filter(inbox_entries::user_id.eq(news.user))
        .filter(inbox_entries::cause.eq(news.cause))
        .filter(inbox_entries::group_id.eq(news.group))
        .filter(is_unread!())
        .order(inbox_entries::arrived_at.desc())
        .select((inbox_entries::id, inbox_entries::first_seq, inbox_entries::last_seq));
    let unread: Option<(InboxEntryId, Option<i64>, Option<i64>)> =
        run!(conn, |c| query.first(c).await.optional())?;
    if let Some((entry, first, last)) = unread {
        let earlier = diesel::update(inbox_entries::table).filter(inbox_entries::id.eq(entry));
        let counted = earlier
            .set((
                inbox_entries::actor_id.eq(news.actor),
                inbox_entries::count.eq(inbox_entries::count + news.count),
                inbox_entries::first_seq.eq(first.min(news.subject_seq)),
                inbox_entries::arrived_at.eq(number),
                inbox_entries::changed_at.eq(number),
                inbox_entries::happened_at.eq(now),
            ))
            .prepared();
        run!(conn, |c| counted.execute(c).await)?;
        // Who names somebody in an older message, by editing it, does not lead away from the newest.
        if news.subject_seq >= last {
            let moved = diesel::update(inbox_entries::table)
                .filter(inbox_entries::id.eq(entry))
                .set((
                    inbox_entries::subject_id.eq(news.subject),
                    inbox_entries::last_seq.eq(news.subject_seq),
                ))
                .prepared();
            run!(conn, |c| moved.execute(c).await)?;
        }
        return Ok(());
    }
    let insert = diesel::insert_into(inbox_entries::table).values((
        inbox_entries::id.eq(InboxEntryId::new()),
        inbox_entries::user_id.eq(news.user),
        inbox_entries::household_id.eq(news.place.map(|(household, _)| household)),
        inbox_entries::member_id.eq(news.place.map(|(_, member)| member)),
        inbox_entries::cause.eq(news.cause),
        inbox_entries::subject_id.eq(news.subject),
        inbox_entries::group_id.eq(news.group),
        inbox_entries::first_seq.eq(news.subject_seq),
        inbox_entries::last_seq.eq(news.subject_seq),
        inbox_entries::actor_id.eq(news.actor),
        inbox_entries::count.eq(news.count),
        inbox_entries::arrived_at.eq(number),
        inbox_entries::changed_at.eq(number),
        inbox_entries::is_read.eq(false),
        inbox_entries::happened_at.eq(now),
    ));
    run!(conn, |c| insert.execute(c).await).map(|_| ())
}

/// Takes the lock of an inbox until the commit, and so many of its next numbers; returns the first of them. With the commit
/// whoever follows it is told.
async fn take_numbers(conn: &mut Connection, user: UserId, many: i64) -> Result<i64> {
    let update = diesel::update(inboxes::table)
        .filter(inboxes::user_id.eq(user))
        .set(inboxes::head.eq(inboxes::head + many))
        .prepared();
    let head = if run!(conn, |c| update.execute(c).await)? == 0 {
        let insert = diesel::insert_into(inboxes::table).values((
            inboxes::user_id.eq(user),
            inboxes::epoch.eq(0),
            inboxes::head.eq(many),
            inboxes::seen_to.eq(0_i64),
            inboxes::read_to.eq(0_i64),
        ));
        match run!(conn, |c| insert.execute(c).await) {
            // Somebody else was the first at this very moment: now there is one.
            Err(Error::Duplicate) => {
                return Err(Error::Contended(diesel::result::Error::RollbackTransaction));
            }
            result => result?,
        };
        many
    } else {
        let query = inboxes::table.filter(inboxes::user_id.eq(user)).select(inboxes::head);
        run!(conn, |c| query.first::<i64>(c).await)?
    };
    conn.notes_inbox(user, head);
    Ok(head - many + 1)
}

/// Takes the lock of an inbox, if there is one yet.
async fn lock(conn: &mut Connection, user: UserId) -> Result<()> {
    let update = diesel::update(inboxes::table)
        .filter(inboxes::user_id.eq(user))
        .set(inboxes::head.eq(inboxes::head))
        .prepared();
    run!(conn, |c| update.execute(c).await).map(|_| ())
}

/// Where an inbox is.
pub async fn position(conn: &mut Connection, user: UserId) -> Result<Position> {
    let found = positions(conn, &[user]).await?.pop();
    // Nothing has come yet.
    Ok(found.map_or(Position { epoch: 0, seq: 0 }, |(_, position)| position))
}

/// Where these people's inboxes are, without those in which nothing has come yet.
pub async fn positions(conn: &mut Connection, users: &[UserId]) -> Result<Vec<(UserId, Position)>> {
    let query = inboxes::table.filter(among(inboxes::user_id, users)).select((
        inboxes::user_id,
        inboxes::epoch,
        inboxes::head,
    ));
    let rows: Vec<(UserId, i32, i64)> = run!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(user, epoch, seq)| (user, Position { epoch, seq })).collect())
}

/// How much this person has not read.
pub async fn counts(conn: &mut Connection, user: UserId) -> Result<Counts> {
    let query = entries!().filter(inbox_entries::user_id.eq(user)).filter(is_unread!()).select((
        count(case_when(inbox_entries::arrived_at.gt(inboxes::seen_to), inbox_entries::arrived_at)),
        count_star(),
    ));
    let (unseen, unread) = run!(conn, |c| query.first(c).await)?;
    Ok(Counts { unseen, unread })
}

/// A page of a person's inbox, the newest entry first.
pub async fn page(conn: &mut Connection, user: UserId, page: Page) -> Result<Vec<Found>> {
    let includes_read = (!page.unread_only).into_sql::<Bool>();
    let query = entries!()
        .filter(inbox_entries::user_id.eq(user))
        .filter(inbox_entries::arrived_at.lt(page.after.unwrap_or(i64::MAX)))
        .filter(inbox_entries::arrived_at.gt(page.before.unwrap_or(0)))
        .filter(is_unread!().or(includes_read))
        .limit(page.limit);
    Ok(match page.end {
        End::Oldest => load!(conn, query.order(inbox_entries::arrived_at.desc())),
        End::Newest => {
            let mut found = load!(conn, query.order(inbox_entries::arrived_at.asc()));
            found.reverse();
            found
        }
    })
}

/// What changed after this number, in the order of the changes.
pub async fn changed_since(
    conn: &mut Connection,
    user: UserId,
    number: i64,
    limit: i64,
) -> Result<Vec<Found>> {
    let query = entries!()
        .filter(inbox_entries::user_id.eq(user))
        .filter(inbox_entries::changed_at.gt(number))
        .order(inbox_entries::changed_at)
        .limit(limit);
    Ok(load!(conn, query))
}

/// Something in this person's inbox, or [`Error::NotFound`].
pub async fn find(conn: &mut Connection, user: UserId, id: InboxEntryId) -> Result<Found> {
    let query = entries!().filter(inbox_entries::user_id.eq(user)).filter(inbox_entries::id.eq(id));
    load!(conn, query).pop().ok_or(Error::NotFound)
}

/// Which of an inbox somebody has read.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// These entries, if they have not come again after this place; those that are not theirs are passed over.
    Entries(&'a [InboxEntryId], Option<i64>),
    /// All up to this place.
    UpTo(i64),
}

/// Notes that somebody looked at their inbox when it was at this place. Never goes back.
pub async fn mark_seen(db: &Database, user: UserId, up_to: i64) -> Result<()> {
    db.transaction(&Mark { user, act: Act::Seen(up_to) }).await
}

/// Notes that somebody has read a part of their inbox. Never goes back.
pub async fn mark_read(db: &Database, user: UserId, which: Which<'_>) -> Result<()> {
    db.transaction(&Mark { user, act: Act::Read(which) }).await
}

struct Mark<'a> {
    user: UserId,
    act: Act<'a>,
}

enum Act<'a> {
    Seen(i64),
    Read(Which<'a>),
}

impl Work for Mark<'_> {
    type Output = ();

    async fn run(&self, conn: &mut Connection) -> Result<()> {
        let inbox = inboxes::table.filter(inboxes::user_id.eq(self.user));
        let changed = match self.act {
            Act::Seen(up_to) => {
                let update = diesel::update(inbox)
                    .filter(inboxes::seen_to.lt(up_to))
                    .filter(inboxes::head.ge(up_to))
                    .set(inboxes::seen_to.eq(up_to))
                    .prepared();
                run!(conn, |c| update.execute(c).await)?
            }
            Act::Read(Which::UpTo(up_to)) => {
                let update = diesel::update(inbox)
                    .filter(inboxes::read_to.lt(up_to))
                    .filter(inboxes::head.ge(up_to))
                    .set(inboxes::read_to.eq(up_to))
                    .prepared();
                run!(conn, |c| update.execute(c).await)?
            }
            Act::Read(Which::Entries(ids, up_to)) => {
                // Before they are looked at: what comes meanwhile is not read with them.
                lock(conn, self.user).await?;
                let query = inbox_entries::table
                    .filter(inbox_entries::user_id.eq(self.user))
                    .filter(among(inbox_entries::id, ids))
                    .filter(inbox_entries::arrived_at.le(up_to.unwrap_or(i64::MAX)))
                    .filter(inbox_entries::is_read.eq(false))
                    .order(inbox_entries::id)
                    .select(inbox_entries::id);
                let ids: Vec<InboxEntryId> = run!(conn, |c| query.load(c).await)?;
                return renumber(conn, self.user, &ids, true).await;
            }
        };
        // Whoever follows it on another device is told.
        if changed > 0 {
            take_numbers(conn, self.user, 1).await?;
        }
        Ok(())
    }
}

/// Gives these entries the next numbers, as whether they are read has changed: by their reader's own word, or by something
/// else.
async fn renumber(conn: &mut Connection, user: UserId, ids: &[InboxEntryId], is_said: bool) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let first = take_numbers(conn, user, i64::try_from(ids.len()).unwrap_or(0)).await?;
    for (number, id) in (first..).zip(ids) {
        let entry = inbox_entries::table.filter(inbox_entries::id.eq(id));
        if is_said {
            let set = (inbox_entries::changed_at.eq(number), inbox_entries::is_read.eq(true));
            let update = diesel::update(entry).set(set).prepared();
            run!(conn, |c| update.execute(c).await)?;
        } else {
            let update = diesel::update(entry).set(inbox_entries::changed_at.eq(number)).prepared();
            run!(conn, |c| update.execute(c).await)?;
        }
    }
    Ok(())
}

/// Somebody's read marker moved in a conversation, and with it over mentions of them.
pub(crate) async fn marker_moved(
    conn: &mut Connection,
    user: UserId,
    conversation: ConversationId,
    (from, to): (i64, i64),
) -> Result<()> {
    let query = inbox_entries::table
        .filter(inbox_entries::user_id.eq(user))
        .filter(inbox_entries::cause.eq(Cause::Mention))
        .filter(inbox_entries::group_id.eq(SubjectId::from(conversation)))
        .filter(inbox_entries::last_seq.gt(from.min(to)))
        .filter(inbox_entries::first_seq.le(from.max(to)))
        .filter(inbox_entries::is_read.eq(false))
        .order(inbox_entries::arrived_at.desc())
        .limit(MOVED)
        .select(inbox_entries::id);
    let ids: Vec<InboxEntryId> = run!(conn, |c| query.load(c).await)?;
    renumber(conn, user, &ids, false).await
}

/// Notes that somebody has read what they were told of this, as they have said elsewhere.
pub(crate) async fn subject_read(
    conn: &mut Connection,
    user: UserId,
    cause: Cause,
    subject: SubjectId,
) -> Result<()> {
    let query = inbox_entries::table
        .filter(inbox_entries::user_id.eq(user))
        .filter(inbox_entries::cause.eq(cause))
        .filter(inbox_entries::group_id.eq(subject))
        .filter(inbox_entries::is_read.eq(false))
        .order(inbox_entries::id)
        .select(inbox_entries::id);
    let ids: Vec<InboxEntryId> = run!(conn, |c| query.load(c).await)?;
    renumber(conn, user, &ids, true).await
}

/// Puts what was planned, and is due, into the inboxes of those it is for, if it is still right. Returns how much that was;
/// several instances may do it at once.
pub async fn tell_due(db: &Database, limit: i64) -> Result<usize> {
    let now = Time::now();
    let query = notifications::table
        .filter(notifications::is_shown.eq(false))
        .filter(notifications::created_at.le(now))
        .select(notifications::id);
    let first: Option<NotificationId> =
        run!(&mut *db.connection().await?, |c| query.first(c).await.optional())?;
    match first {
        Some(_) => db.transaction(&TellDue { limit, now }).await,
        None => Ok(0),
    }
}

struct TellDue {
    limit: i64,
    now: Time,
}

type Row = (NotificationId, String, String, String, Time);

impl Work for TellDue {
    type Output = usize;

    async fn run(&self, conn: &mut Connection) -> Result<usize> {
        let rows = self.take(conn).await?;
        let mut letters: Vec<Leased> = rows
            .iter()
            .filter_map(|(id, _, recipient, payload, created_at)| {
                // What cannot be read is of a newer version, and told by nobody else: its mail still comes.
                let content = Content::from_payload(payload).ok()?;
                let (recipient, locale, created_at) = (recipient.clone(), Locale::default(), *created_at);
                Some(Leased { id: *id, recipient, endpoint: None, locale, content, attempt: 0, created_at })
            })
            .collect();
        let called_off = reminder::freshen(conn, &mut letters, self.now).await?;
        letters.retain(|letter| !called_off.contains(&letter.id));
        let addresses: Vec<&str> = letters.iter().map(|letter| letter.recipient.as_str()).collect();
        let users = preference::users_at(conn, &addresses).await?;
        let causes: HashMap<NotificationId, &String> = rows.iter().map(|row| (row.0, &row.1)).collect();
        let mut news = Vec::new();
        for letter in &letters {
            let Some(cause) = causes.get(&letter.id) else { continue };
            match &letter.content {
                Content::TaskReminder { household_id, occurrence_id, member_id, .. } => {
                    let Some(user) = users.get(&letter.recipient) else { continue };
                    let (place, subject) = ((*household_id, *member_id), (*occurrence_id).into());
                    let told = News::of_household(*user, Cause::TaskReminder, place.0, place.1, subject);
                    let (cause, recipient) = ((*cause).clone(), letter.recipient.clone());
                    let words = Letter { cause, recipient, content: letter.content.clone() };
                    news.push(News { letter: Some(words), ..told });
                }
                content @ Content::GroceriesAdded { .. } => {
                    news.extend(news::of(conn, cause, content).await?);
                }
                _ => {}
            }
        }
        tell(conn, news, self.now).await?;
        // Whatever becomes of its mail, which plans the same.
        for letter in &letters {
            reminder::nag_on(conn, &letter.content, &letter.recipient, self.now).await?;
        }
        Ok(rows.len())
    }
}

impl TellDue {
    /// Takes what is due, so that nobody else does.
    async fn take(&self, conn: &mut Connection) -> Result<Vec<Row>> {
        let due = notifications::table
            .filter(notifications::is_shown.eq(false))
            .filter(notifications::created_at.le(self.now))
            .order(notifications::created_at)
            .limit(self.limit)
            .select((
                notifications::id,
                notifications::cause,
                notifications::recipient,
                notifications::payload,
                notifications::created_at,
            ));
        let rows: Vec<Row> = locked!(conn, due, skip_locked, |q, c| q.load(c).await)?;
        if rows.is_empty() {
            return Ok(rows);
        }
        let ids: Vec<_> = rows.iter().map(|row| row.0).collect();
        let update = diesel::update(notifications::table.filter(among(notifications::id, &ids)))
            .set(notifications::is_shown.eq(true))
            .prepared();
        run!(conn, |c| update.execute(c).await)?;
        Ok(rows)
    }
}

/// Forgets what changed last so long ago that nobody looks for it.
pub(crate) async fn forget_old(conn: &mut Connection, now: Time) -> Result<usize> {
    let delete =
        diesel::delete(inbox_entries::table).filter(inbox_entries::happened_at.lt(now.before(KEPT_FOR)));
    run!(conn, |c| delete.execute(c).await)
}
