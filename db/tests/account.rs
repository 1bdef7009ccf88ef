//! Accounts and sessions, on every database at hand.

#[cfg(test)]
mod support;

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_database_opens() {
    for db in support::databases().await {
        db.connection().await.expect("it has a connection");
    }
}
