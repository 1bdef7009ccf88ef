//! Stories about announcements: made, changed, known and taken back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::{home, join, kinds, perform, person, proof, refusal};
use roomm8_db::announcement::{
    self, Acknowledge, Announcement, Edit, Importance, PINNED_LIMIT, Post, Remove, Which,
};
use roomm8_db::member::Leave;
use roomm8_db::message::End;
use roomm8_db::notification::inbox::{self, Counts};
use roomm8_db::notification::{self, Content};
use roomm8_db::page::Window;
use roomm8_db::{
    AnnouncementId, Database, Error, HouseholdId, Permission, RefusalCode, Role, Time, To, UserId, event,
};
use std::time::Duration;
use support::{Fresh, databases, deliver_letters};

/// Ada, an owner, Bob, a member, and Eve, a guest, whose addresses are proven; and their household.
async fn home_of_three(db: &Fresh) -> ([UserId; 3], HouseholdId) {
    let users = [person(db, "Ada").await, person(db, "Bob").await, person(db, "Eve").await];
    let house = home(db, users[0]).await;
    join(db, users[0], house, Role::Member, users[1]).await;
    join(db, users[0], house, Role::Guest, users[2]).await;
    db.tell("UPDATE users SET email_verified_at = 1").await;
    deliver_letters(db).await;
    (users, house)
}

fn water() -> Post {
    Post {
        title: " The water is off ".into(),
        body: Some("On Tuesday, from 9 to 12.".into()),
        importance: Importance::Important,
        is_pinned: false,
        requires_ack: true,
        expires_at: None,
    }
}

fn edit(announcement: AnnouncementId) -> Edit {
    Edit {
        announcement,
        title: None,
        body: None,
        importance: None,
        is_pinned: None,
        requires_ack: None,
        expires_at: None,
        asks_again: false,
        expected_version: None,
    }
}

async fn listed(db: &Database, user: UserId, house: HouseholdId, which: Which) -> Vec<Announcement> {
    let member = proof(db, user, house).await.unwrap();
    let window = Window { after: None, before: None, limit: 100, end: End::Oldest };
    announcement::page(&mut db.connection().await.unwrap(), &member, which, window).await.unwrap()
}

async fn acks(db: &Database, id: AnnouncementId) -> usize {
    let found = announcement::acknowledgements(&mut db.connection().await.unwrap(), &[id]).await.unwrap();
    found.get(&id).map_or(0, Vec::len)
}

async fn unread(db: &Database, user: UserId) -> i64 {
    let Counts { unread, .. } = inbox::counts(&mut db.connection().await.unwrap(), user).await.unwrap();
    unread
}

