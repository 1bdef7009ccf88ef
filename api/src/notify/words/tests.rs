use super::*;
use roomm8_db::notification::{DigestLine, Secret};
use roomm8_db::{
    AnnouncementId, ConversationId, GroceryListId, HouseholdId, MemberId, MessageId, NotificationId,
    OccurrenceId,
};
use std::time::Duration;

/// 18:30 in Berlin on 24 November 2026.
const THEN: Time = Time::from_micros(1_795_541_400_000_000);
/// When the letters are written.
const NOON: Time = Time::from_micros(THEN.micros() - 23_400_000_000);
const HOUR: Duration = Duration::from_hours(1);

fn chore(title: &str, by_end_of: Option<Date>) -> DigestLine {
    DigestLine {
        title: title.into(),
        household_name: "Elm Street 5".into(),
        due_at: THEN,
        by_end_of,
        time_zone: "Europe/Lisbon".into(),
    }
}

fn reminder(due_at: Time, by_end_of: Option<Date>, nag: Option<i32>) -> Content {
    let DigestLine { title, household_name, time_zone, .. } = chore("Bins", None);
    Content::TaskReminder {
        display_name: "Ada".into(),
        household_name,
        title,
        due_at,
        by_end_of,
        time_zone,
        household_id: HouseholdId::from_bytes([1; 16]),
        occurrence_id: OccurrenceId::from_bytes([2; 16]),
        member_id: MemberId::new(),
        after_minutes: 0,
        nag,
    }
}

fn nudge(due_at: Option<Time>) -> Content {
    Content::TaskNudge {
        display_name: "Ada".into(),
        household_name: "Elm Street 5".into(),
        nudger_name: "Bob".into(),
        title: "Bins".into(),
        due_at,
        by_end_of: None,
        time_zone: "Europe/Lisbon".into(),
        household_id: HouseholdId::from_bytes([1; 16]),
        occurrence_id: OccurrenceId::from_bytes([2; 16]),
        member_id: MemberId::new(),
    }
}

fn groceries(count: i32) -> Content {
    Content::GroceriesAdded {
        display_name: "Ada".into(),
        household_name: "Elm Street 5".into(),
        author_name: "Bob".into(),
        list_name: "Lidl".into(),
        count,
        household_id: HouseholdId::from_bytes([1; 16]),
        list_id: GroceryListId::from_bytes([5; 16]),
        author_id: MemberId::new(),
        since: NOON,
    }
}

fn invitation(household_name: &str, inviter_name: &str) -> Content {
    Content::Invitation {
        household_name: household_name.into(),
        inviter_name: inviter_name.into(),
        token: Secret::new("rm8_i_x".into()),
        expires_at: THEN,
        time_zone: Some("Europe/Lisbon".into()),
        locale: Some("de".into()),
    }
}

/// Each kind of letter at least once. Whoever adds one adds it to both lists.
fn letters() -> Vec<Content> {
    let (display_name, date) = ("Ada".to_owned(), Date::from(THEN.to_utc().date_naive()));
    let week_later = Date::from(THEN.after(144 * HOUR).to_utc().date_naive());
    let name = || display_name.clone();
    let token = || Secret::new("rm8_x".into());
    let letters = vec![
        Content::VerifyEmail { display_name: name(), token: token(), expires_at: THEN },
        Content::Welcome { display_name: name() },
        Content::AlreadyRegistered { display_name: name() },
        Content::PasswordReset { display_name: name(), token: token(), expires_at: THEN },
        Content::PasswordChanged { display_name: name(), changed_at: THEN },
        Content::NewDevice {
            display_name: name(),
            device: "Ada's phone".into(),
            ip_prefix: "203.0.113.0/24".into(),
            signed_in_at: THEN,
        },
        invitation("Elm Street 5", "Bob"),
        Content::Mention {
            display_name: name(),
            household_name: "Elm Street 5".into(),
            author_name: "Bob".into(),
            household_id: HouseholdId::from_bytes([1; 16]),
            conversation_id: ConversationId::new(),
            message_id: MessageId::from_bytes([3; 16]),
        },
        Content::Announcement {
            display_name: name(),
            household_name: "Elm Street 5".into(),
            author_name: "Bob".into(),
            title: "The water is off on Tuesday".into(),
            requires_ack: true,
            household_id: HouseholdId::from_bytes([1; 16]),
            announcement_id: AnnouncementId::from_bytes([4; 16]),
        },
        reminder(THEN, None, None),
        reminder(THEN, Some(date), None),
        reminder(NOON.before(HOUR), None, Some(1)),
        nudge(Some(THEN)),
        nudge(None),
        groceries(1),
        groceries(3),
        Content::TaskDigest {
            display_name: name(),
            date,
            until: None,
            chores: vec![chore("Bins", Some(date)), chore("Dishes", None)],
            more: 2,
        },
        Content::TaskDigest {
            display_name: name(),
            date,
            until: None,
            chores: vec![chore("Bins", None)],
            more: 0,
        },
        Content::TaskDigest {
            display_name: name(),
            date,
            until: Some(week_later),
            chores: vec![chore("Dishes", None), chore("Bins", Some(date))],
            more: 2,
        },
        Content::TaskDigest {
            display_name: name(),
            date,
            until: Some(week_later),
            chores: vec![chore("Bins", Some(date))],
            more: 0,
        },
    ];
    for letter in &letters {
        match letter {
            Content::VerifyEmail { .. }
            | Content::Welcome { .. }
            | Content::AlreadyRegistered { .. }
            | Content::PasswordReset { .. }
            | Content::PasswordChanged { .. }
            | Content::NewDevice { .. }
            | Content::Invitation { .. }
            | Content::Mention { .. }
            | Content::Announcement { .. }
            | Content::TaskReminder { .. }
            | Content::TaskNudge { .. }
            | Content::GroceriesAdded { .. }
            | Content::TaskDigest { .. } => {}
        }
    }
    letters
}

