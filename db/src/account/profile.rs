//! What people tell about themselves, and what they let others see.

use super::{Locale, User, text};
use crate::among::among;
use crate::change::checked;
use crate::database::Work;
use crate::idempotency::{Key, Receipt};
use crate::prepared::Prepare as _;
use crate::tables::{household_streams, members, users};
use crate::{Connection, Database, Error, HouseholdId, Result, SubjectId, Time, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// What to change of a profile; `None` leaves it as it is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Update {
    /// What others call them; 1 to 100 characters.
    pub display_name: Option<String>,
    /// Whether others see them as offline always; they then see nobody's presence.
    pub appears_offline: Option<bool>,
    /// Whether others see what they have read; without it they do not see what others have.
    pub sends_read_receipts: Option<bool>,
    /// The BCP 47 tag of the language they are written to in.
    // Left out where it is not said: an intent that a version without it was told is still known again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The IANA zone of the clocks by which they are told times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The version they have seen; [`Error::Conflict`] if it is not the current one.
    pub expected_version: Option<i32>,
}

/// Changes somebody's own profile. The version grows only if something changed. A repeat of the same
/// `client_mutation_id` changes nothing and is answered with the profile as it is now.
pub async fn update_profile(
    db: &Database,
    user: UserId,
    update: &Update,
    client_mutation_id: Option<&str>,
) -> Result<User> {
    let display_name = update.display_name.as_deref().map(text::display_name).transpose()?;
    let locale = Locale::checked(update.locale.as_deref(), update.time_zone.as_deref())?;
    let key = match client_mutation_id {
        Some(id) => Some(Key::new(user, "update_profile", checked(id)?, update)?),
        None => None,
    };
    let Locale { tag: locale, time_zone } = locale;
    let update = Update { display_name, locale, time_zone, ..update.clone() };
    db.transaction(&Apply { user, update, key }).await
}

struct Apply<'a> {
    user: UserId,
    update: Update,
    key: Option<Key<'a>>,
}

impl Work for Apply<'_> {
    type Output = User;

    async fn run(&self, conn: &mut Connection) -> Result<User> {
        let current = lock(conn, self.user).await?;
        let receipt = match &self.key {
            Some(key) => key.receipt(conn).await?,
            None => None,
        };
        if receipt.is_some() {
            return Ok(current);
        }
        let subject = SubjectId::from_bytes(*self.user.bytes());
        if self.update.expected_version.is_some_and(|expected| expected != current.version) {
            return Err(Error::Conflict(subject));
        }
        let changed = self.applied(&current);
        if changed.version != current.version {
            save(conn, &changed).await?;
        }
        if changed.display_name != current.display_name {
            count_new_name(conn, self.user).await?;
        }
        if let Some(key) = &self.key {
            key.remember(conn, &Receipt { subject, seq: 0, memo: None }, Time::now()).await?;
        }
        Ok(changed)
    }
}

impl Apply<'_> {
    fn applied(&self, current: &User) -> User {
        let Update { display_name, appears_offline, sends_read_receipts, locale, time_zone, .. } =
            &self.update;
        let mut changed = User {
            display_name: display_name.clone().unwrap_or_else(|| current.display_name.clone()),
            appears_offline: appears_offline.unwrap_or(current.appears_offline),
            sends_read_receipts: sends_read_receipts.unwrap_or(current.sends_read_receipts),
            locale: Locale {
                tag: locale.clone().or_else(|| current.locale.tag.clone()),
                time_zone: time_zone.clone().or_else(|| current.locale.time_zone.clone()),
            },
            ..current.clone()
        };
        if changed != *current {
            changed.version += 1;
        }
        changed
    }
}

/// The user, whom nobody else changes until the commit.
async fn lock(conn: &mut Connection, user: UserId) -> Result<User> {
    let query = users::table.filter(users::id.eq(user));
    locked!(conn, query, |q, c| q.select(User::as_select()).first(c).await)
}

async fn save(conn: &mut Connection, user: &User) -> Result<()> {
    let update = diesel::update(users::table)
        .filter(users::id.eq(user.id))
        .set((
            users::display_name.eq(&user.display_name),
            users::appears_offline.eq(user.appears_offline),
            users::sends_read_receipts.eq(user.sends_read_receipts),
            users::locale.eq(&user.locale.tag),
            users::time_zone.eq(&user.locale.time_zone),
            users::version.eq(user.version),
        ))
        .prepared();
    run!(conn, |c| update.execute(c).await).map(|_| ())
}

/// Gives every household that shows this person's name, as a former member's too, another version.
async fn count_new_name(conn: &mut Connection, user: UserId) -> Result<()> {
    let theirs = members::table.filter(members::user_id.eq(user)).select(members::household_id);
    // Read first: MariaDB would ask the inner query for each household there is.
    let theirs: Vec<HouseholdId> = run!(conn, |c| theirs.load(c).await)?;
    for theirs in theirs.chunks(1000) {
        let update = diesel::update(household_streams::table)
            .filter(among(household_streams::household_id, theirs))
            .set(household_streams::names.eq(household_streams::names + 1))
            .prepared();
        run!(conn, |c| update.execute(c).await)?;
    }
    Ok(())
}
