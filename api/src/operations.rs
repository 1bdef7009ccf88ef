//! What operation needs: whether it lives, whether it is ready, what it counts; and the schema for developers.

use crate::protocol::{Latency, Shutdown, Stats, credentials, etag, refuse};
use crate::service::RoomM8;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use roomm8_db::{Replica, Time, event, notification};
use roomm8_schema::Services;
use serde_json::json;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::time::timeout;

/// How long a probe waits for the database.
const PROBE: Duration = Duration::from_secs(2);

/// What the probes look at.
pub struct Operations {
    /// Who may read the schema.
    pub service: RoomM8,
    /// The database and the hub.
    pub services: Services,
    /// What the protocol layer counts.
    pub stats: Arc<Stats>,
    /// Whether the end has begun.
    pub shutdown: Shutdown,
    /// Whether a broker between instances is configured.
    pub has_broker: bool,
}

/// The routes beside `/graphql`.
pub fn router(operations: Operations) -> Router {
    Router::new()
        .route("/schema.graphql", get(schema))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(operations))
}

async fn schema(State(operations): State<Arc<Operations>>, request: Request) -> Response {
    // Whatever the number of proxies: what matters is the token.
    match operations.service.may_read_schema(credentials(&request, 0)).await {
        Ok(()) => sdl(request.headers()),
        Err(refused) => refuse(refused),
    }
}

fn sdl(headers: &HeaderMap) -> Response {
    static TAG: LazyLock<String> = LazyLock::new(|| etag::of(roomm8_schema::sdl().as_bytes()));
    let tag = [(header::ETAG, TAG.as_str())];
    if etag::is_held(headers, &TAG) {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], roomm8_schema::sdl()).into_response()
}

/// Ready for requests: not about to stop, and the database answers. Losing Redis only slows delivery, so it is told
/// and does not make an instance unready.
async fn ready(State(operations): State<Arc<Operations>>) -> Response {
    let database = timeout(PROBE, async {
        let mut conn = operations.services.database.connection().await?;
        event::heads(&mut conn, &[]).await
    });
    let database = matches!(database.await, Ok(Ok(_)));
    let is_draining = operations.shutdown.has_begun();
    let broker = match (operations.has_broker, operations.services.hub.is_connected()) {
        (false, _) => "in-process",
        (true, true) => "connected",
        (true, false) => "disconnected: delivery between instances takes until the next poll",
    };
    let status = if database && !is_draining { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": status == StatusCode::OK, "draining": is_draining, "database": database, "broker": broker });
    (status, Json(body)).into_response()
}

/// Everything counted, in Prometheus's text format 0.0.4.
async fn metrics(State(operations): State<Arc<Operations>>) -> Response {
    let mut text = String::new();
    for sample in operations.stats.samples() {
        let labels: Vec<_> =
            sample.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        write(&mut text, sample.name, sample.is_gauge, &labels.join(","), sample.value);
    }
    text.push_str(&histogram(&operations.stats.latencies()));
    let Services { database, hub, .. } = &operations.services;
    let (households, followers) = hub.followed();
    let connections = database.connections();
    for (name, is_gauge, value) in [
        ("db_statements_total", false, counter(&database.statistics().statements)),
        ("db_request_statements_total", false, counter(&database.statistics().of_requests)),
        ("db_transaction_retries_total", false, counter(&database.statistics().retries)),
        ("db_connections", true, gauge(connections.open)),
        ("db_connections_in_use", true, gauge(connections.in_use)),
        ("db_connections_awaited", true, gauge(connections.awaited)),
        ("hub_events_read_total", false, counter(&hub.statistics().events)),
        ("hub_log_reads_total", false, counter(&hub.statistics().reads)),
        ("hub_log_reads_failed_total", false, counter(&hub.statistics().failed_reads)),
        ("hub_households_followed", true, gauge(households)),
        ("hub_followers", true, gauge(followers)),
        ("broker_connected", true, u64::from(hub.is_connected())),
        ("broker_published_total", false, counter(&hub.broker_statistics().published)),
        ("broker_failed_total", false, counter(&hub.broker_statistics().failed)),
        ("broker_malformed_total", false, counter(&hub.broker_statistics().malformed)),
        ("broker_connections_total", false, counter(&hub.broker_statistics().connections)),
    ] {
        write(&mut text, name, is_gauge, "", value);
    }
    if let Some(replica) = &operations.services.replica {
        write_replica(&mut text, replica);
    }
    // Without the database the other figures are worth the more.
    if let Ok(Ok(backlog)) = timeout(PROBE, backlog(&operations)).await {
        let oldest = backlog.oldest_pending.map_or(0, |oldest| Time::now().since(oldest).as_secs());
        write(&mut text, "outbox_pending", true, "", u64::try_from(backlog.pending).unwrap_or(0));
        write(&mut text, "outbox_oldest_seconds", true, "", oldest);
        write(&mut text, "outbox_dead", true, "", u64::try_from(backlog.dead).unwrap_or(0));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// What became of the answers that might have been read on the replica, and what that took.
fn write_replica(text: &mut String, replica: &Replica) {
    let reads = replica.reads();
    for (read, count) in
        [("there", &reads.there), ("behind", &reads.behind), ("busy", &reads.busy), ("away", &reads.away)]
    {
        write(text, "replica_answers_total", false, &format!("read=\"{read}\""), counter(count));
    }
    let connections = replica.connections();
    for (name, is_gauge, value) in [
        ("replica_statements_total", false, counter(&replica.statistics().statements)),
        ("replica_connections", true, gauge(connections.open)),
        ("replica_connections_in_use", true, gauge(connections.in_use)),
    ] {
        write(text, name, is_gauge, "", value);
    }
}

fn counter(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn gauge(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

async fn backlog(operations: &Operations) -> roomm8_db::Result<notification::Backlog> {
    notification::backlog(&mut *operations.services.database.connection().await?, Time::now()).await
}

fn histogram(latencies: &[Latency]) -> String {
    let name = "roomm8_operation_duration_seconds";
    let mut text = format!("# TYPE {name} histogram\n");
    for Latency { kind, buckets, sum } in latencies {
        for (bound, count) in buckets {
            let _ = writeln!(text, "{name}_bucket{{kind=\"{kind}\",le=\"{bound}\"}} {count}");
        }
        let count = buckets.last().map_or(0, |(_, count)| *count);
        let _ = writeln!(text, "{name}_sum{{kind=\"{kind}\"}} {}", sum.as_secs_f64());
        let _ = writeln!(text, "{name}_count{{kind=\"{kind}\"}} {count}");
    }
    text
}

fn write(text: &mut String, name: &str, is_gauge: bool, labels: &str, value: u64) {
    let kind = if is_gauge { "gauge" } else { "counter" };
    let head = format!("# TYPE roomm8_{name} {kind}\n");
    if !text.contains(&head) {
        text.push_str(&head);
    }
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "roomm8_{name}{labels} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_schema_is_not_sent_it_again() {
        let whole = sdl(&HeaderMap::new());
        assert_eq!(whole.status(), StatusCode::OK);
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, whole.headers()[header::ETAG].clone());
        let again = sdl(&headers);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[header::ETAG], whole.headers()[header::ETAG]);
    }
}
