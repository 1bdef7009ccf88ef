//! Households: beginning one, changing it, putting it away and bringing it back; on every database at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::{accept, found, home, invite, join, kinds, perform, person, proof, refusal, ticket};
use roomm8_db::access::{self, HistoryVisibility, Role};
use roomm8_db::event::Kind;
use roomm8_db::household::{self, Archive, Archived, EditWindow, Restore, Update};
use roomm8_db::{Database, Error, HouseholdId, RefusalCode, Request, UserId, member};
use support::databases;

async fn of_user(db: &Database, user: UserId, archived: Archived) -> Vec<HouseholdId> {
    let conn = &mut *db.connection().await.unwrap();
    let proofs = access::memberships(conn, user, archived).await.unwrap();
    proofs.iter().map(|proof| proof.household().id).collect()
}

fn renamed(name: &str) -> Update {
    Update { name: Some(name.into()), ..Update::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_begins_with_its_owner_and_a_conversation() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let household = found(&db, ada, None).await.unwrap();
        assert_eq!(household.position.seq, 3);
        let id = household.subject.id;
        assert_eq!(
            kinds(&db, id).await,
            [Kind::HouseholdCreated, Kind::MemberJoined, Kind::ConversationCreated]
        );
        let owner = proof(&db, ada, id).await.unwrap();
        assert_eq!((owner.role(), owner.joined_seq()), (Role::Owner, 2));
        assert!(cast::log(&db, id).await.iter().all(|event| event.actor_id == Some(owner.id())));
        assert_eq!(of_user(&db, ada, Archived::LeftOut).await, [id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_to_begin_a_household_that_is_sent_many_times_at_once_begins_one() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let tries = (0..8).map(|_| found(&db, ada, Some("begin")));
        let tries = futures_util::future::join_all(tries).await;
        let tries: Vec<_> = tries.into_iter().map(Result::unwrap).collect();
        assert_eq!(tries.iter().filter(|changed| !changed.is_repeat).count(), 1);
        assert!(tries.iter().all(|changed| changed.position == tries[0].position), "{tries:?}");
        assert_eq!(of_user(&db, ada, Archived::Included).await, [tries[0].subject.id]);
        let other = household::Create {
            name: "Oak Street 6".into(),
            time_zone: "UTC".into(),
            currency: "EUR".into(),
        };
        let request = Request { user: ada, household: HouseholdId::new(), client_mutation_id: Some("begin") };
        assert!(matches!(db.perform(request, &other).await, Err(Error::IdempotencyConflict)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_differs_is_changed() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let id = home(&db, ada).await;
        let same = Update {
            name: Some("  Elm Street 5 ".into()),
            currency: Some("EUR".into()),
            edit_window: Some(EditWindow::Minutes(24 * 60)),
            ..Update::default()
        };
        assert_eq!(perform(&db, ada, id, same).await.unwrap().version, 1);
        let other = Update {
            name: Some("Cafe\u{301}".into()),
            time_zone: Some("Asia/Tokyo".into()),
            history_visibility: Some(HistoryVisibility::SinceJoining),
            edit_window: Some(EditWindow::Always),
            ..Update::default()
        };
        let changed = perform(&db, ada, id, other).await.unwrap();
        assert_eq!((changed.name.as_str(), changed.time_zone.as_str()), ("Café", "Asia/Tokyo"));
        assert_eq!((changed.edit_window_minutes, changed.version), (None, 2));
        let log = cast::log(&db, id).await;
        assert_eq!(log.len(), 4);
        assert_eq!(log[3].fields, "name,timeZone,historyVisibility,editWindowMinutes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_and_leaves_nothing() {
    let too_long = "x".repeat(101);
    let cases: [(Update, RefusalCode); 7] = [
        (renamed(" \t"), RefusalCode::TooShort),
        (renamed(&too_long), RefusalCode::TooLong),
        (renamed("Elm\u{7}Street"), RefusalCode::Invalid),
        (renamed("Elm\u{202e}Street"), RefusalCode::Invalid),
        (Update { time_zone: Some("Mars/Olympus".into()), ..Update::default() }, RefusalCode::Invalid),
        (Update { currency: Some("XXX".into()), ..Update::default() }, RefusalCode::Invalid),
        (Update { edit_window: Some(EditWindow::Minutes(-1)), ..Update::default() }, RefusalCode::Invalid),
    ];
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let id = home(&db, ada).await;
        for (update, code) in &cases {
            let request = Request { user: ada, household: id, client_mutation_id: None };
            assert_eq!(refusal(db.perform(request, update).await), *code, "{update:?}");
        }
        assert_eq!(kinds(&db, id).await.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disjoint_edits_merge_and_the_same_field_is_a_conflict() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let id = home(&db, ada).await;
        let seen = |update: Update| Update { expected_version: Some(1), ..update };
        perform(&db, ada, id, seen(renamed("First"))).await.unwrap();
        let zone = Update { time_zone: Some("UTC".into()), ..Update::default() };
        let merged = perform(&db, ada, id, seen(zone)).await.unwrap();
        assert_eq!((merged.name.as_str(), merged.time_zone.as_str(), merged.version), ("First", "UTC", 3));
        let second = perform(&db, ada, id, seen(renamed("Second"))).await;
        assert!(matches!(second, Err(Error::Conflict(subject)) if subject == id.into()));
        let ahead = Update { expected_version: Some(9), ..renamed("Third") };
        assert!(matches!(perform(&db, ada, id, ahead).await, Err(Error::Conflict(_))));
        perform(&db, ada, id, seen(renamed("First"))).await.expect("nothing differs, so nothing conflicts");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_household_can_be_read_and_restored_but_not_changed() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        join(&db, ada, id, Role::Admin, ben).await;
        let (_, open) = invite(&db, ada, id, ticket(Role::Member)).await;
        perform(&db, ada, id, Archive).await.unwrap();
        perform(&db, ada, id, Archive).await.expect("twice is as once");
        assert_eq!(refusal(perform(&db, ada, id, renamed("New")).await), RefusalCode::Archived);
        let eve = person(&db, "Eve").await;
        assert_eq!(refusal(accept(&db, eve, &open).await), RefusalCode::Archived);
        assert!(proof(&db, ben, id).await.is_ok());
        assert_eq!(of_user(&db, ben, Archived::LeftOut).await, []);
        assert_eq!(of_user(&db, ben, Archived::Included).await, [id]);
        assert!(matches!(perform(&db, ben, id, Restore).await, Err(Error::Forbidden(_))));
        perform(&db, ada, id, Restore).await.unwrap();
        perform(&db, ada, id, Restore).await.expect("twice is as once");
        perform(&db, ada, id, renamed("New")).await.unwrap();
        let happened = kinds(&db, id).await;
        assert_eq!(
            happened[happened.len() - 3..],
            [Kind::HouseholdArchived, Kind::HouseholdRestored, Kind::HouseholdUpdated]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_member_s_leave_archives_and_they_alone_can_come_back() {
    for db in databases().await {
        let (ada, ben, eve) = (person(&db, "Ada").await, person(&db, "Ben").await, person(&db, "Eve").await);
        let id = home(&db, ada).await;
        let ben_before = join(&db, ada, id, Role::Owner, ben).await;
        let leave = || member::Leave { transfer_to: None };
        perform(&db, ada, id, leave()).await.unwrap();
        perform(&db, ben, id, leave()).await.unwrap();
        assert!(kinds(&db, id).await.contains(&Kind::HouseholdArchived));
        assert_eq!(of_user(&db, ben, Archived::Included).await, []);
        for other in [ada, eve] {
            assert!(matches!(perform(&db, other, id, Restore).await, Err(Error::NotFound)));
        }
        assert!(perform(&db, ben, id, Restore).await.unwrap().archived_at.is_none());
        let ben_after = proof(&db, ben, id).await.unwrap();
        assert_eq!((ben_after.id(), ben_after.role()), (ben_before, Role::Owner));
        assert!(matches!(perform(&db, ada, id, Restore).await, Err(Error::NotFound)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn to_outsiders_a_household_is_as_one_that_never_was() {
    for db in databases().await {
        let (ada, eve) = (person(&db, "Ada").await, person(&db, "Eve").await);
        let id = home(&db, ada).await;
        for household in [id, HouseholdId::new()] {
            assert!(matches!(perform(&db, eve, household, renamed("Mine")).await, Err(Error::NotFound)));
            assert!(matches!(perform(&db, eve, household, Archive).await, Err(Error::NotFound)));
            assert!(matches!(perform(&db, eve, household, Restore).await, Err(Error::NotFound)));
        }
        assert_eq!(of_user(&db, eve, Archived::Included).await, []);
        assert_eq!(kinds(&db, id).await.len(), 3);
    }
}
