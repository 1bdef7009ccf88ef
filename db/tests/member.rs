//! Members: who may do what to whom, leaving, and coming back; on every database at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::{accept, home, invite, join, kinds, perform, person, proof, refusal, ticket};
use roomm8_db::access::{HistoryVisibility, MemberStatus, Permission, Role};
use roomm8_db::event::Kind;
use roomm8_db::household::{Archive, Restore, Update};
use roomm8_db::member::{self, ChangeRole, Former, Leave, Remove, Return};
use roomm8_db::message::End;
use roomm8_db::page::Window;
use roomm8_db::{
    Database, Error, HouseholdId, MemberId, RefusalCode, Request, Result, UserId, conversation, message,
};
use support::databases;

const LEAVE: Leave = Leave { transfer_to: None };

fn becomes(member: MemberId, role: Role) -> ChangeRole {
    ChangeRole { member, role, expected_version: None }
}

fn removed(member: MemberId) -> Remove {
    Remove { member, may_return: Return::Allowed }
}

async fn sayings(db: &Database, user: UserId, household: HouseholdId) -> Vec<String> {
    let member = proof(db, user, household).await.unwrap();
    let conn = &mut *db.connection().await.unwrap();
    let general = conversation::general(conn, &member).await.unwrap();
    let window = message::Window { after: 0, before: i64::MAX, limit: 100, end: End::Oldest };
    let page = message::page(conn, &member, &general, window).await.unwrap();
    page.into_iter()
        .filter(|message| message.kind == message::Kind::System)
        .filter_map(|said| said.body)
        .collect()
}

/// A household with somebody of each role but its founder, in the order of [`Role::ALL`].
async fn full_house(db: &Database) -> (UserId, HouseholdId, Vec<(Role, UserId, MemberId)>) {
    let founder = person(db, "Founder").await;
    let id = home(db, founder).await;
    let mut people = Vec::new();
    for role in Role::ALL {
        let user = person(db, role.word()).await;
        people.push((*role, user, join(db, founder, id, *role, user).await));
    }
    (founder, id, people)
}

