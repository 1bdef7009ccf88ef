//! Asking somebody to do what they are to do.

use super::delivery::within_reach;
use super::schedule::recipients;
use crate::access::Permission;
use crate::member::Profile;
use crate::notification::inbox::{self, Cause, Letter, News};
use crate::notification::{self, Content, Plan};
use crate::task::Occurrence;
use crate::task::occurrence::open_with_task;
use crate::throttle::Limit;
use crate::{Change, Entry, Error, OccurrenceId, Operation, RefusalCode, Result, Subject as _};
use serde::Serialize;
use std::time::Duration;

/// How long after somebody was asked to do a chore nobody can ask again.
pub const NUDGE_EVERY: Duration = Duration::from_hours(1);

/// Tells at once who is to do an open occurrence, or all who share it if it is nobody's, but never the one who asks. Once
/// in [`NUDGE_EVERY`] for each chore; [`Error::Throttled`] beyond that. Refused, and not counted, if it would reach nobody: the
/// chore is paused, or they are away.
#[derive(Debug, Serialize)]
pub struct Nudge {
    /// Which.
    pub occurrence: OccurrenceId,
}

impl Operation for Nudge {
    type Outcome = Occurrence;
    const NAME: &'static str = "nudgeOccurrence";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Occurrence> {
        let actor = change.actor()?.id();
        let (occurrence, task) = open_with_task(change, self.occurrence).await?;
        let mut people = recipients(change.conn(), &task, &occurrence).await?;
        people.retain(|person| person.member != actor);
        if people.is_empty() {
            return Err(invalid("is for nobody but you to do"));
        }
        // Or the hour would be used up for nothing.
        let now = change.now();
        let members: Vec<_> = people.iter().map(|person| person.member).collect();
        let told = within_reach(change.conn(), occurrence.id, &members, now).await?;
        people.retain(|person| told.contains(&person.member));
        if people.is_empty() {
            return Err(invalid("reaches nobody now: the chore is paused, or they are away"));
        }
        change.take(&format!("nudge:{}", task.id), Limit { burst: 1, per: NUDGE_EVERY }).await?;
        let nudger_name = Profile::find(change.conn(), actor.into()).await?.display_name;
        let mut news = Vec::new();
        for person in people {
            let content = Content::TaskNudge {
                display_name: person.display_name,
                household_name: person.household_name,
                nudger_name: nudger_name.clone(),
                title: task.title.clone(),
                due_at: occurrence.due(),
                by_end_of: occurrence.by_end_of(),
                time_zone: task.time_zone.clone(),
                household_id: occurrence.household_id,
                occurrence_id: occurrence.id,
                member_id: person.member,
            };
            let cause = format!("nudge:{}:{}:{}", occurrence.id, person.member, now.micros());
            let plan = Plan {
                cause: &cause,
                recipient: &person.email,
                content: &content,
                at: now,
                subject: Some(occurrence.id.into()),
            };
            if notification::plan(change.conn(), plan, now).await? {
                let (household, subject) = (occurrence.household_id, occurrence.id.into());
                let told =
                    News::of_household(person.user, Cause::TaskNudge, household, person.member, subject);
                let letter = Some(Letter { cause, recipient: person.email, content });
                news.push(News { actor: Some(actor), letter, ..told });
            }
        }
        inbox::tell(change.conn(), news, now).await?;
        Ok(occurrence)
    }
}

fn invalid(message: &'static str) -> Error {
    Error::refused(RefusalCode::Invalid, "occurrenceId", message)
}
