//! Letters: from the outbox to a queue behind an Amazon SNS topic, or to a mail server.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use roomm8_tests::{
    Deployment, Home, Person, System,
    aws::{Aws, Received, TOPIC},
    deployment::Plan,
    mail::MailServer,
    on_both, scale,
    server::Server,
    wait,
};
use serde_json::{Value, json};

on_both!(
    a_letter_is_published_with_what_a_subscriber_filters_by,
    letters_arrive_once_and_in_order_whatever_dies_meanwhile,
    letters_are_mailed_as_soon_as_the_mail_server_is_there,
    a_refusal_is_logged_without_the_address,
    a_link_in_a_mail_ends_mails_of_its_kind,
    what_can_wait_waits_until_quiet_hours_end,
    letters_are_in_their_readers_language_and_by_their_clocks,
);

/// How long letters may take once everything is well: after an outage each waits for its next try.
const SOON: Duration = Duration::from_mins(1);

/// Keys that every process has: a link is signed by one, and followed to another.
const KEYS: &str = "key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A system whose letters leave, or would if they had a channel.
fn writing(deployment: Deployment) -> Plan {
    deployment.own().with("PUBLIC_URL", "https://roomm8.example.com").with("SIGNING_KEYS", KEYS)
}

fn publishing(deployment: Deployment, aws: &Aws) -> Plan {
    let plan = writing(deployment).with("SNS_TOPIC_ARN", TOPIC);
    aws.env().iter().fold(plan, |plan, (name, value)| plan.with(name, value))
}

/// Waits until so many letters came to each of these, and gives all that came.
async fn received(aws: &Aws, wanted: usize) -> Vec<Received> {
    received_within(SOON, aws, wanted).await
}

async fn received_within(limit: Duration, aws: &Aws, wanted: usize) -> Vec<Received> {
    let mut received = Vec::new();
    wait::until_so(limit, &format!("{wanted} letters came"), async || {
        received.extend(aws.receive().await);
        received.len() >= wanted
    })
    .await;
    received
}

async fn ask_for_a_reset(system: &System, person: &Person) {
    let input = json!({ "email": person.email });
    system.b().anonymous().mutate("requestPasswordReset", input, "accepted").await;
}

async fn a_letter_is_published_with_what_a_subscriber_filters_by(deployment: Deployment) {
    let aws = Aws::start().await;
    let system = publishing(deployment, &aws).start().await;
    let ada = Person::new(&system, "Ada").await;
    let received = received(&aws, 1).await;
    let Received { letter, attributes } = &received[0];
    assert_eq!((&letter["kind"], &letter["to"]), (&json!("VERIFY_EMAIL"), &json!(ada.email)));
    assert_eq!(attributes["kind"]["StringValue"], "VERIFY_EMAIL");
    assert_eq!(attributes["schema"]["StringValue"], "1");
    assert!(letter["text"].as_str().unwrap().starts_with("Hello, please confirm"));

    // It is the letter that the account waits for.
    let token = letter["data"]["token"].as_str().unwrap();
    system.a().anonymous().done("verifyEmail", json!({ "token": token }), "accepted").await;
    for server in &system.servers {
        assert!(!server.log().contains(token) && !server.log().contains(&ada.email), "{}", server.log());
    }
    assert!(system.letters(&ada.email).is_empty(), "it is in no mailbox besides");
}