fn is_forbidden<T: std::fmt::Debug>(result: &Result<T>, right: Permission) -> bool {
    matches!(result, Err(Error::Forbidden(lacking)) if *lacking == right)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_can_do_what_the_matrix_says() {
    for db in databases().await {
        let (founder, id, people) = full_house(&db).await;
        let guest = people[3].2;
        for (role, user, _) in people {
            let may =
                |right| move |is_allowed: bool| assert_eq!(is_allowed, role.may(right), "{role:?} {right:?}");
            let update =
                perform(&db, user, id, Update { name: Some(role.word().into()), ..Update::default() }).await;
            may(Permission::UpdateHousehold)(!is_forbidden(&update, Permission::UpdateHousehold));
            let invitation = perform(&db, user, id, ticket(Role::Guest)).await;
            may(Permission::Invite)(!is_forbidden(&invitation, Permission::Invite));
            let topic = perform(&db, user, id, conversation::CreateTopic { title: "Rent".into() }).await;
            may(Permission::CreateConversation)(!is_forbidden(&topic, Permission::CreateConversation));
            let change = perform(&db, user, id, becomes(guest, Role::Guest)).await;
            may(Permission::ManageMembers)(!is_forbidden(&change, Permission::ManageMembers));
            let archive = perform(&db, user, id, Archive).await;
            may(Permission::ArchiveHousehold)(!is_forbidden(&archive, Permission::ArchiveHousehold));
            perform(&db, founder, id, Restore).await.unwrap();
            may(Permission::Leave)(perform(&db, user, id, LEAVE).await.is_ok());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_rises_above_who_raised_them_and_only_owners_touch_their_equals() {
    for db in databases().await {
        let (founder, id, people) = full_house(&db).await;
        let subject = person(&db, "Subject").await;
        let subject = join(&db, founder, id, Role::Guest, subject).await;
        for (actor, user, _) in people {
            for before in Role::ALL {
                for after in Role::ALL {
                    perform(&db, founder, id, becomes(subject, *before)).await.unwrap();
                    let result = perform(&db, user, id, becomes(subject, *after)).await;
                    let is_allowed = match actor {
                        Role::Owner => true,
                        Role::Admin => {
                            matches!(before, Role::Member | Role::Guest) && !matches!(after, Role::Owner)
                        }
                        Role::Member | Role::Guest => false,
                    };
                    match result {
                        Ok(member) => {
                            assert!(is_allowed && member.role == *after, "{actor:?} {before:?} {after:?}");
                        }
                        Err(Error::Forbidden(Permission::ManageMembers)) => {
                            assert!(!is_allowed, "{actor:?} {before:?} {after:?}");
                        }
                        Err(error) => panic!("{actor:?} {before:?} {after:?}: {error:?}"),
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_remove_anybody_and_admins_those_below_them() {
    for db in databases().await {
        for actor in Role::ALL {
            let (_, id, people) = full_house(&db).await;
            let actor = people.iter().find(|(role, ..)| role == actor).copied().unwrap();
            for (role, _, member) in people.iter().filter(|(_, user, _)| *user != actor.1) {
                let result = perform(&db, actor.1, id, removed(*member)).await;
                let is_allowed = match actor.0 {
                    Role::Owner => true,
                    Role::Admin => matches!(role, Role::Member | Role::Guest),
                    Role::Member | Role::Guest => false,
                };
                assert_eq!(result.is_ok(), is_allowed, "{:?} {role:?}", actor.0);
                assert!(is_allowed || is_forbidden(&result, Permission::ManageMembers));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_keeps_an_owner() {
    for db in databases().await {
        let (ada, ben, eve) = (person(&db, "Ada").await, person(&db, "Ben").await, person(&db, "Eve").await);
        let id = home(&db, ada).await;
        let owner = proof(&db, ada, id).await.unwrap().id();
        let heir = join(&db, ada, id, Role::Guest, ben).await;
        assert_eq!(refusal(perform(&db, ada, id, LEAVE).await), RefusalCode::LastOwner);
        assert_eq!(refusal(perform(&db, ada, id, becomes(owner, Role::Admin)).await), RefusalCode::LastOwner);
        let to = |member| Leave { transfer_to: Some(member) };
        for nobody in [owner, MemberId::new()] {
            assert_eq!(refusal(perform(&db, ada, id, to(nobody)).await), RefusalCode::InvalidReference);
        }
        let gone = join(&db, ada, id, Role::Admin, eve).await;
        assert_eq!(refusal(perform(&db, eve, id, to(heir)).await), RefusalCode::Invalid);
        perform(&db, eve, id, LEAVE).await.unwrap();
        assert_eq!(refusal(perform(&db, ada, id, to(gone)).await), RefusalCode::InvalidReference);
        let left = perform(&db, ada, id, to(heir)).await.unwrap();
        assert_eq!((left.status, left.role), (MemberStatus::Left, Role::Owner));
        assert_eq!(proof(&db, ben, id).await.unwrap().role(), Role::Owner);
        assert!(matches!(proof(&db, ada, id).await, Err(Error::NotFound)));
        let happened = kinds(&db, id).await;
        assert_eq!(
            happened[happened.len() - 3..],
            [Kind::MemberRoleChanged, Kind::MemberLeft, Kind::MessageSent]
        );
        assert_eq!(
            sayings(&db, ben, id).await,
            ["Eve left the household.", "Ada left the household. Ben is now an owner."]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_leave_at_once_one_stays() {
    for db in databases().await {
        let (ada, ben, eve) = (person(&db, "Ada").await, person(&db, "Ben").await, person(&db, "Eve").await);
        for _ in 0..5 {
            let id = home(&db, ada).await;
            join(&db, ada, id, Role::Owner, ben).await;
            join(&db, ada, id, Role::Member, eve).await;
            let (first, second) = tokio::join!(perform(&db, ada, id, LEAVE), perform(&db, ben, id, LEAVE));
            let (left, stayed) = if first.is_ok() { (first, second) } else { (second, first) };
            assert_eq!(left.unwrap().status, MemberStatus::Left);
            assert_eq!(refusal(stayed), RefusalCode::LastOwner);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_the_same_member_and_sees_what_they_saw() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        let hidden =
            Update { history_visibility: Some(HistoryVisibility::SinceJoining), ..Update::default() };
        perform(&db, ada, id, hidden).await.unwrap();
        let before = join(&db, ada, id, Role::Admin, ben).await;
        let joined = proof(&db, ben, id).await.unwrap().joined_seq();
        perform(&db, ben, id, LEAVE).await.unwrap();
        let left = kinds(&db, id).await.iter().position(|kind| *kind == Kind::MemberLeft).unwrap();
        let left = i64::try_from(left).unwrap() + 1;
        let (_, secrets) = invite(&db, ada, id, ticket(Role::Guest)).await;
        let again = accept(&db, ben, &secrets).await.unwrap();
        assert_eq!((again.member.id, again.member.role, again.was_member), (before, Role::Guest, false));
        assert_eq!((again.member.ended_at, again.member.version), (None, 3));
        let back = proof(&db, ben, id).await.unwrap();
        assert_eq!(back.joined_seq(), again.position.seq);
        let seen: Vec<_> = (1..=again.position.seq + 1).filter(|seq| back.sees(*seq)).collect();
        let expected: Vec<_> = (joined..=left).chain(again.position.seq..=again.position.seq + 1).collect();
        assert_eq!(seen, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_again_under_the_same_name_gets_the_first_answer() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        join(&db, ada, id, Role::Member, ben).await;
        let request = Request { user: ben, household: id, client_mutation_id: Some("leave") };
        let first = db.perform(request, &LEAVE).await.unwrap();
        let second = db.perform(request, &LEAVE).await.unwrap();
        assert!(!first.is_repeat && second.is_repeat);
        assert_eq!((first.subject, first.position), (second.subject, second.position));
        assert!(matches!(perform(&db, ben, id, LEAVE).await, Err(Error::NotFound)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_is_out_and_who_is_banned_stays_out() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        let member = join(&db, ada, id, Role::Member, ben).await;
        let myself = proof(&db, ada, id).await.unwrap().id();
        assert_eq!(refusal(perform(&db, ada, id, removed(myself)).await), RefusalCode::Invalid);
        let gone = perform(&db, ada, id, removed(member)).await.unwrap();
        assert_eq!(gone.status, MemberStatus::Removed);
        assert_eq!(perform(&db, ada, id, removed(member)).await.unwrap(), gone, "twice is as once");
        assert!(matches!(proof(&db, ben, id).await, Err(Error::NotFound)));
        assert_eq!(refusal(perform(&db, ada, id, becomes(member, Role::Admin)).await), RefusalCode::Gone);
        assert_eq!(join(&db, ada, id, Role::Member, ben).await, member);
        perform(&db, ben, id, LEAVE).await.unwrap();
        let banned = Remove { member, may_return: Return::Banned };
        assert_eq!(perform(&db, ada, id, banned).await.unwrap().status, MemberStatus::Removed);
        let (_, secrets) = invite(&db, ada, id, ticket(Role::Member)).await;
        assert_eq!(refusal(accept(&db, ben, &secrets).await), RefusalCode::Banned);
        let said = sayings(&db, ada, id).await;
        assert_eq!(said, ["Ben was removed from the household.", "Ben left the household."]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_role_change_is_a_conflict_only_if_the_role_changed() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        let member = join(&db, ada, id, Role::Guest, ben).await;
        let seen = |role, version| ChangeRole { member, role, expected_version: Some(version) };
        assert_eq!(perform(&db, ada, id, seen(Role::Member, 1)).await.unwrap().version, 2);
        let stale = perform(&db, ada, id, seen(Role::Admin, 1)).await;
        assert!(matches!(stale, Err(Error::Conflict(subject)) if subject == member.into()));
        perform(&db, ada, id, seen(Role::Member, 1)).await.expect("it is what they wanted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_paged_both_ways_and_shows_former_members_on_demand() {
    for db in databases().await {
        let (_, id, people) = full_house(&db).await;
        let (_, leaver, gone) = people[1];
        perform(&db, leaver, id, LEAVE).await.unwrap();
        let asker = proof(&db, people[0].1, id).await.unwrap();
        let everything = Window { after: None, before: None, limit: 100, end: End::Oldest };
        let page = async |former, window| -> Vec<MemberId> {
            let conn = &mut *db.connection().await.unwrap();
            let page = member::page(conn, &asker, former, window).await.unwrap();
            page.into_iter().map(|member| member.id).collect()
        };
        let all = page(Former::Included, everything).await;
        assert_eq!((all.len(), all[2]), (5, gone));
        let current = page(Former::LeftOut, everything).await;
        assert_eq!(current, [all[0], all[1], all[3], all[4]]);
        let first = Window { after: Some(all[1].into()), limit: 2, ..everything };
        assert_eq!(page(Former::LeftOut, first).await, [all[3], all[4]]);
        let last = Window { before: Some(all[4].into()), limit: 2, end: End::Newest, ..everything };
        assert_eq!(page(Former::LeftOut, last).await, [all[1], all[3]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_seen_by_their_housemates_only() {
    for db in databases().await {
        let (ada, ben, eve) = (person(&db, "Ada").await, person(&db, "Ben").await, person(&db, "Eve").await);
        let (here, there) = (home(&db, ada).await, home(&db, ben).await);
        let mine = proof(&db, ada, here).await.unwrap().id();
        let theirs = proof(&db, ben, there).await.unwrap().id();
        let guest = join(&db, ada, here, Role::Guest, eve).await;
        let seen = async |viewer| -> Vec<MemberId> {
            let conn = &mut *db.connection().await.unwrap();
            let seen = member::seen_by(conn, viewer, &[mine, theirs, guest, MemberId::new()]).await.unwrap();
            let mut seen: Vec<_> = seen.into_iter().map(|member| member.id).collect();
            seen.sort_unstable();
            seen
        };
        assert_eq!(seen(ada).await, [mine, guest]);
        assert_eq!(seen(eve).await, [mine, guest]);
        assert_eq!(seen(ben).await, [theirs]);
        perform(&db, eve, here, LEAVE).await.unwrap();
        assert_eq!(seen(eve).await, []);
        assert_eq!(seen(ada).await, [mine, guest]);
    }
}
