//! The cast of stories about households: people, homes, and how they come together.
#![allow(dead_code, reason = "not every story needs everybody")]

pub(crate) mod chores;
pub(crate) mod groceries;

use roomm8_db::access::{self, Role};
use roomm8_db::household::{self, Household};
use roomm8_db::invitation::{self, Secret, Secrets};
use roomm8_db::{
    Changed, Database, Error, Event, HouseholdId, Member, MemberId, Operation, RefusalCode, Request, Result,
    UserId, event,
};

/// Where somebody of this name gets their mail.
pub(crate) fn email_of(name: &str) -> String {
    format!("{}@example.org", name.to_lowercase())
}

/// Somebody with an account, the same one for the same name.
pub(crate) async fn person(db: &Database, name: &str) -> UserId {
    crate::support::person(db, name).await.user.id
}

/// Begins a household with this person as its owner.
pub(crate) async fn home(db: &Database, owner: UserId) -> HouseholdId {
    found(db, owner, None).await.expect("a household begins").subject.id
}

/// Begins a household under a name of the intent.
pub(crate) async fn found(db: &Database, owner: UserId, key: Option<&str>) -> Result<Changed<Household>> {
    let operation = household::Create {
        name: "Elm Street 5".into(),
        time_zone: "Europe/Berlin".into(),
        currency: "EUR".into(),
    };
    let request = Request { user: owner, household: HouseholdId::new(), client_mutation_id: key };
    db.perform(request, &operation).await
}

/// Does something to a household.
pub(crate) async fn perform<O: Operation>(
    db: &Database,
    user: UserId,
    household: HouseholdId,
    operation: O,
) -> Result<O::Outcome> {
    let request = Request { user, household, client_mutation_id: None };
    db.perform(request, &operation).await.map(|changed| changed.subject)
}

/// An invitation for one, to this role.
pub(crate) fn ticket(role: Role) -> invitation::Create {
    invitation::Create { role, expires_in_hours: None, max_uses: None, email: None }
}

/// Makes an invitation and says what opens it.
pub(crate) async fn invite(
    db: &Database,
    inviter: UserId,
    household: HouseholdId,
    ticket: invitation::Create,
) -> (invitation::Invitation, Secrets) {
    let created = perform(db, inviter, household, ticket).await.expect("an invitation is made");
    (created.invitation, created.secrets.expect("the first answer shows the secrets"))
}

/// Accepts an invitation by its token.
pub(crate) async fn accept(db: &Database, user: UserId, secrets: &Secrets) -> Result<invitation::Accepted> {
    invitation::accept(db, user, Secret::Token(&secrets.token), None).await
}

/// Makes this person a member with this role.
pub(crate) async fn join(
    db: &Database,
    owner: UserId,
    household: HouseholdId,
    role: Role,
    user: UserId,
) -> MemberId {
    let (_, secrets) = invite(db, owner, household, ticket(role)).await;
    accept(db, user, &secrets).await.expect("an open invitation lets in").member.id
}

/// The proof of membership.
pub(crate) async fn proof(db: &Database, user: UserId, household: HouseholdId) -> Result<Member> {
    access::member(&mut *db.connection().await?, user, household).await
}

/// The household's whole log.
pub(crate) async fn log(db: &Database, household: HouseholdId) -> Vec<Event> {
    let conn = &mut *db.connection().await.expect("a connection");
    let page = event::page(conn, household, 0, 10_000).await.expect("the log is read");
    page.into_iter().map(|detailed| detailed.event).collect()
}

/// What happened, in order.
pub(crate) async fn kinds(db: &Database, household: HouseholdId) -> Vec<event::Kind> {
    log(db, household).await.into_iter().map(|event| event.kind).collect()
}

/// Why it was refused.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T>) -> RefusalCode {
    match result {
        Err(Error::Refused(refusal)) => refusal.code,
        other => panic!("should have been refused: {other:?}"),
    }
}