fn leased(content: Content, tag: Option<&str>, time_zone: Option<&str>) -> Leased {
    Leased {
        id: NotificationId::new(),
        recipient: "ada@example.org".into(),
        endpoint: None,
        locale: Locale { tag: tag.map(str::to_owned), time_zone: time_zone.map(str::to_owned) },
        content,
        attempt: 1,
        created_at: NOON,
    }
}

fn words(content: Content, tag: Option<&str>, time_zone: Option<&str>) -> Words {
    Words::of(&leased(content, tag, time_zone), "https://roomm8.example.com", NOON)
}

/// What is written to somebody in Berlin is in `words/en.txt`, `words/de.txt` and so on.
#[test]
fn every_letter_is_written_in_every_language() {
    for language in OFFERED {
        let file = format!("{}/src/notify/words/{}.txt", env!("CARGO_MANIFEST_DIR"), language.tag);
        let mut said = String::new();
        for content in letters() {
            let kind = content.kind();
            let unsubscribe = content.can_be_refused().then_some("https://roomm8.example.com/unsubscribe/x");
            let words = words(content, Some(language.tag), Some("Europe/Berlin"));
            let _ = write!(said, "=== {kind}: {}\n{}\n\n", words.subject(), words.text(unsubscribe));

            // The same as HTML, which knows of no line ends.
            let html = words.html(unsubscribe).unwrap();
            assert!(html.contains(&format!(r#"<html lang="{}">"#, language.tag)), "{html}");
            let greeting = words.greeting.iter().map(|greeting| format!("<p>{greeting}</p>"));
            let list = words.said.list.iter().map(|line| format!("<li>{line}</li>"));
            let says =
                [words.said.says.clone(), format!(r#"href="{}""#, words.url), words.said.label.to_owned()];
            let rest = [words.said.adds, unsubscribe.map_or("", |_| language.no_more)];
            for part in greeting.chain(list).chain(says).chain(rest.map(str::to_owned)) {
                let part = part.replace('\'', "&#39;");
                assert!(html.contains(&part), "{kind} in {}: {part} is not in {html}", language.tag);
            }
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(said == golden, "{file} should say:\n{said}");
    }
}

#[test]
fn a_form_of_a_language_is_that_language_and_what_is_none_of_ours_is_english() {
    let tags = [Some("de"), Some("de-AT"), Some("DE-latn-ch"), Some("en-GB"), Some("fr"), Some("den"), None];
    let languages = tags.map(|tag| language(tag).tag);
    assert_eq!(languages, ["de", "de", "de", "en", "en", "en", "en"]);
}

#[test]
fn a_guest_is_invited_in_the_language_of_who_invites_unless_they_have_one() {
    let invited = |tag| words(invitation("Elm", "Bob"), tag, None).subject().to_owned();
    assert_eq!(invited(None), "Bob lädt dich in „Elm“ ein");
    assert_eq!(invited(Some("en")), "Bob invites you to Elm");
}

#[test]
fn times_are_those_of_the_reader_or_of_what_it_is_about() {
    let says = |content, zone| words(content, None, zone).said.says;
    assert!(
        says(reminder(THEN, None, None), Some("Asia/Tokyo"))
            .contains("at 02:30 on Wednesday 25 November 2026 (Asia/Tokyo)")
    );
    assert!(
        says(reminder(THEN, None, None), None).contains("17:30 on Tuesday 24 November 2026 (Europe/Lisbon)")
    );
    let changed = Content::PasswordChanged { display_name: "Ada".into(), changed_at: THEN };
    assert!(says(changed, None).contains("17:30 on Tuesday 24 November 2026 (UTC)"));
}

#[test]
fn what_people_have_written_is_no_html() {
    let words = words(invitation("<b>Elm</b> & Co", "\"Ada\""), Some("en"), None);
    assert_eq!(words.subject(), "\"Ada\" invites you to <b>Elm</b> & Co");
    assert_eq!(
        words.text(None),
        "\"Ada\" invites you to live in <b>Elm</b> & Co. You can accept until 17:30 on Tuesday 24 November 2026 (Europe/Lisbon).

Have a look: https://roomm8.example.com/join#rm8_i_x"
    );
    let html = words.html(None).unwrap();
    assert!(html.contains("&#60;b&#62;Elm&#60;/b&#62; &#38; Co"), "{html}");
    assert!(!html.contains("<b>") && !html.contains("No more of these"), "{html}");
}