/// Who is mailed of announcements now.
async fn mailed(db: &Database) -> Vec<String> {
    let letters = deliver_letters(db).await;
    let of_announcements = letters.into_iter().filter(|letter| letter.content.kind() == "ANNOUNCEMENT");
    let mut names: Vec<String> = of_announcements.map(|letter| letter.recipient).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_but_its_author_is_told_and_says_that_they_know() {
    for db in databases().await {
        let ([ada, bob, eve], house) = home_of_three(&db).await;
        let posted = perform(&db, bob, house, water()).await.unwrap();
        assert_eq!(posted.title.as_deref(), Some("The water is off"));
        assert_eq!(mailed(&db).await, ["ada@example.org", "eve@example.org"]);
        assert_eq!((unread(&db, ada).await, unread(&db, bob).await, unread(&db, eve).await), (1, 0, 1));

        for _ in 0..2 {
            perform(&db, eve, house, Acknowledge { announcement: posted.id }).await.unwrap();
        }
        assert_eq!((acks(&db, posted.id).await, unread(&db, eve).await), (1, 0));
        let told = kinds(&db, house).await;
        let known = told.iter().filter(|kind| **kind == event::Kind::AnnouncementAcknowledged).count();
        assert_eq!(known, 1, "twice is as once");

        // A comma is nobody's business; another day is.
        let comma = Edit { body: Some(To::Value("On Tuesday from 9 to 12".into())), ..edit(posted.id) };
        let after = perform(&db, bob, house, comma).await.unwrap();
        assert!(after.edited_at.is_some());
        assert_eq!((acks(&db, posted.id).await, mailed(&db).await.len()), (1, 0));
        let other_day = Edit {
            body: Some(To::Value("On Thursday".into())),
            asks_again: true,
            expected_version: Some(after.version),
            ..edit(posted.id)
        };
        perform(&db, bob, house, other_day).await.unwrap();
        assert_eq!((acks(&db, posted.id).await, unread(&db, eve).await), (0, 1));
        assert_eq!(mailed(&db).await, ["ada@example.org", "eve@example.org"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_author_and_admins_change_it_and_guests_make_none() {
    for db in databases().await {
        let ([ada, bob, eve], house) = home_of_three(&db).await;
        let adas = perform(&db, ada, house, water()).await.unwrap();
        let bobs = perform(&db, bob, house, water()).await.unwrap();
        let forbidden = perform(&db, eve, house, water()).await;
        assert!(matches!(forbidden, Err(Error::Forbidden(Permission::Announce))));
        let rename = |id| Edit { title: Some("Gas".into()), ..edit(id) };
        assert_eq!(refusal(perform(&db, bob, house, rename(adas.id)).await), RefusalCode::NotAuthor);
        assert_eq!(
            refusal(perform(&db, bob, house, Remove { announcement: adas.id }).await),
            RefusalCode::NotAuthor
        );
        perform(&db, ada, house, rename(bobs.id)).await.unwrap();

        // Acknowledging moves the version, and is no conflict with other fields.
        perform(&db, bob, house, Acknowledge { announcement: adas.id }).await.unwrap();
        let pin = Edit { is_pinned: Some(true), expected_version: Some(1), ..edit(adas.id) };
        perform(&db, ada, house, pin).await.unwrap();
        let stale = Edit { is_pinned: Some(false), expected_version: Some(1), ..edit(adas.id) };
        assert!(matches!(perform(&db, ada, house, stale).await, Err(Error::Conflict(_))));

        // Nobody of another household.
        let other = home(&db, eve).await;
        let elsewhere = perform(&db, eve, other, rename(adas.id)).await;
        assert!(matches!(elsewhere, Err(Error::NotFound)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_leaves_no_words_and_no_mail() {
    for db in databases().await {
        let ([ada, bob, eve], house) = home_of_three(&db).await;
        let posted = perform(&db, bob, house, Post { is_pinned: true, ..water() }).await.unwrap();
        perform(&db, eve, house, Acknowledge { announcement: posted.id }).await.unwrap();
        for _ in 0..2 {
            let left = perform(&db, ada, house, Remove { announcement: posted.id }).await.unwrap();
            assert_eq!((left.title, left.body, left.is_pinned), (None, None, false));
        }
        assert_eq!(mailed(&db).await, [""; 0]);
        assert_eq!((unread(&db, ada).await, acks(&db, posted.id).await), (0, 0));
        assert_eq!(listed(&db, bob, house, Which::All).await, []);
        for gone in [
            refusal(perform(&db, bob, house, edit(posted.id)).await),
            refusal(perform(&db, eve, house, Acknowledge { announcement: posted.id }).await),
        ] {
            assert_eq!(gone, RefusalCode::Gone);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_is_mailed_as_it_is_now_and_to_those_it_is_still_for() {
    for db in databases().await {
        let ([ada, bob, eve], house) = home_of_three(&db).await;
        let mut letters = Vec::new();
        for _ in 0..2 {
            letters.push(perform(&db, bob, house, water()).await.unwrap());
        }
        // Their first try fails, as they lie at a relay while things change.
        while let [first, ..] = &*notification::lease(&db, 10, Time::now()).await.unwrap() {
            notification::failed(&db, first, Time::now()).await.unwrap();
            db.tell("UPDATE notifications SET leased_until = 1 WHERE attempts = 0").await;
        }
        perform(&db, ada, house, Remove { announcement: letters[0].id }).await.unwrap();
        let renamed = Edit { title: Some("Gas".into()), ..edit(letters[1].id) };
        perform(&db, bob, house, renamed).await.unwrap();
        perform(&db, eve, house, Leave { transfer_to: None }).await.unwrap();
        db.tell("UPDATE notifications SET next_attempt_at = 1, leased_until = 1 WHERE state = 'PENDING'")
            .await;
        let mut told = Vec::new();
        while notification::backlog(&mut db.connection().await.unwrap(), Time::now()).await.unwrap().pending
            > 0
        {
            for letter in deliver_letters(&db).await {
                if let Content::Announcement { title, .. } = letter.content {
                    told.push((letter.recipient, title));
                }
            }
        }
        assert_eq!(told, [("ada@example.org".to_owned(), "Gas".to_owned())]);
        let kept = db.number("SELECT COUNT(*) FROM notifications WHERE payload LIKE '%water%'").await;
        assert_eq!(kept, 0, "no words are kept that somebody may take back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_are_pinned_and_what_is_over_is_not_listed() {
    for db in databases().await {
        let ([ada, bob, _], house) = home_of_three(&db).await;
        let pinned = || Post { is_pinned: true, ..water() };
        let mut posted = Vec::new();
        for _ in 0..PINNED_LIMIT {
            posted.push(perform(&db, ada, house, pinned()).await.unwrap());
        }
        assert_eq!(refusal(perform(&db, ada, house, pinned()).await), RefusalCode::Limit);
        let sixth = perform(&db, ada, house, water()).await.unwrap();
        let pin = Edit { is_pinned: Some(true), ..edit(sixth.id) };
        assert_eq!(refusal(perform(&db, ada, house, pin).await), RefusalCode::Limit);
        perform(&db, ada, house, Edit { is_pinned: Some(false), ..edit(posted[0].id) }).await.unwrap();
        perform(&db, ada, house, Edit { is_pinned: Some(true), ..edit(sixth.id) }).await.unwrap();
        let member = proof(&db, bob, house).await.unwrap();
        let shown = announcement::pinned(&mut db.connection().await.unwrap(), &member, Time::now()).await;
        let shown: Vec<_> = shown.unwrap().into_iter().map(|found| found.id).collect();
        assert_eq!((shown.len(), shown[0]), (5, sixth.id), "the newest first");

        let now = Time::now();
        let past = Post { expires_at: Some(now.before(Duration::from_secs(1))), ..water() };
        assert_eq!(refusal(perform(&db, ada, house, past).await), RefusalCode::Invalid);
        let tomorrow = now.after(Duration::from_hours(24));
        let over = perform(&db, ada, house, Post { expires_at: Some(tomorrow), ..water() }).await.unwrap();
        assert_eq!(listed(&db, bob, house, Which::Current(now)).await.len(), 7);
        let later = listed(&db, bob, house, Which::Current(tomorrow)).await;
        assert!(later.len() == 6 && later.iter().all(|found| found.id != over.id));
        assert_eq!(listed(&db, bob, house, Which::All).await.len(), 7);

        // What is over stands before nobody, and comes back only where there is room.
        db.tell("UPDATE announcements SET is_pinned = 1, expires_at = 1 WHERE expires_at IS NOT NULL").await;
        let back = Edit { expires_at: Some(To::Nothing), ..edit(over.id) };
        assert_eq!(refusal(perform(&db, ada, house, back).await), RefusalCode::Limit);
    }
}
