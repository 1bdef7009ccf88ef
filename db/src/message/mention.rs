//! Mentions: `@name` is resolved to a member when the message is written, so that a later rename cannot break it.

use super::Message;
use crate::access::{Member, MemberStatus, Permission};
use crate::among::among;
use crate::conversation::{self, Conversation, MuteLevel};
use crate::member::Profile;
use crate::notification::inbox::{self, Cause, Letter, News};
use crate::notification::{self, Content, Leased};
use crate::tables::{
    conversation_states, households, inbox_entries, members, message_mentions, messages, users,
};
use crate::{Change, Connection, MemberId, MessageId, Result, Subject as _, UserId};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::{HashMap, HashSet};

/// Who is mentioned in these messages.
pub async fn mentions(conn: &mut Connection, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<MemberId>>> {
    let query = message_mentions::table
        .filter(among(message_mentions::message_id, ids))
        .order((message_mentions::message_id, message_mentions::member_id))
        .select((message_mentions::message_id, message_mentions::member_id));
    let rows: Vec<(MessageId, MemberId)> = run!(conn, |c| query.load(c).await)?;
    let mut mentions: HashMap<_, Vec<_>> = HashMap::new();
    for (message, member) in rows {
        mentions.entry(message).or_default().push(member);
    }
    Ok(mentions)
}

/// Makes the stored mentions those of the message's present text.
pub(super) async fn replace(
    change: &mut Change<'_>,
    conversation: &Conversation,
    message: &Message,
) -> Result<()> {
    if message.version > 1 {
        erase(change, message.id).await?;
    }
    let body = message.body.as_deref().unwrap_or_default();
    if !body.contains('@') {
        return Ok(());
    }
    let mentioned = named(change, conversation, body).await?;
    for member in &mentioned {
        let insert = diesel::insert_into(message_mentions::table).values((
            message_mentions::message_id.eq(message.id),
            message_mentions::member_id.eq(*member),
            message_mentions::conversation_id.eq(message.conversation_id),
            message_mentions::seq.eq(message.seq),
        ));
        run!(change.conn(), |c| insert.execute(c).await)?;
    }
    tell(change, message, &mentioned).await
}

/// Tells those mentioned, by mail and in their inbox: once for each message however often it is edited, never oneself, and
/// nobody who muted the conversation.
async fn tell(change: &mut Change<'_>, message: &Message, mentioned: &[MemberId]) -> Result<()> {
    if mentioned.is_empty() {
        return Ok(());
    }
    let author = change.actor()?.id();
    let now = change.now();
    let state = conversation_states::table.on(conversation_states::member_id
        .eq(members::id)
        .and(conversation_states::conversation_id.eq(message.conversation_id)));
    let query = members::table
        .inner_join(users::table)
        .inner_join(households::table)
        .left_join(state)
        .filter(among(members::id, mentioned))
        .filter(members::id.ne(author))
        .filter(wants_mentions())
        .select((members::id, users::id, users::email, users::display_name, households::name));
    let readers: Vec<(MemberId, UserId, String, String, String)> =
        run!(change.conn(), |c| query.load(c).await)?;
    if readers.is_empty() {
        return Ok(());
    }
    let author_name = Profile::find(change.conn(), author.into()).await?.display_name;
    let mut news = Vec::new();
    for (member, user, email, display_name, household_name) in readers {
        let content = Content::Mention {
            display_name,
            household_name,
            author_name: author_name.clone(),
            household_id: message.household_id,
            conversation_id: message.conversation_id,
            message_id: message.id,
        };
        let cause = format!("mention:{}:{member}", message.id);
        if notification::enqueue(change.conn(), &cause, &email, &content, now).await? {
            let (household, subject) = (message.household_id, message.id.into());
            let told = News::of_household(user, Cause::Mention, household, member, subject);
            news.push(News {
                group: message.conversation_id.into(),
                subject_seq: Some(message.seq),
                actor: Some(author),
                letter: Some(Letter { cause, recipient: email, content }),
                ..told
            });
        }
    }
    inbox::tell(change.conn(), news, now).await
}

/// Whether the reader of a conversation, whose state is joined, wants to hear of mentions there.
#[diesel::dsl::auto_type(no_type_alias)]
fn wants_mentions() -> _ {
    let none: MuteLevel = MuteLevel::None;
    conversation_states::mute_level
        .nullable()
        .is_null()
        .or(conversation_states::mute_level.nullable().ne(none))
}

/// Which of these letters about mentions are worth to be delivered still, by address and message: those to members whom the
/// message still names, who want to hear of it, and who have neither read it nor marked it in their inbox; in a household
/// that was not archived.
pub(crate) async fn worth_telling(
    conn: &mut Connection,
    letters: &[Leased],
) -> Result<HashSet<(String, MessageId)>> {
    let mentions = letters.iter().filter_map(|letter| match &letter.content {
        Content::Mention { message_id, .. } => Some((letter.recipient.as_str(), *message_id)),
        _ => None,
    });
    let (addresses, ids): (Vec<&str>, Vec<MessageId>) = mentions.unzip();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let state = conversation_states::table.on(conversation_states::member_id
        .eq(members::id)
        .and(conversation_states::conversation_id.eq(messages::conversation_id)));
    let query = messages::table
        .inner_join(members::table.on(members::household_id.eq(messages::household_id)))
        .inner_join(users::table.on(users::id.eq(members::user_id)))
        .inner_join(households::table.on(households::id.eq(messages::household_id)))
        .inner_join(message_mentions::table.on(
            message_mentions::message_id.eq(messages::id).and(message_mentions::member_id.eq(members::id)),
        ))
        .left_join(state)
        .filter(among(messages::id, &ids))
        .filter(households::archived_at.is_null())
        .filter(wants_mentions())
        .filter(messages::deleted_at.is_null())
        .filter(among(users::email, &addresses))
        .filter(members::status.eq(MemberStatus::Active))
        .filter(
            conversation_states::read_seq
                .nullable()
                .is_null()
                .or(conversation_states::read_seq.nullable().lt(messages::seq.nullable())),
        )
        .filter(not(exists(
            inbox::marked_read(Cause::Mention).filter(
                inbox_entries::user_id
                    .eq(users::id)
                    .and(inbox_entries::group_id.eq(messages::conversation_id))
                    .and(inbox_entries::last_seq.ge(messages::seq.nullable())),
            ),
        )))
        .select((users::email, messages::id));
    let rows: Vec<(String, MessageId)> = run!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().collect())
}

