//! The harness of the end-to-end suite: it runs RoomM8 as people run it and speaks to it over HTTP and WebSocket only.
//!
//! Read in this order: [`deployment`] (what runs), [`people`] (who uses it), [`client`] and [`socket`] (how they
//! speak), [`workload`] and [`delivery`] (chat under load, and what must hold of it), [`proxy`] and [`mutant`] (what
//! goes wrong on purpose), [`walk`] (every field of the schema, called as somebody who may not).

// A harness says what went wrong by panicking: the panic is the test's failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod aws;
pub mod client;
pub mod delivery;
pub mod deployment;
pub mod emulator;
pub mod mail;
pub mod mariadb;
pub mod mutant;
pub mod mysql;
pub mod people;
pub mod process;
pub mod proxy;
pub mod reaper;
pub mod receiver;
pub mod redis;
pub mod server;
pub mod socket;
pub mod wait;
pub mod walk;
pub mod workload;

pub use client::{Answer, Client};
pub use deployment::{Deployment, System};
pub use people::{Home, Person};
pub use socket::{Heard, Socket};

/// How much larger than its everyday size a fault scenario runs: `ROOMM8_TEST_SCALE`, 1 when unset.
pub fn scale() -> usize {
    std::env::var("ROOMM8_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

/// Makes two tests of each scenario: one process on SQLite, and two processes on MySQL and Redis.
#[macro_export]
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use $crate::Deployment;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn one_process_on_sqlite() {
                Box::pin(super::$scenario(Deployment::OneProcess)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn two_processes_on_mysql() {
                Box::pin(super::$scenario(Deployment::TwoProcesses)).await;
            }
        }
    )+};
}

/// Makes the one test of a scenario that only several processes can have.
#[macro_export]
macro_rules! on_mysql {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn two_processes_on_mysql() {
                Box::pin(super::$scenario($crate::Deployment::TwoProcesses)).await;
            }
        }
    )+};
}
