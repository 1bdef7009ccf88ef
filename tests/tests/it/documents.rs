//! Automatic Persisted Queries, on whichever instance they are registered.

use std::time::Duration;

use roomm8_tests::{Deployment, on_both, wait};

on_both!(a_document_registered_with_one_instance_is_known_to_all);

/// `extensions` with the SHA-256 of `{__typename}`.
const BY_HASH: &str = "extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22\
    ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38%22%7D%7D";

async fn a_document_registered_with_one_instance_is_known_to_all(deployment: Deployment) {
    let system = deployment.own().start().await;
    let by_hash = format!("/graphql?{BY_HASH}");
    let with_text = format!("{by_hash}&query=%7B__typename%7D");
    let (_, missing) = system.b().anonymous().get(&by_hash).await.unwrap();
    assert!(missing.contains("PERSISTED_QUERY_NOT_FOUND"), "{missing}");
    let (_, answer) = system.a().anonymous().get(&with_text).await.unwrap();
    assert_eq!(answer, r#"{"data":{"__typename":"Query"}}"#);
    // It is taken to the others while the client has its answer already, and may get lost on the way.
    wait::until_so(Duration::from_secs(15), "the other instance knew the document", async || {
        system.a().anonymous().get(&with_text).await.unwrap();
        system.b().anonymous().get(&by_hash).await.unwrap().1 == answer
    })
    .await;
}
