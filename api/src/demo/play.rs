//! Plays the year: every act of the plan, at its time, through the public API.

use super::accounts;
use super::cast::{Each, Place, Who};
use super::chores::Chores;
use super::client::Client;
use super::groceries::Groceries;
use super::moment;
use super::plan::{Act, Deed, Plan};
use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use roomm8_db::Time;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _, stdout};

const SEND: &str = "mutation($input: SendMessageInput!) {
    answer: sendMessage(input: $input) { message { id cursor } userErrors { message } }
}";
const EDIT: &str = "mutation($input: EditMessageInput!) {
    answer: editMessage(input: $input) { userErrors { message } }
}";
const DELETE: &str = "mutation($input: DeleteMessageInput!) {
    answer: deleteMessage(input: $input) { userErrors { message } }
}";
const REACT: &str = "mutation($input: AddReactionInput!) {
    answer: addReaction(input: $input) { userErrors { message } }
}";
const READ: &str = "mutation($input: MarkReadInput!) {
    answer: markRead(input: $input) { userErrors { message } }
}";

#[derive(Deserialize)]
struct Answer {
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    cursor: String,
}

/// The household while the year is played.
pub(super) struct Stage {
    people: Each<Client>,
    known: Known,
    chores: Chores,
    groceries: Groceries,
}

/// The ids of what was made so far.
struct Known {
    conversations: HashMap<Place, String>,
    /// By their numbers in the plan.
    messages: HashMap<usize, Message>,
}

impl Stage {
    pub(super) fn new(
        people: Each<Client>,
        conversations: HashMap<Place, String>,
        chores: Chores,
        groceries: Groceries,
    ) -> Self {
        Self { people, known: Known { conversations, messages: HashMap::new() }, chores, groceries }
    }

    /// The client of one of them.
    pub(super) const fn client(&mut self, who: Who) -> &mut Client {
        self.people.of(who)
    }

    /// Everybody puts away the device they used last.
    pub(super) async fn sign_out(&mut self) -> Result<()> {
        for (_, client) in self.people.all() {
            accounts::sign_out(client).await?;
        }
        Ok(())
    }

    /// Plays the plan to its end.
    pub(super) async fn play(&mut self, plan: &Plan) -> Result<()> {
        let mut progress = Progress::default();
        let mut acts = plan.acts.as_slice();
        while let Some((now, later)) = moment::next(acts) {
            let at = now.last().map(|act| act.at).unwrap_or_default();
            Time::set_clock(plan.begins.after(at));
            progress.show(plan.begins.after(at), self.known.messages.len());
            self.chores.play(&mut self.people, plan.begins.after(at)).await?;
            self.groceries.play(&mut self.people, plan.begins.after(at)).await?;
            self.perform(now).await?;
            acts = later;
        }
        progress.end();
        Ok(())
    }

    /// Everybody does what is theirs, at once.
    async fn perform(&mut self, acts: &[Act]) -> Result<()> {
        let known = &self.known;
        let parts = self.people.all().filter_map(|(who, client)| {
            let act = acts.iter().find(|act| act.who == who)?;
            Some(async move { known.perform(client, act).await.with_context(|| format!("{act:?}")) })
        });
        let sent = try_join_all(parts).await?;
        self.known.messages.extend(sent.into_iter().flatten());
        Ok(())
    }
}

impl Known {
    /// Does it; returns the message if one was sent.
    async fn perform(&self, client: &mut Client, act: &Act) -> Result<Option<(usize, Message)>> {
        let (operation, input) = match &act.deed {
            Deed::ChangeDevice { device } => {
                accounts::sign_out(client).await?;
                accounts::sign_in(client, act.who, device).await?;
                return Ok(None);
            }
            Deed::Send { place, body, answers, .. } => (SEND, self.sending(*place, body, *answers)?),
            Deed::Edit { message, body } => (EDIT, json!({ "messageId": self.id(*message)?, "body": body })),
            Deed::Delete { message } => (DELETE, json!({ "messageId": self.id(*message)? })),
            Deed::React { message, emoji } => {
                (REACT, json!({ "messageId": self.id(*message)?, "emoji": emoji }))
            }
            Deed::Read { message, place } => (READ, self.reading(*place, *message)?),
        };
        let Answer { message } = client.tell(operation, input).await?;
        Ok(act.deed.message().zip(message))
    }

    fn sending(&self, place: Place, body: &str, answers: Option<usize>) -> Result<Value> {
        let reply_to = answers.map(|message| self.id(message)).transpose()?;
        Ok(json!({ "conversationId": self.conversation(place)?, "body": body, "replyToId": reply_to }))
    }

    fn reading(&self, place: Place, message: usize) -> Result<Value> {
        let up_to = &self.message(message)?.cursor;
        Ok(json!({ "conversationId": self.conversation(place)?, "upTo": up_to }))
    }

    fn id(&self, message: usize) -> Result<&str> {
        Ok(&self.message(message)?.id)
    }

    fn message(&self, number: usize) -> Result<&Message> {
        self.messages.get(&number).context("this message was not sent yet")
    }

    fn conversation(&self, place: Place) -> Result<&str> {
        self.conversations.get(&place).map(String::as_str).context("this conversation was not opened")
    }
}

/// Tells on standard output how far the year is: on a terminal one line that changes, else a line a month.
#[derive(Default)]
struct Progress {
    shown: String,
}

impl Progress {
    fn show(&mut self, now: Time, messages: usize) {
        let is_live = stdout().is_terminal();
        let date = now.to_utc().format(if is_live { "%Y-%m-%d" } else { "%Y-%m" }).to_string();
        if date == self.shown {
            return;
        }
        if is_live {
            // Progress that cannot be shown is no reason to stop.
            print!("\r  {date}  {messages} messages");
            let _ = stdout().flush();
        } else {
            println!("  {date}  {messages} messages");
        }
        self.shown = date;
    }

    fn end(&self) {
        if stdout().is_terminal() && !self.shown.is_empty() {
            println!();
        }
    }
}
