//! Where the link in a mail leads whose reader wants no more of its kind.
//!
//! Following it asks first, as programs that look through mail follow links too; a mail reader's own button posts at once
//! (RFC 8058). Who has the mail may: no one is asked to sign in.

use crate::secrets::Keys;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use roomm8_db::notification::preference;
use roomm8_db::{Database, Error, NotificationId};
use tracing::warn;
use uuid::Uuid;

const POLICY: &str = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The path of a letter's link.
pub(crate) fn path(letter: NotificationId, keys: &Keys) -> Option<String> {
    keys.sign(&letter.to_string()).map(|signed| format!("/unsubscribe/{signed}"))
}

/// `/unsubscribe/{letter}`.
pub(crate) fn router(database: Database, keys: Keys) -> Router {
    Router::new().route("/unsubscribe/{letter}", get(ask).post(unsubscribe)).with_state((database, keys))
}

async fn ask() -> Response {
    let form = r#"<p>Do you want no more mails like this one?</p><form method="post"><button>No more of these</button></form>"#;
    page(StatusCode::OK, form)
}

async fn unsubscribe(
    State((database, keys)): State<(Database, Keys)>,
    Path(signed): Path<String>,
) -> Response {
    let letter = signed.split('.').next().and_then(|letter| letter.parse::<Uuid>().ok());
    let outcome = match letter {
        Some(letter) if keys.open(&signed).await.is_some() => {
            preference::unsubscribe(&database, NotificationId::from_bytes(*letter.as_bytes())).await
        }
        // What names no letter is not worth looking for its key.
        _ => Err(Error::NotFound),
    };
    match outcome {
        Ok(()) => page(
            StatusCode::OK,
            "<p>You get no more mails like this one. You can change that in the app.</p>",
        ),
        Err(Error::NotFound) => page(
            StatusCode::NOT_FOUND,
            "<p>This link is no longer good. In the app you can choose what you are mailed.</p>",
        ),
        Err(error) => {
            warn!(%error, "somebody could not unsubscribe");
            page(
                StatusCode::SERVICE_UNAVAILABLE,
                "<p>That did not work just now. Please try again in a minute.</p>",
            )
        }
    }
}

fn page(status: StatusCode, body: &str) -> Response {
    let head = r#"<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>RoomM8</title>"#;
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, Html(format!("{head}{body}"))).into_response()
}
