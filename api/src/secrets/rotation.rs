//! Takes up secrets that were changed, while everything runs.

use super::{Keys, Setting};
use crate::protocol::Shutdown;
use roomm8_db::Database;
use roomm8_subscriptions::RedisServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{info, warn};

/// The shortest time between two looks, however often somebody is refused.
const PAUSE: Duration = Duration::from_millis(500);

/// The settings that name secrets, and who uses them.
#[derive(Default)]
pub(crate) struct Rotation {
    stale: Arc<Notify>,
    followed: Vec<Followed>,
}

struct Followed {
    name: &'static str,
    setting: Setting,
    /// Its value when it was last taken up.
    value: String,
    holder: Holder,
}

/// Who uses a setting and can take up another value of it.
pub(crate) enum Holder {
    Database(Database),
    Redis(RedisServer),
    Keys(Keys),
}

impl Holder {
    async fn take_up(&self, value: &str) -> anyhow::Result<()> {
        match self {
            Self::Database(database) => database.move_to(value).await,
            Self::Redis(server) => server.move_to(value).await,
            Self::Keys(keys) => keys.become_these(value),
        }
    }
}

impl Rotation {
    /// To be told when the value of this setting is refused; `None` if it cannot become another.
    pub(crate) fn stale(&self, setting: &Setting) -> Option<Arc<Notify>> {
        setting.names_secrets().then(|| Arc::clone(&self.stale))
    }

    /// From now on the holder is told what else the setting becomes.
    pub(crate) fn follow(&mut self, name: &'static str, setting: &Setting, value: String, holder: Holder) {
        if setting.names_secrets() {
            self.followed.push(Followed { name, setting: setting.clone(), value, holder });
        }
    }

    /// Looks for other values about every `pace`, not on all instances at once, and when somebody was refused. What cannot
    /// be read or used is left as it was.
    pub(crate) async fn keep_fresh(mut self, pace: Duration, shutdown: Shutdown) {
        while !self.followed.is_empty() {
            tokio::select! {
                () = sleep(pace.mul_f64(rand::random_range(0.8..1.0))) => {}
                () = self.stale.notified() => {}
                _ = shutdown.begun() => return,
            }
            for setting in &mut self.followed {
                if let Err(error) = setting.look().await {
                    warn!("{} stays as it was: {error:#}", setting.name);
                }
            }
            sleep(PAUSE).await;
        }
    }
}

impl Followed {
    async fn look(&mut self) -> anyhow::Result<()> {
        let value = self.setting.read().await?;
        if value != self.value {
            self.holder.take_up(&value).await?;
            self.value = value;
            info!("{} is taken up anew", self.name);
        }
        Ok(())
    }
}
