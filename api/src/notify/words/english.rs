//! English.

use super::{Clock, Due, Language, Said};
use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use roomm8_db::Date;
use roomm8_db::notification::{Content, DigestLine};

pub(super) const LANGUAGE: Language =
    Language { tag: "en", hello: "Hello", no_more: "No more of these", says };

const OPEN: &str = "Open RoomM8";

fn says(content: &Content, clock: &Clock) -> Said {
    match content {
        Content::VerifyEmail { .. } => Said::new(
            "Confirm your e-mail address",
            "please confirm that this is your address.",
            "Confirm it",
        )
        .adds("Did you not sign up? Then there is nothing to do."),
        Content::Welcome { .. } => Said::new(
            "Welcome to RoomM8",
            "your address is confirmed. Found a household, or join one: somebody who lives there invites you.",
            OPEN,
        ),
        Content::AlreadyRegistered { .. } => Said::new(
            "You already have an account",
            "somebody, perhaps you, tried to sign up with this address. You have an account already.",
            "Sign in",
        )
        .adds("Did you forget your password? You can ask for a new one there."),
        Content::PasswordReset { expires_at, .. } => {
            let end = instant(&clock.local(*expires_at, None));
            let says = format!("you asked for a new password. This works once, until {end}.");
            Said::new("Choose a new password", says, "Choose a new password")
                .adds("Did you not ask? Then your password stays as it is.")
        }
        Content::PasswordChanged { changed_at, .. } => {
            let says = format!("your password was changed at {}.", instant(&clock.local(*changed_at, None)));
            Said::new("Your password was changed", says, OPEN)
                .adds("Was that not you? Ask for a new password at once.")
        }
        Content::NewDevice { device, ip_prefix, signed_in_at, .. } => {
            let at = instant(&clock.local(*signed_in_at, None));
            let says = format!("{device} signed in from {ip_prefix} at {at}.");
            Said::new("A new device signed in", says, "Look at your sessions")
                .adds("Was that not you? Revoke its session and change your password.")
        }
        Content::Invitation { household_name, inviter_name, expires_at, time_zone, .. } => {
            let end = instant(&clock.local(*expires_at, time_zone.as_deref()));
            let fact = format!("{inviter_name} invites you to");
            let says = format!("{fact} live in {household_name}. You can accept until {end}.");
            Said::new(format!("{fact} {household_name}"), says, "Have a look")
        }
        Content::Mention { household_name, author_name, .. } => {
            let fact = format!("{author_name} mentioned you in {household_name}");
            Said::new(fact.clone(), fact + ".", "Read it")
        }
        Content::Announcement { household_name, author_name, title, requires_ack, .. } => {
            let says = format!("{author_name} announced in {household_name}: {title}");
            let asks = if *requires_ack { "Please say that you know." } else { "" };
            Said::new(format!("{household_name}: {title}"), says, "Read it").adds(asks)
        }
        Content::TaskReminder { household_name, title, due_at, by_end_of, time_zone, nag, .. } => {
            let due = due(&Due::of(*due_at, *by_end_of, time_zone, clock));
            let subject = nag.map_or("Reminder", |_| "Still to be done");
            let is = if clock.is_past(*due_at) { "was" } else { "is" };
            let says = format!("{title} in {household_name} {is} due {due}. Is it done? Then say so.");
            Said::new(format!("{subject}: {title}"), says, OPEN)
        }
        Content::TaskNudge { household_name, nudger_name, title, due_at, by_end_of, time_zone, .. } => {
            let due = due_at.map(|due_at| due(&Due::of(due_at, *by_end_of, time_zone, clock)));
            let due = due.map_or_else(String::new, |due| format!(" It is due {due}."));
            let says = format!("{nudger_name} asks you to do {title} in {household_name}.{due}");
            Said::new(format!("{nudger_name} asks for {title}"), says, OPEN)
        }
        Content::GroceriesAdded { household_name, author_name, list_name, count, .. } => {
            let things = if *count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
            let fact = format!("{author_name} added {things} to {list_name}");
            Said::new(fact.clone(), format!("{fact} in {household_name}."), "Open the list")
        }
        Content::TaskDigest { date: tomorrow, until, chores, more, .. } => {
            let chores_are = match chores.len() + more {
                1 => "1 chore is".to_owned(),
                count => format!("{count} chores are"),
            };
            let first = date(tomorrow.naive());
            let (when, says) = match until.map(|last| date(last.naive())) {
                None => ("tomorrow".to_owned(), format!("this is due tomorrow, {first}:")),
                Some(last) => (format!("by {last}"), format!("this is due from {first} to {last}:")),
            };
            let more = Some(*more).filter(|more| *more > 0).map(|more| format!("{more} more"));
            let list = chores.iter().map(|chore| line(chore, *until, clock)).chain(more);
            Said::new(format!("{chores_are} due {when}"), says, OPEN).lists(list.collect())
        }
    }
}

fn line(chore: &DigestLine, until: Option<Date>, clock: &Clock) -> String {
    let DigestLine { title, household_name, due_at, by_end_of, time_zone } = chore;
    let due = match (Due::of(*due_at, *by_end_of, time_zone, clock), until) {
        // The day is said above all of them.
        (Due::ByEndOf(_), None) => String::new(),
        (when, _) => format!(", due {}", due(&when)),
    };
    format!("{title} in {household_name}{due}")
}

fn due(due: &Due) -> String {
    match due {
        Due::At(local) => format!("at {}", instant(local)),
        Due::ByEndOf(day) => format!("by the end of {}", date(*day)),
    }
}

fn instant(local: &DateTime<Tz>) -> String {
    format!("{} on {} ({})", local.format("%H:%M"), date(local.date_naive()), local.timezone())
}

fn date(date: NaiveDate) -> String {
    date.format("%A %-d %B %Y").to_string()
}
