//! German, as one speaks to people one lives with.

use super::{Clock, Due, Language, Said};
use chrono::{DateTime, Datelike as _, NaiveDate, Weekday};
use chrono_tz::Tz;
use roomm8_db::Date;
use roomm8_db::notification::{Content, DigestLine};

pub(super) const LANGUAGE: Language =
    Language { tag: "de", hello: "Hallo", no_more: "Keine solchen Mails mehr", says };

const OPEN: &str = "RoomM8 öffnen";
const MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

fn says(content: &Content, clock: &Clock) -> Said {
    match content {
        Content::VerifyEmail { .. } => Said::new(
            "Bestätige deine E-Mail-Adresse",
            "bitte bestätige, dass das deine Adresse ist.",
            "Adresse bestätigen",
        )
        .adds("Du hast dich gar nicht registriert? Dann musst du nichts tun."),
        Content::Welcome { .. } => Said::new(
            "Willkommen bei RoomM8",
            "deine Adresse ist bestätigt. Gründe einen Haushalt, oder zieh in einen ein: Wer dort wohnt, lädt dich ein.",
            OPEN,
        ),
        Content::AlreadyRegistered { .. } => Said::new(
            "Du hast schon ein Konto",
            "jemand, vielleicht du, wollte sich mit dieser Adresse registrieren. Du hast aber schon ein Konto.",
            "Anmelden",
        )
        .adds("Passwort vergessen? Dort kannst du ein neues anfordern."),
        Content::PasswordReset { expires_at, .. } => {
            let end = instant(&clock.local(*expires_at, None));
            let says = format!("du hast ein neues Passwort angefordert. Der Link funktioniert einmal, bis {end}.");
            Said::new("Wähle ein neues Passwort", says, "Neues Passwort wählen")
                .adds("Du hast keins angefordert? Dann bleibt dein Passwort, wie es ist.")
        }
        Content::PasswordChanged { changed_at, .. } => {
            let at = instant(&clock.local(*changed_at, None));
            let says = format!("dein Passwort wurde am {at} geändert.");
            Said::new("Dein Passwort wurde geändert", says, OPEN)
                .adds("Das warst du nicht? Dann fordere sofort ein neues Passwort an.")
        }
        Content::NewDevice { device, ip_prefix, signed_in_at, .. } => {
            let at = instant(&clock.local(*signed_in_at, None));
            let says = format!("{device} hat sich am {at} von {ip_prefix} aus angemeldet.");
            Said::new("Ein neues Gerät hat sich angemeldet", says, "Deine Sitzungen ansehen")
                .adds("Das warst du nicht? Dann beende die Sitzung und ändere dein Passwort.")
        }
        Content::Invitation { household_name, inviter_name, expires_at, time_zone, .. } => {
            let end = instant(&clock.local(*expires_at, time_zone.as_deref()));
            let says = format!(
                "{inviter_name} lädt dich ein, in „{household_name}“ zu wohnen. Du kannst bis {end} annehmen."
            );
            Said::new(format!("{inviter_name} lädt dich in „{household_name}“ ein"), says, "Ansehen")
        }
        Content::Mention { household_name, author_name, .. } => {
            let fact = format!("{author_name} hat dich in „{household_name}“ erwähnt");
            Said::new(fact.clone(), fact + ".", "Lesen")
        }
        Content::Announcement { household_name, author_name, title, requires_ack, .. } => {
            let says = format!("{author_name} gibt in „{household_name}“ bekannt: {title}");
            let asks = if *requires_ack { "Bitte bestätige, dass du es gelesen hast." } else { "" };
            Said::new(format!("{household_name}: {title}"), says, "Lesen").adds(asks)
        }
        Content::TaskReminder { household_name, title, due_at, by_end_of, time_zone, nag, .. } => {
            let due = due(&Due::of(*due_at, *by_end_of, time_zone, clock));
            let subject = nag.map_or("Erinnerung", |_| "Noch zu erledigen");
            let is = if clock.is_past(*due_at) { "war" } else { "ist" };
            let says =
                format!("„{title}“ in „{household_name}“ {is} {due} fällig. Schon erledigt? Dann sag Bescheid.");
            Said::new(format!("{subject}: {title}"), says, OPEN)
        }
        Content::TaskNudge {
            household_name, nudger_name, title, due_at, by_end_of, time_zone, ..
        } => {
            let due = due_at.map(|due_at| due(&Due::of(due_at, *by_end_of, time_zone, clock)));
            let due = due.map_or_else(String::new, |due| format!(" Das ist {due} fällig."));
            let says =
                format!("{nudger_name} bittet dich, „{title}“ in „{household_name}“ zu erledigen.{due}");
            Said::new(format!("{nudger_name} bittet dich um „{title}“"), says, OPEN)
        }
        Content::GroceriesAdded { household_name, author_name, list_name, count, .. } => {
            let things = if *count == 1 { "1 Ding".to_owned() } else { format!("{count} Dinge") };
            let fact = format!("{author_name} hat {things} auf „{list_name}“ geschrieben");
            Said::new(fact.clone(), format!("{fact}, in „{household_name}“."), "Zur Liste")
        }
        Content::TaskDigest { date: tomorrow, until, chores, more, .. } => {
            let are_chores = match chores.len() + more {
                1 => "ist 1 Aufgabe".to_owned(),
                count => format!("sind {count} Aufgaben"),
            };
            let first = date(tomorrow.naive());
            let (when, says) = match until.map(|last| date(last.naive())) {
                None => ("Morgen".to_owned(), format!("das ist morgen, am {first}, fällig:")),
                Some(last) => (format!("Bis {last},"), format!("das ist von {first}, bis {last}, fällig:")),
            };
            let more = Some(*more).filter(|more| *more > 0).map(|more| format!("und {more} weitere"));
            let list = chores.iter().map(|chore| line(chore, *until, clock)).chain(more);
            Said::new(format!("{when} {are_chores} fällig"), says, OPEN).lists(list.collect())
        }
    }
}

fn line(chore: &DigestLine, until: Option<Date>, clock: &Clock) -> String {
    let DigestLine { title, household_name, due_at, by_end_of, time_zone } = chore;
    let due = match (Due::of(*due_at, *by_end_of, time_zone, clock), until) {
        // The day is said above all of them.
        (Due::ByEndOf(_), None) => String::new(),
        (Due::ByEndOf(day), Some(_)) => format!(", fällig bis {}", date(day)),
        (Due::At(local), _) => format!(", fällig am {}", instant(&local)),
    };
    format!("„{title}“ in „{household_name}“{due}")
}

fn due(due: &Due) -> String {
    match due {
        Due::At(local) => format!("am {}", instant(local)),
        Due::ByEndOf(day) => format!("spätestens am {},", date(*day)),
    }
}

fn instant(local: &DateTime<Tz>) -> String {
    format!("{}, um {} Uhr ({})", date(local.date_naive()), local.format("%H:%M"), local.timezone())
}

fn date(date: NaiveDate) -> String {
    let weekday = match date.weekday() {
        Weekday::Mon => "Montag",
        Weekday::Tue => "Dienstag",
        Weekday::Wed => "Mittwoch",
        Weekday::Thu => "Donnerstag",
        Weekday::Fri => "Freitag",
        Weekday::Sat => "Samstag",
        Weekday::Sun => "Sonntag",
    };
    let month = MONTHS.into_iter().nth(date.month0() as usize).unwrap_or_default();
    format!("{weekday}, {}. {month} {}", date.day(), date.year())
}