pub(super) async fn erase(change: &mut Change<'_>, message: MessageId) -> Result<()> {
    let delete = diesel::delete(message_mentions::table).filter(message_mentions::message_id.eq(message));
    run!(change.conn(), |c| delete.execute(c).await).map(|_| ())
}

/// The members named in a text, as far as they take part in the conversation.
async fn named(change: &mut Change<'_>, conversation: &Conversation, body: &str) -> Result<Vec<MemberId>> {
    let actor: Member = change.actor()?.clone();
    let query = members::table
        .inner_join(users::table)
        .filter(members::household_id.eq(conversation.household_id))
        .filter(members::status.eq(MemberStatus::Active))
        .select((members::id, users::display_name));
    let mut people: Vec<(MemberId, String)> = run!(change.conn(), |c| query.load(c).await)?;
    if let Some(audience) = conversation::audience(change.conn(), conversation).await? {
        people.retain(|(id, _)| audience.contains(id));
    }
    let found = scan(body, &people);
    if found.everyone && actor.role().may(Permission::MentionEveryone) {
        return Ok(people.into_iter().map(|(id, _)| id).filter(|id| *id != actor.id()).collect());
    }
    Ok(found.members)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    members: Vec<MemberId>,
    everyone: bool,
}

/// Finds `@name` and `@all` outside of code, the longest name first, whatever the case.
fn scan(body: &str, people: &[(MemberId, String)]) -> Found {
    let mut by_length: Vec<(MemberId, String)> =
        people.iter().map(|(id, name)| (*id, name.to_lowercase())).collect();
    by_length.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
    let mut found = Found::default();
    for prose in body.split('`').step_by(2) {
        let prose = prose.to_lowercase();
        for (at, _) in prose.match_indices('@') {
            let (before, rest) = prose.split_at(at);
            // "ada@example.org" mentions nobody.
            if before.ends_with(char::is_alphanumeric) {
                continue;
            }
            let rest = rest.trim_start_matches('@');
            match by_length.iter().find(|(_, name)| starts_with_word(rest, name)) {
                Some((id, _)) if !found.members.contains(id) => found.members.push(*id),
                Some(_) => {}
                None => found.everyone |= starts_with_word(rest, "all"),
            }
        }
    }
    found
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Vec<(MemberId, String)> {
        ["Ada", "Ada Lovelace", "李雷", "Zoë"].map(|name| (MemberId::new(), name.to_owned())).to_vec()
    }

    fn names(body: &str) -> Vec<String> {
        let people = people();
        let found = scan(body, &people).members;
        found.iter().map(|id| people.iter().find(|(other, _)| other == id).unwrap().1.clone()).collect()
    }

    #[test]
    fn the_longest_name_wins_and_case_does_not_matter() {
        assert_eq!(names("hi @ada lovelace and @ADA!"), ["Ada Lovelace", "Ada"]);
        assert_eq!(names("@李雷 你好, @zoë"), ["李雷", "Zoë"]);
    }

    #[test]
    fn code_addresses_and_longer_words_mention_nobody() {
        assert_eq!(names("`@Ada` ada@Ada @Adam"), Vec::<String>::new());
    }

    #[test]
    fn all_is_everybody() {
        assert!(scan("@all dinner", &people()).everyone);
        assert!(!scan("@allergy", &people()).everyone);
    }
}
