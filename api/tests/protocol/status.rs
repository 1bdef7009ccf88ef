//! The statuses of the draft, one row of its list after the other. Those of the audits are with the other tests.

use roomm8_api::protocol::listener::Listen;
use roomm8_api::protocol::{Settings, StatusProfile};
use serde_json::json;

use crate::server::{Reply, Server};

const RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

fn drafted() -> Server {
    let settings = Settings { status_profile: StatusProfile::Draft, batch: 2, ..Settings::default() };
    Server::with(settings, Listen::default())
}

async fn post(server: &Server, accept: &str, body: &str) -> Reply {
    server.send("POST", "/graphql", &[("content-type", JSON), ("accept", accept)], body).await
}

/// Asks in both media types. Without data, both have the same status, and the type that says whose answer it is.
async fn refused(server: &Server, body: &str) -> (u16, String) {
    let reply = post(server, RESPONSE, body).await;
    for accept in [RESPONSE, JSON, "*/*"] {
        let other = post(server, accept, body).await;
        assert_eq!((other.status, other.code()), (reply.status, reply.code()), "{accept} {body}");
        assert_eq!(other.header("content-type"), Some("application/graphql-response+json; charset=utf-8"));
        assert!(!other.body.contains("\"data\""), "{}", other.body);
    }
    (reply.status, reply.code())
}

#[tokio::test]
async fn what_cannot_be_parsed_is_a_bad_request() {
    let server = drafted();
    for body in ["NONSENSE", r#"{"query":"#, ""] {
        assert_eq!(refused(&server, body).await, (400, "BAD_REQUEST".into()), "{body}");
    }
    assert_eq!(refused(&server, r#"{"query":"{"}"#).await, (400, "GRAPHQL_PARSE_FAILED".into()));
}

#[tokio::test]
async fn what_is_not_well_formed_cannot_be_processed() {
    let server = drafted();
    for body in [
        r#"{"qeury":"{ hello }"}"#,
        r#"{"query":7}"#,
        r#"{"query":"{ hello }","variables":[7]}"#,
        r#"{"query":"{ hello }","operationName":7}"#,
        r#"{"query":"{ hello }","extensions":"x"}"#,
        r#""{ hello }""#,
    ] {
        assert_eq!(refused(&server, body).await, (422, "BAD_REQUEST".into()), "{body}");
    }
    for target in ["/graphql", "/graphql?query=%7Bhello%7D&variables=%5B7%5D"] {
        assert_eq!(server.send("GET", target, &[("accept", RESPONSE)], "").await.status, 422, "{target}");
    }
}

#[tokio::test]
async fn what_cannot_be_run_cannot_be_processed() {
    let server = drafted();
    let deep = format!("{}hello{}", "{ me ".repeat(12) + "{ ", " }".repeat(13));
    for (body, code) in [
        (json!({ "query": "{ nothing }" }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "query": "query A { hello } query A { hello }" }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "query": "query A { hello } query B { hello }" }), "OPERATION_RESOLUTION_FAILURE"),
        (json!({ "query": "query A { hello }", "operationName": "B" }), "OPERATION_RESOLUTION_FAILURE"),
        (json!({ "query": "query($t: String!) { echo(text: $t) }" }), "BAD_USER_INPUT"),
        (
            json!({ "query": "query($t: String!) { echo(text: $t) }", "variables": { "t": 7 } }),
            "BAD_USER_INPUT",
        ),
        // Limits are rules of validation too.
        (json!({ "query": deep }), "LIMIT_EXCEEDED"),
    ] {
        assert_eq!(refused(&server, &body.to_string()).await, (422, code.into()), "{body}");
    }
}

#[tokio::test]
async fn data_with_errors_is_a_partial_success() {
    let server = drafted();
    let asked =
        async |accept, query: &str| post(&server, accept, &json!({ "query": query }).to_string()).await;
    for query in ["{ hello leaks }", "{ fails }", "{ hello traps { maybe } }"] {
        let reply = asked(RESPONSE, query).await;
        assert_eq!((reply.status, reply.json().get("data").is_some()), (294, true), "{}", reply.body);
        assert_eq!(reply.header("content-type"), Some("application/graphql-response+json; charset=utf-8"));
        let legacy = asked(JSON, query).await;
        assert_eq!((legacy.status, legacy.json().get("data").is_some()), (200, true), "{}", legacy.body);
        assert_eq!(legacy.header("content-type"), Some("application/json; charset=utf-8"));
    }
    for (accept, content_type) in [(RESPONSE, RESPONSE), (JSON, JSON), ("*/*", JSON)] {
        let reply = asked(accept, "{ hello }").await;
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"data":{"hello":"world"}}"#));
        assert_eq!(reply.header("content-type"), Some(format!("{content_type}; charset=utf-8").as_str()));
    }
}

#[tokio::test]
async fn the_request_itself_is_judged_as_ever() {
    let server = drafted();
    let mutation = server.send("GET", "/graphql?query=mutation%7Btouch%7D", &[("accept", JSON)], "").await;
    assert_eq!((mutation.status, mutation.header("allow")), (405, Some("post")));
    let put = server.send("PUT", "/graphql", &[], "").await;
    assert_eq!((put.status, put.header("allow").is_some()), (405, true));
    let form = server.send("POST", "/graphql", &[("content-type", "text/plain")], "{}").await;
    assert_eq!(form.status, 415);
    assert_eq!(post(&server, "image/png", r#"{"query":"{ hello }"}"#).await.status, 406);
    assert_eq!(refused(&server, &json!({ "query": "x".repeat(70_000) }).to_string()).await.0, 413);
    let target = format!("/graphql?query=%7Bhello%7D&x={}", "x".repeat(17_000));
    assert_eq!(server.send("GET", &target, &[], "").await.status, 414);
    let token = [("content-type", JSON), ("authorization", "Bearer definitely.not.valid")];
    assert_eq!(server.send("POST", "/graphql", &token, r#"{"query":"{ hello }"}"#).await.status, 401);
}

#[tokio::test]
async fn streams_and_batches_which_the_draft_does_not_have_stay_as_they_are() {
    let server = drafted();
    let stream = post(&server, "text/event-stream", r#"{"query":"{ nothing }"}"#).await;
    assert_eq!((stream.status, stream.body.contains("GRAPHQL_VALIDATION_FAILED")), (200, true));
    let batch = post(&server, RESPONSE, r#"[{"query":"{ nothing }"},{"query":"{ hello }"}]"#).await;
    assert_eq!(batch.status, 200);
}
