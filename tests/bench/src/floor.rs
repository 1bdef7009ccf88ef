//! The floor: what somebody writes by hand for exactly one page, one message and one chat, on the same libraries. It answers
//! in the same bytes, and knows no GraphQL, no tokens and no other questions.

mod chat;
mod page;
mod send;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use mysql_async::{Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use redis::aio::MultiplexedConnection;
use serde::Deserialize;
use std::sync::{Arc, OnceLock};
use tokio::sync::broadcast;
use uuid::Uuid;

/// As many as RoomM8 holds by default.
const CONNECTIONS: usize = 8;
/// Frames that wait for the slowest socket.
const FRAMES: usize = 8192;

struct Floor {
    pool: Pool,
    redis: MultiplexedConnection,
    /// The page, for who is sent it unread.
    page: OnceLock<Vec<u8>>,
    frames: broadcast::Sender<axum::extract::ws::Utf8Bytes>,
}

/// Whose page, or where to send.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Place {
    household: Uuid,
    user: Uuid,
    conversation: Option<Uuid>,
}

/// Serves until it is killed.
pub(crate) async fn serve(database: &str, redis: &str) -> anyhow::Result<()> {
    let constraints = PoolConstraints::new(CONNECTIONS, CONNECTIONS).unwrap_or_default();
    let options = OptsBuilder::from_opts(Opts::from_url(database)?)
        .tcp_nodelay(true)
        .init(vec!["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"])
        .pool_opts(PoolOpts::new().with_constraints(constraints).with_reset_connection(false));
    let client = redis::Client::open(redis)?;
    let frames = broadcast::Sender::new(FRAMES);
    chat::relay(client.get_async_pubsub().await?, frames.clone()).await?;
    let floor = Floor {
        pool: Pool::new(options),
        redis: client.get_multiplexed_async_connection().await?,
        page: OnceLock::new(),
        frames,
    };
    let router = Router::new()
        .route("/bench/static", get(unread))
        .route("/bench/point", get(point))
        .route("/bench/raw", get(raw))
        .route("/bench/send", post(say))
        .route("/bench/follow", any(chat::follow))
        .with_state(Arc::new(floor));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("the floor is listening on http://{}", listener.local_addr()?);
    axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), router)
        .await?;
    Ok(())
}

async fn unread(State(floor): State<Arc<Floor>>) -> Response {
    json(floor.page.get().cloned().unwrap_or_default())
}

async fn point(State(floor): State<Arc<Floor>>, Query(place): Query<Place>) -> Response {
    told(page::membership(&floor.pool, place).await.map(|_| floor.page.get().cloned().unwrap_or_default()))
}

async fn raw(State(floor): State<Arc<Floor>>, Query(place): Query<Place>) -> Response {
    let page = page::page(&floor.pool, place).await;
    if let Ok(page) = &page {
        floor.page.get_or_init(|| page.clone());
    }
    told(page)
}

async fn say(
    State(floor): State<Arc<Floor>>,
    Query(place): Query<Place>,
    axum::Json(said): axum::Json<send::Said>,
) -> Response {
    told(send::send(&floor.pool, floor.redis.clone(), place, said).await)
}

fn told(answer: anyhow::Result<Vec<u8>>) -> Response {
    match answer {
        Ok(body) => json(body),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