/// In each round an instance with its relay, and the emulator, die by `kill -9` in the midst of whatever they do. There are three
/// rounds; with `ROOMM8_TEST_SCALE=17` each has died fifty times. The function that mails the letters dies in a test of its own,
/// `deploy/notifier/tests/emulated`.
async fn letters_arrive_once_and_in_order_whatever_dies_meanwhile(deployment: Deployment) {
    const PEOPLE: usize = 4;
    let (began, rounds) = (Instant::now(), 3 * scale());
    let aws = Aws::start().await;
    let system = publishing(deployment, &aws).heavy().start().await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(Person::new(&system, &format!("Person {number}")).await);
    }
    for round in 0..rounds {
        // The topic is out of reach while letters are written; then the relays die with what they have leased.
        if round % 2 == 0 {
            aws.pause();
        }
        for person in &people {
            ask_for_a_reset(&system, person).await;
        }
        let server = if round % 2 == 0 { system.a() } else { system.b() };
        server.kill();
        server.restart().await;
        // What is out of reach is frozen, and dies so; or it dies while it is published to.
        let victim = rand::random_range(0..PEOPLE);
        for (number, person) in people.iter().enumerate() {
            if number == victim {
                aws.kill();
            }
            ask_for_a_reset(&system, person).await;
        }
        aws.restart().await;
    }
    let wanted = PEOPLE * (1 + 2 * rounds);
    // One that was out of luck in several rounds waits longest.
    let limit = SOON * u32::try_from(1 + scale()).unwrap();
    let received = received_within(limit, &aws, wanted).await;
    // Nothing is on its way any more.
    until_nothing_waits(&system).await;
    assert_eq!(received.len() + aws.receive().await.len(), wanted, "each came once");

    let mut letters: HashMap<&str, Vec<&Value>> = HashMap::new();
    for Received { letter, .. } in &received {
        letters.entry(letter["to"].as_str().unwrap()).or_default().push(letter);
    }
    for person in &people {
        let theirs = &letters[person.email.as_str()];
        assert_eq!(theirs.iter().filter(|letter| letter["kind"] == "VERIFY_EMAIL").count(), 1);
        // The last one that was written has the token that works.
        let resets = theirs.iter().filter(|letter| letter["kind"] == "PASSWORD_RESET");
        let ids: Vec<_> = resets.map(|letter| letter["id"].as_str().unwrap()).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(ids.len(), 2 * rounds);
    }
    eprintln!(
        "{wanted} letters once each, {rounds} instances and {rounds} emulators killed: {:.0?}",
        began.elapsed()
    );
}

fn mailing(deployment: Deployment, mail: &MailServer) -> Plan {
    writing(deployment).with("SMTP_URL", &mail.url()).with("MAIL_FROM", "RoomM8 <letters@example.com>")
}

async fn letters_are_mailed_as_soon_as_the_mail_server_is_there(deployment: Deployment) {
    let mail = MailServer::down();
    let system = mailing(deployment, &mail).start().await;
    let ada = Person::new(&system, "Ada").await;
    mail.start();
    let mail = wait::until(SOON, "the letter was mailed", async || mail.mails().pop()).await;
    let (head, body) = mail.split_once("\n\n").expect("a head and a body");
    for line in [
        "From: RoomM8 <letters@example.com>",
        &format!("To: {}", ada.email),
        "Subject: Confirm your e-mail address",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(head.lines().any(|of_head| of_head == line), "no {line} in {head}");
    }
    let id = head.lines().find_map(|line| line.strip_prefix("Message-ID: <")).expect("it has an id");
    assert!(id.ends_with("@example.com>"), "{id}");
    // Text first, for readers that show no other (RFC 2046, 5.1.4). Long lines are broken (RFC 2045).
    let body = body.replace("=\n", "");
    let (text, html) = body.split_once("Content-Type: text/html").expect("there are two forms");
    assert!(text.contains("Content-Type: text/plain") && html.contains("<p>Hello,</p>"), "{body}");
    let link = text.split_once("https://roomm8.example.com/verify-email#").expect("there is a link").1;
    let token = link.lines().next().unwrap();
    system.a().anonymous().done("verifyEmail", json!({ "token": token }), "accepted").await;
}

async fn a_refusal_is_logged_without_the_address(deployment: Deployment) {
    let mail = MailServer::down();
    mail.start_refusing();
    let system = mailing(deployment, &mail).start().await;
    let ada = Person::new(&system, "Ada").await;
    let log = async || system.servers.iter().map(Server::log).find(|log| log.contains("answered 550"));
    let log = wait::until(SOON, "the refusal was logged", log).await;
    assert!(!log.contains(&ada.email), "{log}");
    assert!(system.a().metric("roomm8_outbox_pending").await > 0.0, "it is tried again");
}

