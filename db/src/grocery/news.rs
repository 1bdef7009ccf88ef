//! Telling a household what was put on its lists: together, however much it was.

use super::item::State;
use super::{Effect, List, Treated};
use crate::access::{Member, MemberStatus};
use crate::member::Profile;
use crate::notification::inbox::{self, Cause, Letter, News};
use crate::notification::{self, Content, Leased};
use crate::tables::{grocery_items, grocery_lists, households, inbox_entries, members, users};
use crate::{Change, Connection, GroceryListId, MemberId, Result, Subject as _, Time, UserId};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// What one person puts on a list within one of these, all of which are as long, is told at its end.
const TOGETHER: Duration = Duration::from_mins(1);
/// So much later, as what was begun within it may be committed after it.
const LATER: Duration = Duration::from_secs(5);

/// Sees to it that the others are told, if anything was put on this list that was not on it. What a rule puts there is no news.
pub(super) async fn plan(change: &mut Change<'_>, list: &List, treated: &[Treated]) -> Result<()> {
    let Ok(author) = change.actor().map(Member::id) else { return Ok(()) };
    if !treated.iter().any(|treated| treated.effect == Effect::Created) {
        return Ok(());
    }
    let now = change.now();
    let length = i64::try_from(TOGETHER.as_micros()).unwrap_or(i64::MAX);
    let begin = beginning(list.id, length);
    let number = (now.micros() - begin).div_euclid(length);
    let since = Time::from_micros(begin + number * length);
    let content = Content::GroceriesAdded {
        // Found when it is told.
        display_name: String::new(),
        household_name: String::new(),
        author_name: String::new(),
        list_name: String::new(),
        count: 0,
        household_id: change.household_id(),
        list_id: list.id,
        author_id: author,
        since,
    };
    let cause = format!("groceries:{}:{author}:{number}", list.id);
    notification::plan_news(change.conn(), &cause, &content, since.after(TOGETHER + LATER), now).await
}

/// When the minutes of a list begin: not all lists are told of at once.
fn beginning(list: GroceryListId, length: i64) -> i64 {
    let [.., a, b, c, d] = *list.bytes();
    i64::from(u32::from_be_bytes([a, b, c, d])).rem_euclid(length)
}

/// What was planned, for each of the others: nothing if all of it was bought or taken off meanwhile.
pub(crate) async fn of(conn: &mut Connection, cause: &str, planned: &Content) -> Result<Vec<News>> {
    let Content::GroceriesAdded { household_id, list_id, author_id, since, .. } = planned else {
        return Ok(Vec::new());
    };
    let query = grocery_lists::table
        .inner_join(households::table.on(households::id.eq(grocery_lists::household_id)))
        .filter(grocery_lists::id.eq(list_id))
        .filter(grocery_lists::archived_at.is_null())
        .filter(households::archived_at.is_null())
        .select((grocery_lists::name, households::name));
    let names: Option<(String, String)> = run!(conn, |c| query.first(c).await.optional())?;
    let query = grocery_items::table
        .filter(grocery_items::list_id.eq(list_id))
        .filter(grocery_items::added_by.eq(author_id))
        .filter(grocery_items::created_at.ge(since))
        .filter(grocery_items::created_at.lt(since.after(TOGETHER)))
        .filter(grocery_items::is_listed.eq(true))
        .filter(grocery_items::state.eq(State::Open))
        .select(count_star());
    let added: i64 = run!(conn, |c| query.first(c).await)?;
    let (Some((list_name, household_name)), Ok(count @ 1..)) = (names, i32::try_from(added)) else {
        return Ok(Vec::new());
    };
    let author_name = Profile::find(conn, (*author_id).into()).await?.display_name;
    let query = members::table
        .inner_join(users::table)
        .filter(members::household_id.eq(household_id))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(members::id.ne(author_id))
        .order(members::id)
        .select((members::id, users::id, users::email, users::display_name));
    let readers: Vec<(MemberId, UserId, String, String)> = run!(conn, |c| query.load(c).await)?;
    let news = readers.into_iter().map(|(member, user, recipient, display_name)| {
        let content = Content::GroceriesAdded {
            display_name,
            household_name: household_name.clone(),
            author_name: author_name.clone(),
            list_name: list_name.clone(),
            count,
            household_id: *household_id,
            list_id: *list_id,
            author_id: *author_id,
            since: *since,
        };
        let letter = Letter { cause: format!("{cause}:{member}"), recipient, content };
        let told = News::of_household(user, Cause::GroceriesAdded, *household_id, member, (*list_id).into());
        News { actor: Some(*author_id), count, letter: Some(letter), ..told }
    });
    Ok(news.collect())
}

/// What of this is still worth telling, by whom it is for and what was planned: they are there, it is to be bought, and they have
/// not marked it as read. As it is now.
pub(crate) async fn worth_telling(
    conn: &mut Connection,
    letters: &[Leased],
) -> Result<HashMap<(String, GroceryListId, Time), Content>> {
    let mut told = HashMap::new();
    let mut looked_at = HashSet::new();
    for letter in letters {
        let Content::GroceriesAdded { list_id, author_id, since, .. } = &letter.content else { continue };
        if !looked_at.insert((*list_id, *author_id, *since)) {
            continue;
        }
        let query = inbox::marked_read(Cause::GroceriesAdded)
            .filter(inbox_entries::group_id.eq(list_id))
            .filter(inbox_entries::happened_at.ge(since))
            .select(inbox_entries::user_id);
        let have_read: Vec<UserId> = run!(conn, |c| query.load(c).await)?;
        for News { user, letter, .. } in of(conn, "", &letter.content).await? {
            if let Some(Letter { recipient, content, .. }) = letter.filter(|_| !have_read.contains(&user)) {
                told.insert((recipient, *list_id, *since), content);
            }
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_has_minutes_of_its_own() {
        let length = 60_000_000;
        let begins: HashSet<i64> = (0..64).map(|_| beginning(GroceryListId::new(), length)).collect();
        assert!(begins.len() > 32 && begins.iter().all(|begin| (0..length).contains(begin)), "{begins:?}");
    }
}
