//! A page that shows the development mailbox, so that whoever writes a front end can follow the links in letters.
//!
//! What it shows opens accounts. It is there only where letters stay on a laptop (see [`crate::config::Config::shows_letters`]),
//! and only for whom the [`PageKey`] was told; for anybody else it is as if it were not.

use super::{Letter, Mailbox, PageKey};
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::any;
use tokio::task::spawn_blocking;
use tracing::warn;

/// So many letters are shown.
const LETTERS: usize = 100;
/// Neither the page nor what is framed in it runs anything or loads anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "mailbox.html")]
struct Page {
    letters: Vec<Letter>,
}

/// `/mailbox/{key}`.
pub(crate) fn router(mailbox: Mailbox, key: PageKey) -> Router {
    Router::new().route("/mailbox/{key}", any(show)).with_state((mailbox, key))
}

async fn show(State((mailbox, key)): State<(Mailbox, PageKey)>, Path(given): Path<String>) -> Response {
    if !key.is(&given) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let page = spawn_blocking(move || anyhow::Ok(Page { letters: mailbox.newest(LETTERS)? }.render()?)).await;
    match page.map_err(anyhow::Error::from).flatten() {
        Ok(page) => {
            let headers = [
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::REFERRER_POLICY, "no-referrer"),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::HeaderName::from_static("x-robots-tag"), "noindex"),
            ];
            (headers, Html(page)).into_response()
        }
        Err(error) => {
            warn!("the development mailbox cannot be shown: {error:#}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The letter as a document whose links open beside the mailbox.
fn framed(letter: &Letter) -> String {
    letter.html.replacen("<head>", r#"<head><base target="_blank">"#, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use serde_json::Value;
    use tower::ServiceExt as _;

    fn letter(subject: &str) -> Letter {
        Letter {
            id: "1".into(),
            kind: "MENTION".into(),
            to: "ada@example.org".into(),
            language: "en".into(),
            subject: subject.into(),
            text: "Hello <b>Ada</b>".into(),
            html: r#"<html><head></head><p title="x">Hello"#.into(),
            unsubscribe: None,
            data: Value::Null,
        }
    }

    async fn get(router: &Router, path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn letters_are_shown_to_who_has_the_key_and_to_nobody_else() {
        let folder = std::env::temp_dir().join(format!("roomm8-page-{}", std::process::id()));
        let (mailbox, key) = (Mailbox::in_folder(&folder), PageKey::in_folder(&folder).unwrap());
        let again = PageKey::in_folder(&folder).unwrap();
        assert!(again.path() == key.path() && key.path().len() == "/mailbox/".len() + 43);
        let router = router(mailbox.clone(), key.clone());
        let (status, _, page) = get(&router, &key.path()).await;
        assert_eq!((status, page.contains("No letter has come yet")), (StatusCode::OK, true));

        for subject in ["One <script>", "Two"] {
            mailbox.keep(&letter(subject)).await.unwrap();
        }
        let (status, headers, page) = get(&router, &key.path()).await;
        assert_eq!(status, StatusCode::OK);
        for (name, value) in [
            ("content-security-policy", POLICY),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-robots-tag", "noindex"),
        ] {
            assert_eq!(headers[name], value);
        }
        assert!(page.find("Two") < page.find("One &#60;script&#62;"), "the newest is first: {page}");
        assert!(page.contains("Hello &#60;b&#62;Ada&#60;/b&#62;"), "{page}");
        let frame = "srcdoc=\"&#60;html&#62;&#60;head&#62;&#60;base target=&#34;_blank&#34;&#62;";
        assert!(page.contains(frame) && !page.contains("<script"), "{page}");

        let mut wrong = key.path();
        wrong.pop();
        for path in ["/mailbox", "/mailbox/", "/mailbox/x", &wrong, &format!("{}x", key.path())] {
            let (status, headers, body) = get(&router, path).await;
            assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, ""), "{path}");
            assert!(headers.keys().all(|name| name == "content-length"), "{headers:?}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_key_that_others_can_read_is_none() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("roomm8-key-{}", std::process::id()));
        PageKey::in_folder(&folder).unwrap();
        let file = folder.join("key");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(PageKey::in_folder(&folder).err().unwrap().to_string().contains("can be read by others"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