async fn letters_are_in_their_readers_language_and_by_their_clocks(deployment: Deployment) {
    let system = writing(deployment).start().await;
    let (email, password) =
        (format!("ida-{:x}@example.org", rand::random::<u64>()), "seven ferns on a shelf");
    let register = |locale, zone| {
        let input = json!({ "email": email, "password": password, "displayName": "Ida", "locale": locale, "timeZone": zone });
        let client = system.a().anonymous();
        async move { client.mutate("register", input, "accepted userErrors { code field }").await }
    };
    for (locale, zone, field) in [("de", "Berlin", "timeZone"), ("d€", "Europe/Berlin", "locale")] {
        let errors = json!([{ "code": "INVALID", "field": [field] }]);
        assert_eq!(register(locale, zone).await, json!({ "accepted": false, "userErrors": errors }));
    }
    assert_eq!(register("de-AT", "Europe/Berlin").await["accepted"], true);
    let letter = async |kind: &str, nth: usize| {
        wait::until(SOON, &format!("{kind} was mailed"), async || {
            system.letters(&email).into_iter().filter(|letter| letter["kind"] == kind).nth(nth)
        })
        .await
    };
    let verification = letter("VERIFY_EMAIL", 0).await;
    assert_eq!(verification["subject"], "Bestätige deine E-Mail-Adresse");
    assert!(verification["text"].as_str().unwrap().starts_with("Hallo, bitte bestätige"), "{verification}");
    assert!(verification["html"].as_str().unwrap().contains(r#"<html lang="de">"#), "{verification}");

    let ida = Person::sign_in(system.b(), &email, password).await;
    // What it says, and when it ends by clocks so many hours ahead.
    let told = async |nth| {
        ask_for_a_reset(&system, &ida).await;
        let letter = letter("PASSWORD_RESET", nth).await;
        let end = chrono::DateTime::from_timestamp_micros(letter["data"]["expiresAt"].as_i64().unwrap());
        let ahead = move |hours| end.unwrap() + chrono::TimeDelta::hours(hours);
        (letter["text"].as_str().unwrap().to_owned(), ahead)
    };
    let (text, ahead) = told(0).await;
    assert!(text.starts_with("Hallo, du hast ein neues Passwort angefordert."), "{text}");
    // In summer and in winter.
    let in_berlin = |hours| ahead(hours).format(", um %H:%M Uhr (Europe/Berlin).").to_string();
    assert!(text.contains(&in_berlin(1)) || text.contains(&in_berlin(2)), "{text}");

    let wish = json!({ "locale": "en-GB", "timeZone": "Asia/Tokyo" });
    let changed = ida.on(system.b()).done("updateProfile", wish.clone(), "viewer { locale timeZone }").await;
    assert_eq!(changed["viewer"], wish);
    let (text, ahead) = told(1).await;
    assert!(text.starts_with("Hello, you asked for a new password."), "{text}");
    let in_tokyo = ahead(9).format("until %H:%M on %A %-d %B %Y (Asia/Tokyo).").to_string();
    assert!(text.contains(&in_tokyo), "{text}: {in_tokyo}");
    let refused = json!({ "timeZone": "Mars/Olympus" });
    assert_eq!(ida.on(system.a()).user_error("updateProfile", refused).await, "INVALID");
}

/// A household in which the first speaks of the second, whose address is proven.
pub(crate) async fn home_with_mail(system: &System) -> Home {
    let home = Home::new(system, 2).await;
    let email = &home.people[1].email;
    let token = system.token_in_letter(email, |letter| letter["kind"] == "VERIFY_EMAIL").await;
    system.a().anonymous().done("verifyEmail", json!({ "token": token }), "accepted").await;
    home
}

pub(crate) async fn mention_second(system: &System, home: &Home) {
    home.say(system.a(), home.owner(), &format!("see this, @{}", home.people[1].name)).await;
}

fn mentions(system: &System, home: &Home) -> Vec<Value> {
    let letters = system.letters(&home.people[1].email);
    letters.into_iter().filter(|letter| letter["kind"] == "MENTION").collect()
}

pub(crate) async fn until_mentioned(system: &System, home: &Home, times: usize) -> Vec<Value> {
    let what = format!("{times} mentions were mailed");
    wait::until_so(SOON, &what, async || mentions(system, home).len() >= times).await;
    mentions(system, home)
}

async fn until_nothing_waits(system: &System) {
    wait::until_so(SOON, "the outbox was empty", async || {
        system.a().metric("roomm8_outbox_pending").await == 0.0
    })
    .await;
}

async fn a_link_in_a_mail_ends_mails_of_its_kind(deployment: Deployment) {
    let system = writing(deployment).start().await;
    let home = home_with_mail(&system).await;
    mention_second(&system, &home).await;
    let letter = until_mentioned(&system, &home, 1).await.remove(0);
    let link = letter["unsubscribe"].as_str().expect("there is a link");
    assert!(letter["text"].as_str().unwrap().ends_with(link), "{letter}");
    let path = &link[link.find("/unsubscribe/").unwrap()..];

    let mailed = async || {
        let document = "{ viewer { notificationPreferences { mailed } } }";
        let second = home.people[1].on(system.b());
        second.query(document, json!({})).await["viewer"]["notificationPreferences"]["mailed"].clone()
    };
    let anybody = system.b().anonymous();
    assert_eq!(anybody.get(path).await.unwrap().0, 200);
    assert_eq!(
        mailed().await,
        json!(["MENTION", "ANNOUNCEMENT", "TASK_REMINDER", "TASK_NUDGE"]),
        "to look at it does nothing"
    );
    for _ in 0..2 {
        assert_eq!(anybody.post(path).await.unwrap().0, 200);
        assert_eq!(mailed().await, json!(["ANNOUNCEMENT", "TASK_REMINDER", "TASK_NUDGE"]));
    }
    mention_second(&system, &home).await;
    until_nothing_waits(&system).await;
    assert_eq!(mentions(&system, &home).len(), 1);

    let input = json!({ "mailed": ["MENTION"] });
    home.people[1].on(system.a()).done("setMailedNotifications", input, "clientMutationId").await;
    mention_second(&system, &home).await;
    until_mentioned(&system, &home, 2).await;

    // Nothing is there to be guessed, and what somebody must get has no link.
    let nobodys = "/unsubscribe/019ac000-0000-7000-8000-000000000000";
    assert_eq!(anybody.post(nobodys).await.unwrap().0, 404);
    assert_eq!(anybody.post("/unsubscribe/letter").await.unwrap().0, 404);
    let verification = &system.letters(&home.people[1].email)[0];
    assert_eq!((&verification["kind"], &verification["unsubscribe"]), (&json!("VERIFY_EMAIL"), &Value::Null));
    let path = format!("/unsubscribe/{}", verification["id"].as_str().unwrap());
    assert_eq!(anybody.post(&path).await.unwrap().0, 404);
}

async fn what_can_wait_waits_until_quiet_hours_end(deployment: Deployment) {
    let system = deployment.own().start().await;
    let home = home_with_mail(&system).await;
    let second = home.people[1].on(system.b());
    let clock = |hours| (chrono::Utc::now() + chrono::TimeDelta::hours(hours)).format("%H:%M").to_string();
    let night = json!({ "from": clock(-2), "until": clock(2), "timeZone": "UTC" });
    second.done("setQuietHours", night, "clientMutationId").await;
    mention_second(&system, &home).await;
    until_nothing_waits(&system).await;
    // What is asked for does not wait, nor for what does.
    ask_for_a_reset(&system, &home.people[1]).await;
    system.token_in_letter(&home.people[1].email, |letter| letter["kind"] == "PASSWORD_RESET").await;
    assert_eq!(mentions(&system, &home), Vec::<Value>::new());
    second.done("setQuietHours", json!({}), "clientMutationId").await;
    until_mentioned(&system, &home, 1).await;
}
