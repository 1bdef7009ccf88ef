//! The server: it translates protocols and owns the life of the process. [`protocol`] knows GraphQL's transports and
//! nothing of households; [`service`] joins it to the schema; [`server`] starts and stops everything.

mod aws;
mod clock;
pub mod config;
pub mod demo;
pub mod graphiql;
pub mod notify;
pub mod operations;
pub mod protocol;
pub mod secrets;
pub mod server;
pub mod service;
mod shared;
mod unsubscribe;
