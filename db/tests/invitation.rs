//! Invitations: who lets whom in, once, and what the uninvited learn; on every database at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod cast;
mod support;

use cast::{accept, email_of, home, invite, join, kinds, perform, person, proof, refusal, ticket};
use roomm8_db::access::{Permission, Role};
use roomm8_db::account;
use roomm8_db::event::Kind;
use roomm8_db::invitation::{self, Create, Guest, Invitation, MAX_HOURS, MAX_USES, Revoke, Secret, Status};
use roomm8_db::member::{ChangeRole, Leave, Remove, Return};
use roomm8_db::message::End;
use roomm8_db::notification::{self, Content};
use roomm8_db::page::Window;
use roomm8_db::{Database, Error, HouseholdId, InvitationId, RefusalCode, Request, Time, UserId};
use std::time::Duration;
use support::{databases, deliver_letters, throttled_databases};

async fn reread(db: &Database, viewer: UserId, id: InvitationId) -> Invitation {
    let conn = &mut *db.connection().await.unwrap();
    invitation::seen_by(conn, viewer, &[id]).await.unwrap().pop().expect("the invitation is seen")
}

async fn by_code(db: &Database, user: UserId, code: &str) -> roomm8_db::Result<invitation::Accepted> {
    invitation::accept(db, user, Secret::Code(code), None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_shows_little_and_lets_in() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        let (invitation, secrets) = invite(&db, ada, id, ticket(Role::Admin)).await;
        assert_eq!(invitation.expires_at.since(invitation.created_at), Duration::from_hours(7 * 24));
        assert!(secrets.token.starts_with("rm8_i_") && secrets.code.len() == 10);
        let stranger = Guest::Place(support::HERE);
        let preview = invitation::preview(&db, stranger, Secret::Token(&secrets.token)).await.unwrap();
        let expected = invitation::Preview {
            household_name: "Elm Street 5".into(),
            inviter_name: "Ada".into(),
            expires_at: invitation.expires_at,
        };
        assert_eq!(preview, expected);
        let typed = format!(" {}-{} ", &secrets.code[..5].to_lowercase(), &secrets.code[5..]);
        assert_eq!(invitation::preview(&db, stranger, Secret::Code(&typed)).await.unwrap(), expected);
        let accepted = by_code(&db, ben, &typed).await.unwrap();
        assert_eq!((accepted.member.role, accepted.was_member), (Role::Admin, false));
        assert_eq!(proof(&db, ben, id).await.unwrap().id(), accepted.member.id);
        let joined = cast::log(&db, id).await.pop().unwrap();
        assert_eq!((joined.kind, joined.actor_id), (Kind::MemberJoined, Some(accepted.member.id)));
        assert_eq!(joined.seq, accepted.position.seq);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_seat_is_taken_once_however_many_reach_for_it() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let id = home(&db, ada).await;
        let two_seats = Create { max_uses: Some(2), ..ticket(Role::Member) };
        let (invitation, secrets) = invite(&db, ada, id, two_seats).await;
        let mut guests = Vec::new();
        for name in ["Ben", "Eve", "Ida", "Jon", "Kim"] {
            guests.push(person(&db, name).await);
        }
        let tries = guests.iter().map(|guest| accept(&db, *guest, &secrets));
        let (inside, outside): (Vec<_>, Vec<_>) =
            futures_util::future::join_all(tries).await.into_iter().partition(Result::is_ok);
        assert_eq!(inside.len(), 2);
        for late in outside {
            assert_eq!(refusal(late), RefusalCode::InvitationExhausted);
        }
        let after = reread(&db, ada, invitation.id).await;
        assert_eq!((after.uses, after.status(Time::now())), (2, Status::Exhausted));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clicking_twice_takes_one_seat() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        let (invitation, secrets) = invite(&db, ada, id, ticket(Role::Member)).await;
        let (first, second) = tokio::join!(accept(&db, ben, &secrets), accept(&db, ben, &secrets));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.member, second.member);
        assert!(first.was_member != second.was_member);
        assert_eq!(reread(&db, ada, invitation.id).await.uses, 1);
        let third = accept(&db, ben, &secrets).await.expect("used up, but they are in");
        assert!(third.was_member);
        let host = accept(&db, ada, &secrets).await.unwrap();
        assert_eq!((host.member.role, host.was_member), (Role::Owner, true));
        assert_eq!(kinds(&db, id).await.iter().filter(|kind| **kind == Kind::MemberJoined).count(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_get_the_first_answer_but_no_secret_twice() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        let request = Request { user: ada, household: id, client_mutation_id: Some("invite") };
        let first = db.perform(request, &ticket(Role::Member)).await.unwrap();
        let again = db.perform(request, &ticket(Role::Member)).await.unwrap();
        assert_eq!(first.subject.invitation, again.subject.invitation);
        assert!(again.is_repeat && again.subject.secrets.is_none());
        let other = db.perform(request, &ticket(Role::Guest)).await;
        assert!(matches!(other, Err(Error::IdempotencyConflict)));
        let secrets = first.subject.secrets.unwrap();
        let token = Secret::Token(&secrets.token);
        let first = invitation::accept(&db, ben, token, Some("accept")).await.unwrap();
        let again = invitation::accept(&db, ben, token, Some("accept")).await.unwrap();
        assert_eq!(first, again);
        assert!(!again.was_member);
    }
}

/// What those who hold the token and those who hold the code learn.
async fn answers(db: &Database, secrets: &invitation::Secrets) -> [RefusalCode; 4] {
    let (eve, guest) = (person(db, "Eve").await, Guest::Place(support::HERE));
    [
        refusal(accept(db, eve, secrets).await),
        refusal(invitation::preview(db, guest, Secret::Token(&secrets.token)).await),
        refusal(by_code(db, eve, &secrets.code).await),
        refusal(invitation::preview(db, guest, Secret::Code(&secrets.code)).await),
    ]
}

fn told(code: RefusalCode) -> [RefusalCode; 4] {
    [code, code, RefusalCode::InvitationInvalid, RefusalCode::InvitationInvalid]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_holds_the_token_learns_why_it_does_not_open() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        let (_, used) = invite(&db, ada, id, ticket(Role::Member)).await;
        accept(&db, ben, &used).await.unwrap();
        assert_eq!(answers(&db, &used).await, told(RefusalCode::InvitationExhausted));
        let (invitation, revoked) = invite(&db, ada, id, ticket(Role::Member)).await;
        let revoke = || Revoke { invitation: invitation.id };
        perform(&db, ada, id, revoke()).await.unwrap();
        perform(&db, ada, id, revoke()).await.expect("twice is as once");
        assert_eq!(answers(&db, &revoked).await, told(RefusalCode::InvitationRevoked));
        assert_eq!(kinds(&db, id).await.iter().filter(|kind| **kind == Kind::InvitationRevoked).count(), 1);
        let wrong = invitation::Secrets { token: "rm8_i_nothing".into(), code: "0123456789".into() };
        assert_eq!(answers(&db, &wrong).await, told(RefusalCode::InvitationInvalid));
    }
}

