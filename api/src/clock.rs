//! The clock: does what becomes due without anybody asking. One runs in every instance; what each does is decided under the
//! lock of a household, so that it is done once.

use crate::protocol::Shutdown;
use roomm8_db::grocery::staple;
use roomm8_db::member::absence;
use roomm8_db::{Database, task};
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;
use tracing::warn;

/// How often it is looked whether there is something to do.
const PACE: Duration = Duration::from_secs(30);
/// Households that are looked after at once; the others have their turn the next time.
const HOUSEHOLDS: u16 = 100;

/// Acts on missed chores and on absences that begin, and puts staples on their lists, until the process is about to stop.
pub(crate) async fn keep_time(database: Database, shutdown: Shutdown) {
    let mut stopping = pin!(shutdown.begun());
    loop {
        if let Err(error) = task::act_on_missed(&database, HOUSEHOLDS.into()).await {
            warn!(%error, "missed chores could not all be acted on: trying again");
        }
        if let Err(error) = staple::add_due(&database, HOUSEHOLDS.into()).await {
            warn!(%error, "staples could not all be put on their lists: trying again");
        }
        if let Err(error) = absence::begin_due(&database, HOUSEHOLDS.into()).await {
            warn!(%error, "absences could not all begin: trying again");
        }
        // Not all instances at the same time.
        tokio::select! {
            _ = &mut stopping => return,
            () = sleep(PACE.mul_f64(rand::random_range(0.8..1.2))) => {}
        }
    }
}
