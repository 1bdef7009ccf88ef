//! The checker is itself tested against a real server: planted mutants must be caught, and the good server not.

use std::time::Duration;

use roomm8_tests::{
    Deployment, Home,
    delivery::Violation,
    mutant::{Fault, Mutant},
    on_both,
    workload::{Report, Workload},
};

on_both!(
    a_good_server_passes_through_the_same_relay,
    a_server_that_repeats_events_is_caught,
    a_server_that_ignores_after_is_caught,
    a_server_that_ignores_ids_is_caught,
);

async fn run(deployment: Deployment, fault: Fault) -> Report {
    let system = deployment.system().await;
    let home = Home::new(&system, 3).await;
    let mut mutants = Vec::new();
    for address in system.addresses() {
        mutants.push(Mutant::start(&address, fault).await);
    }
    let spoiled: Vec<String> = mutants.iter().map(Mutant::address).collect();
    let (send_at, listen_at) =
        if fault == Fault::IgnoresIds { (Some(spoiled), None) } else { (None, Some(spoiled)) };
    let workload = Workload {
        senders: 3,
        subscribers: 4,
        messages_each: Some(25),
        pause: Duration::from_millis(10),
        restlessness: 0.2,
        send_at,
        listen_at,
        ..Workload::default()
    };
    workload.start(&home, &system.addresses()).await.finish_all_sent(Duration::from_secs(10)).await
}

async fn a_good_server_passes_through_the_same_relay(deployment: Deployment) {
    run(deployment, Fault::None).await.assert_kept();
}

async fn a_server_that_repeats_events_is_caught(deployment: Deployment) {
    let found = run(deployment, Fault::RepeatsEvents).await.violations();
    assert!(found.iter().any(|violation| matches!(violation, Violation::Repeated { .. })), "{found:?}");
}

async fn a_server_that_ignores_after_is_caught(deployment: Deployment) {
    let found = run(deployment, Fault::IgnoresAfter).await.violations();
    assert!(found.iter().any(|violation| matches!(violation, Violation::Missed { .. })), "{found:?}");
}

async fn a_server_that_ignores_ids_is_caught(deployment: Deployment) {
    let found = run(deployment, Fault::IgnoresIds).await.violations();
    assert!(found.iter().any(|violation| matches!(violation, Violation::Doubled { .. })), "{found:?}");
}
