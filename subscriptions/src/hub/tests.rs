//! The hub against a database of its own.

use super::*;
use crate::InProcess;
use roomm8_db::{Options, Request, UserId, access, account, conversation, household, message};

/// A database with one household, and its owner.
async fn home(folder: &std::path::Path) -> (Database, UserId, HouseholdId) {
    let url = format!("sqlite://{}", folder.join("hub.sqlite3").display());
    let database = Database::open(&Options { url, connections: 4, throttles: false, stale: None, ca: None })
        .await
        .unwrap();
    let (email, password) = ("ada@example.org", "we water the ferns on sundays");
    let registration =
        account::Registration { email, password, display_name: "Ada", ..account::Registration::default() };
    account::register(&database, registration, [127, 0, 0, 1].into()).await.unwrap();
    let credentials = account::Credentials { email, password, device: "test" };
    let ada = account::login(&database, credentials, [127, 0, 0, 1].into()).await.unwrap().user.id;
    let create = household::Create {
        name: "Elm Street 5".into(),
        time_zone: "Europe/Berlin".into(),
        currency: "EUR".into(),
    };
    let request = Request { user: ada, household: HouseholdId::new(), client_mutation_id: None };
    let household = database.perform(request, &create).await.unwrap().subject.id;
    (database, ada, household)
}

async fn say(database: &Database, user: UserId, household: HouseholdId) {
    let conn = &mut *database.connection().await.unwrap();
    let member = access::member(conn, user, household).await.unwrap();
    let conversation = conversation::general(conn, &member).await.unwrap().id;
    let send = message::Send { conversation, body: "hello".into(), reply_to: None, client_mutation_id: None };
    database.perform(Request { user, household, client_mutation_id: None }, &send).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_restored_backup_makes_a_log_another_one() {
    let folder = std::env::temp_dir().join(format!("roomm8-hub-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (database, ada, household) = home(&folder).await;
    let conn = &mut *database.connection().await.unwrap();
    let member = access::member(conn, ada, household).await.unwrap();
    let hub = Hub::start(database.clone(), Box::new(InProcess::default()));
    let mut follower = hub.follow(member, None).await.unwrap();
    let log = hub.0.log(household).unwrap();

    // The database answered, then the log grew here, then the answer is looked at.
    let before = log.at();
    let head = event::head(conn, household).await.unwrap();
    say(&database, ada, household).await;
    assert_eq!(follower.next().await.unwrap().seq(), head.seq + 1);
    hub.0.compare(household, &log, before, head);
    say(&database, ada, household).await;
    assert_eq!(follower.next().await.expect("the log goes on").seq(), head.seq + 2);

    // The database is behind what was read from it: that can only be a backup.
    hub.0.compare(household, &log, log.at(), head);
    assert_eq!(follower.next().await.err(), Some(crate::End::Resync));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_family_never_waits_and_nobody_waits_long() {
    let milliseconds = |followers| pause_after(followers).map(|pause| pause.as_millis());
    assert_eq!([0, 1, 18, 99].map(milliseconds), [None; 4]);
    assert_eq!([100, 500, 1_000, usize::MAX].map(milliseconds), [Some(5), Some(25), Some(50), Some(50)]);
}
