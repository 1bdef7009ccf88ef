//! A private Redis server, for scenarios that kill, freeze, flood or starve it.

use std::{path::PathBuf, process::Command, sync::Mutex, time::Duration};

use redis::{FromRedisValue, RedisError, RedisResult, aio::MultiplexedConnection};

use crate::{
    process::{self, Process},
    wait,
};

/// A Redis server on a port of its own that it keeps over restarts.
pub struct Redis {
    folder: PathBuf,
    port: u16,
    process: Mutex<Option<Process>>,
}

impl Redis {
    /// Starts a new, empty server and waits until it answers.
    pub async fn start() -> Self {
        let server =
            Self { folder: process::folder("redis"), port: process::free_port(), process: Mutex::new(None) };
        server.restart().await;
        server
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// `host:port`, for a proxy in front of it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.process.lock().unwrap().take().expect("it runs").kill();
    }

    /// Starts it again, empty, on the same port, and waits until it answers.
    pub async fn restart(&self) {
        let mut command = Command::new("redis-server");
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(&self.folder);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--databases", "64"]);
        *self.process.lock().unwrap() = Some(Process::start(&mut command, &self.folder.join("log")));
        let what = "Redis answered";
        wait::until(Duration::from_secs(20), what, async || self.ask::<String>(&["PING"]).await.ok()).await;
    }

    /// Freezes it: connections stay open and say nothing.
    pub fn pause(&self) {
        self.process.lock().unwrap().as_ref().expect("it runs").signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.lock().unwrap().as_ref().expect("it runs").signal("CONT");
    }

    /// Runs one command on a connection of its own.
    pub async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut conn = connect(&self.url()).await?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut conn).await
    }
}

/// A connection to the server behind `url`, with a short deadline.
pub async fn connect(url: &str) -> RedisResult<MultiplexedConnection> {
    let client = redis::Client::open(url)?;
    tokio::time::timeout(Duration::from_secs(3), client.get_multiplexed_async_connection())
        .await
        .unwrap_or_else(|_| Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn it_comes_back_empty_on_the_same_port() {
        let server = Redis::start().await;
        let url = server.url();
        server.ask::<()>(&["SET", "word", "gone"]).await.unwrap();
        server.kill();
        assert!(connect(&url).await.is_err());
        server.restart().await;
        assert_eq!(server.url(), url);
        assert_eq!(server.ask::<Option<String>>(&["GET", "word"]).await.unwrap(), None);
    }
}
