//! Takes up secrets that were changed, while everything runs.

use super::{Keys, Setting};
use crate::protocol::Shutdown;
use anyhow::Context as _;
use roomm8_db::{Database, Replica};
use roomm8_subscriptions::RedisServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{info, warn};

/// The shortest time between two looks, however often somebody is refused.
const PAUSE: Duration = Duration::from_millis(500);
/// The same after one that came to nothing: a server may lock out whoever comes with a wrong password too often.
const LONGER_PAUSE: Duration = Duration::from_secs(2);

/// A setting, and its value when it was last taken up.
pub(crate) struct Followed {
    name: &'static str,
    setting: Setting,
    value: String,
    /// Told when the value is refused; `None` if the setting names no secret, and so cannot become another.
    stale: Option<Arc<Notify>>,
}

/// Who uses a setting and can take up another value of it.
pub(crate) enum Holder {
    Database(Database),
    Replica(Replica),
    Redis(RedisServer),
    Keys(Keys),
}

impl Holder {
    async fn take_up(&self, value: &str) -> anyhow::Result<()> {
        match self {
            Self::Database(database) => database.move_to(value).await,
            Self::Replica(replica) => replica.move_to(value).await,
            Self::Redis(server) => server.move_to(value).await,
            Self::Keys(keys) => keys.become_these(value),
        }
    }
}

impl Followed {
    /// Reads the setting of this name.
    pub(crate) async fn read(name: &'static str, setting: &Setting) -> anyhow::Result<Self> {
        let value = setting.read().await.context(name)?;
        let stale = setting.names_secrets().then(Arc::default);
        Ok(Self { name, setting: setting.clone(), value, stale })
    }

    /// Its value.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// Whom its holder is to tell when the value is refused.
    pub(crate) fn stale(&self) -> Option<Arc<Notify>> {
        self.stale.clone()
    }

    /// From now on, looks for another value about every `pace`, not on all instances at once, and whenever the value is
    /// refused, and has the holder take it up. What cannot be read or used is left as it was.
    pub(crate) fn follow(mut self, holder: Holder, pace: Duration, shutdown: Shutdown) {
        let Some(stale) = self.stale.clone() else { return };
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sleep(pace.mul_f64(rand::random_range(0.8..1.0))) => {}
                    () = stale.notified() => {}
                    _ = shutdown.begun() => return,
                }
                match self.look(&holder).await {
                    Ok(()) => sleep(PAUSE).await,
                    Err(error) => {
                        warn!("{} stays as it was: {error:#}", self.name);
                        sleep(LONGER_PAUSE).await;
                    }
                }
            }
        });
    }

    async fn look(&mut self, holder: &Holder) -> anyhow::Result<()> {
        let value = self.setting.read().await?;
        if value != self.value {
            holder.take_up(&value).await?;
            self.value = value;
            info!("{} is taken up anew", self.name);
        }
        Ok(())
    }
}
