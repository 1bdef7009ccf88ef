//! The page of the development mailbox: for whoever has its key, on a laptop, and for nobody else.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use roomm8_tests::{Deployment, Person, System, client::Client, deployment::Plan, process, server, wait};
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);
const NAME: &str = "<img src=x onerror=alert(1)>";

fn key_file(system: &System) -> PathBuf {
    system.folder.join("mailbox/key")
}

/// What anybody gets for what is not there.
async fn is_not_there(client: &Client, path: &str) {
    let nothing = client.get("/nothing-is-here").await.unwrap();
    assert_eq!(nothing.0, 404);
    assert_eq!(client.get(path).await.unwrap(), nothing, "{path}");
    assert_eq!(client.post(path).await.unwrap().0, 404, "{path}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_key_reads_letters_and_follows_their_links() {
    let system = Deployment::OneProcess.own().with("LOG", "debug").start().await;
    let ada = Person::new(&system, NAME).await;
    let token = system.token_in_letter(&ada.email, |letter| letter["kind"] == "VERIFY_EMAIL").await;
    // The next letter greets them by their name.
    system.a().anonymous().done("verifyEmail", json!({ "token": token }), "accepted").await;
    wait::until_so(SOON, "they were welcomed", async || {
        system.letters(&ada.email).iter().any(|letter| letter["kind"] == "WELCOME")
    })
    .await;
    let key = std::fs::read_to_string(key_file(&system)).unwrap();
    assert_eq!(std::fs::metadata(key_file(&system)).unwrap().permissions().mode() & 0o777, 0o600);
    let letters = system.folder.join("mailbox/mailbox.jsonl");
    assert_eq!(std::fs::metadata(letters).unwrap().permissions().mode() & 0o777, 0o600);

    // The command tells where it is; what the server writes does not.
    let mut command = server::command(&process::folder("mailbox"));
    let address = system.a().address();
    command.arg("mailbox").env("MAILBOX_DIR", system.folder.join("mailbox")).env("LISTEN_ADDR", &address);
    let printed = tokio::task::spawn_blocking(move || command.output().unwrap().stdout).await.unwrap();
    let printed = String::from_utf8(printed).unwrap();
    let url = printed.lines().last().unwrap().rsplit(' ').next().unwrap();
    let path = url.strip_prefix(&format!("http://{address}")).expect("it is the server's");

    let anybody = system.a().anonymous();
    let (status, page) = anybody.get(path).await.unwrap();
    assert_eq!(status, 200);
    assert!(page.contains(&ada.email) && page.contains(&format!("/verify-email#{token}")), "{page}");
    assert!(!page.contains("<img") && page.contains("Hello &#60;img src=x"), "{page}");
    is_not_there(&anybody, "/mailbox").await;
    is_not_there(&anybody, "/mailbox/").await;
    is_not_there(&anybody, &path[..path.len() - 1]).await;
    is_not_there(&anybody, &format!("{path}x")).await;
    is_not_there(&ada.on(system.a()), &format!("/mailbox/{}", ada.token)).await;
    let log = system.a().log();
    assert!(log.contains("run roomm8 mailbox") && !log.contains(&key), "{log}");
}

async fn has_no_page(plan: Plan) {
    let system = plan.start().await;
    assert!(!key_file(&system).exists());
    // A key that was there before opens nothing either.
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    std::fs::create_dir_all(system.folder.join("mailbox")).unwrap();
    std::fs::write(key_file(&system), key).unwrap();
    std::fs::set_permissions(key_file(&system), std::fs::Permissions::from_mode(0o600)).unwrap();
    system.a().kill();
    system.a().restart().await;
    is_not_there(&system.a().anonymous(), &format!("/mailbox/{key}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_none_on_mysql() {
    has_no_page(Deployment::TwoProcesses.own()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_none_where_letters_leave() {
    let plan = Deployment::OneProcess.own().with("PUBLIC_URL", "https://roomm8.example.com");
    let plan = plan.with("SMTP_URL", "smtp://127.0.0.1:9").with("MAIL_FROM", "letters@example.com");
    has_no_page(plan.with("SIGNING_KEYS", "key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_others_can_read_opens_nothing() {
    let system = Deployment::OneProcess.own().start().await;
    let key = std::fs::read_to_string(key_file(&system)).unwrap();
    let anybody = system.a().anonymous();
    assert_eq!(anybody.get(&format!("/mailbox/{key}")).await.unwrap().0, 200);
    std::fs::set_permissions(key_file(&system), std::fs::Permissions::from_mode(0o644)).unwrap();
    system.a().kill();
    system.a().restart().await;
    is_not_there(&anybody, &format!("/mailbox/{key}")).await;
    let told = async || system.a().log().contains("key can be read by others");
    wait::until_so(Duration::from_secs(5), "it was said why", told).await;
}