#[test]
fn an_invitation_ends_by_its_time_its_seats_or_its_maker() {
    let invitation = Invitation {
        id: InvitationId::new(),
        household_id: HouseholdId::new(),
        role: Role::Member,
        email: None,
        created_by: roomm8_db::MemberId::new(),
        created_at: Time::from_micros(0),
        expires_at: Time::from_micros(10),
        max_uses: 1,
        uses: 0,
        revoked_at: None,
        version: 1,
    };
    let status = |invitation: &Invitation, now| invitation.status(Time::from_micros(now));
    assert_eq!(status(&invitation, 9), Status::Open);
    assert_eq!(status(&invitation, 10), Status::Expired);
    let used = Invitation { uses: 1, ..invitation.clone() };
    assert_eq!(status(&used, 9), Status::Exhausted);
    let revoked = Invitation { revoked_at: Some(Time::from_micros(1)), ..invitation };
    assert_eq!(status(&revoked, 9), Status::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_for_an_address_lets_in_nobody_else() {
    for db in databases().await {
        let (ada, ben, eve) = (person(&db, "Ada").await, person(&db, "Ben").await, person(&db, "Eve").await);
        let id = home(&db, ada).await;
        let for_ben =
            Create { email: Some(format!(" {} ", email_of("Ben").to_uppercase())), ..ticket(Role::Member) };
        let (invitation, secrets) = invite(&db, ada, id, for_ben).await;
        assert_eq!(refusal(accept(&db, eve, &secrets).await), RefusalCode::InvitationEmailMismatch);
        assert_eq!(reread(&db, ada, invitation.id).await.uses, 0);
        accept(&db, ben, &secrets).await.unwrap();
        let nonsense = Create { email: Some("ben".into()), ..ticket(Role::Member) };
        assert_eq!(refusal(perform(&db, ada, id, nonsense).await), RefusalCode::Invalid);
    }
}

/// What was written into the outbox since the last look, and to whom.
async fn mails(db: &Database) -> Vec<(String, Content)> {
    deliver_letters(db).await.into_iter().map(|mail| (mail.recipient, mail.content)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_only_written_to_by_who_has_proven_their_own() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let id = home(&db, ada).await;
        let verification = mails(&db).await.into_iter().find_map(|(_, mail)| mail.secret().cloned()).unwrap();
        let for_ben = || Create { email: Some(email_of("Ben")), ..ticket(Role::Member) };
        invite(&db, ada, id, for_ben()).await;
        assert_eq!(mails(&db).await, []);
        account::verify_email(&db, verification.reveal(), support::HERE).await.unwrap();
        assert_eq!(mails(&db).await.len(), 1, "she is welcomed");
        let (invitation, secrets) = invite(&db, ada, id, for_ben()).await;
        let content = Content::Invitation {
            household_name: "Elm Street 5".into(),
            inviter_name: "Ada".into(),
            token: notification::Secret::new(secrets.token),
            expires_at: invitation.expires_at,
            time_zone: Some("Europe/Berlin".into()),
            locale: None,
        };
        assert_eq!(mails(&db).await, [(email_of("Ben"), content)]);

        // Taken back at once, it was perhaps for another address.
        let (wrong, _) = invite(&db, ada, id, for_ben()).await;
        perform(&db, ada, id, Revoke { invitation: wrong.id }).await.unwrap();
        assert_eq!(mails(&db).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_or_demoted_invites_nobody() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let id = home(&db, ada).await;
        let member = join(&db, ada, id, Role::Admin, ben).await;
        let (_, to_admin) = invite(&db, ben, id, ticket(Role::Admin)).await;
        let (_, to_guest) = invite(&db, ben, id, ticket(Role::Guest)).await;
        let (_, of_ada) = invite(&db, ada, id, ticket(Role::Member)).await;
        let demotion = ChangeRole { member, role: Role::Member, expected_version: None };
        perform(&db, ada, id, demotion).await.unwrap();
        assert_eq!(answers(&db, &to_admin).await, told(RefusalCode::InvitationRevoked));
        let ida = person(&db, "Ida").await;
        accept(&db, ida, &to_guest).await.unwrap();
        let (_, open) = invite(&db, ben, id, ticket(Role::Member)).await;
        perform(&db, ada, id, Remove { member, may_return: Return::Allowed }).await.unwrap();
        assert_eq!(answers(&db, &open).await, told(RefusalCode::InvitationRevoked));
        join(&db, ada, id, Role::Admin, ben).await;
        let jon = person(&db, "Jon").await;
        assert_eq!(refusal(accept(&db, jon, &open).await), RefusalCode::InvitationRevoked);
        let (_, mine) = invite(&db, ben, id, ticket(Role::Member)).await;
        perform(&db, ben, id, Leave { transfer_to: None }).await.unwrap();
        assert_eq!(answers(&db, &mine).await, told(RefusalCode::InvitationRevoked));
        accept(&db, jon, &of_ada).await.expect("Ada's invitations are hers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_invites_or_revokes_above_their_own_role() {
    for db in databases().await {
        let (ada, ben, eve) = (person(&db, "Ada").await, person(&db, "Ben").await, person(&db, "Eve").await);
        let id = home(&db, ada).await;
        join(&db, ada, id, Role::Member, ben).await;
        join(&db, ada, id, Role::Guest, eve).await;
        let refused = perform(&db, ben, id, ticket(Role::Admin)).await;
        assert!(matches!(refused, Err(Error::Forbidden(Permission::Invite))));
        let (invitation, _) = invite(&db, ada, id, ticket(Role::Admin)).await;
        let revoke = || Revoke { invitation: invitation.id };
        for lesser in [ben, eve] {
            let refused = perform(&db, lesser, id, revoke()).await;
            assert!(matches!(refused, Err(Error::Forbidden(Permission::Invite))));
        }
        let conn = &mut *db.connection().await.unwrap();
        assert_eq!(invitation::seen_by(conn, eve, &[invitation.id]).await.unwrap(), []);
        assert_eq!(invitation::seen_by(conn, ben, &[invitation.id]).await.unwrap(), [invitation]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_of_one_household_is_none_of_another_s() {
    for db in databases().await {
        let (ada, ben) = (person(&db, "Ada").await, person(&db, "Ben").await);
        let (here, there) = (home(&db, ada).await, home(&db, ben).await);
        let (invitation, _) = invite(&db, ben, there, ticket(Role::Member)).await;
        let foreign = perform(&db, ada, here, Revoke { invitation: invitation.id }).await;
        assert!(matches!(foreign, Err(Error::NotFound)));
        let conn = &mut *db.connection().await.unwrap();
        assert_eq!(invitation::seen_by(conn, ada, &[invitation.id]).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_kept() {
    for db in databases().await {
        let ada = person(&db, "Ada").await;
        let id = home(&db, ada).await;
        for hours in [0, -1, MAX_HOURS + 1] {
            let odd = Create { expires_in_hours: Some(hours), ..ticket(Role::Member) };
            assert_eq!(refusal(perform(&db, ada, id, odd).await), RefusalCode::Invalid);
        }
        for uses in [0, -1, MAX_USES + 1] {
            let odd = Create { max_uses: Some(uses), ..ticket(Role::Member) };
            assert_eq!(refusal(perform(&db, ada, id, odd).await), RefusalCode::Invalid);
        }
        let longest =
            Create { expires_in_hours: Some(MAX_HOURS), max_uses: Some(MAX_USES), ..ticket(Role::Guest) };
        invite(&db, ada, id, longest).await;
        for _ in 1..invitation::OPEN_LIMIT {
            invite(&db, ada, id, ticket(Role::Guest)).await;
        }
        assert_eq!(refusal(perform(&db, ada, id, ticket(Role::Guest)).await), RefusalCode::Limit);
        let asker = proof(&db, ada, id).await.unwrap();
        let conn = &mut *db.connection().await.unwrap();
        let all = Window { after: None, before: None, limit: 1000, end: End::Oldest };
        let oldest = invitation::page(conn, &asker, all).await.unwrap();
        assert_eq!(oldest.len(), 100);
        let window = Window { before: Some(oldest[50].id.into()), limit: 3, end: End::Newest, ..all };
        assert_eq!(invitation::page(conn, &asker, window).await.unwrap(), oldest[47..50]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_cannot_be_guessed_at_will() {
    for db in throttled_databases().await {
        let (ada, eve) = (person(&db, "Ada").await, person(&db, "Eve").await);
        let id = home(&db, ada).await;
        let (_, secrets) = invite(&db, ada, id, ticket(Role::Member)).await;
        for _ in 0..10 {
            assert_eq!(refusal(by_code(&db, eve, "0123456789").await), RefusalCode::InvitationInvalid);
        }
        assert!(matches!(by_code(&db, eve, &secrets.code).await, Err(Error::Throttled(_))));
        let guest = Guest::User(eve);
        let preview = invitation::preview(&db, guest, Secret::Code(&secrets.code)).await;
        assert!(matches!(preview, Err(Error::Throttled(_))));
        let elsewhere = Guest::Place(support::HERE);
        invitation::preview(&db, elsewhere, Secret::Code(&secrets.code)).await.unwrap();
        accept(&db, eve, &secrets).await.expect("tokens are not guessed, so they are not counted");
    }
}
