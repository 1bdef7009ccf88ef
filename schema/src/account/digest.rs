//! The evening's mail about what is due tomorrow, or in a week.

use super::{Viewer, current_viewer, settled};
use crate::error::{Nullable, Result, nullable};
use crate::payload::UserError;
use crate::scalar::LocalTime;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use roomm8_db::digest::{self, Wish};
use roomm8_db::{Error as DbError, RefusalCode, UserId, WallTime};

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "roomm8_db::Weekday")]
pub(crate) enum Weekday {
    /// The first day of the week, as ISO 8601 counts them.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The seventh.
    Sunday,
}

/// When you are told, in one mail, what is due tomorrow in all your households, or in the week after your `weekday`: open
/// occurrences that are yours, or that you can claim. No mail comes if there are none, and nothing is told of a household you
/// are away from today, nor of what is due on days on which you are away. It comes once for a local date, also if you change
/// this meanwhile.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TaskDigest {
    /// The local time it comes at, also when clocks change. What cannot be sent within 6 hours is left out.
    at: LocalTime,
    /// The IANA time zone of that, and of what is tomorrow.
    time_zone: String,
    /// The local day of the week it comes on, about the seven days after it, the same day of the next week being the last;
    /// null if it comes every day, about tomorrow.
    weekday: Option<Weekday>,
}

/// The viewer's digest.
pub(super) async fn of_viewer(ctx: &Context<'_>, user: UserId) -> Result<Option<TaskDigest>> {
    let found = digest::of_user(&mut *ctx.scope()?.connection().await?, user).await?;
    Ok(found.map(|digest| TaskDigest {
        at: LocalTime(digest.at.naive()),
        time_zone: digest.time_zone,
        weekday: digest.weekday.map(Into::into),
    }))
}

/// When you wish to be told what is due.
#[derive(InputObject)]
pub(crate) struct SetTaskDigestInput {
    /// The local time; leave it out, or give null, to be told no longer.
    at: Option<LocalTime>,
    /// The IANA time zone of that; needed with `at`.
    time_zone: Option<String>,
    /// The local day of the week, to be told once a week what is due in the seven days after it; leave it out, or give null, to
    /// be told every day what is due tomorrow.
    weekday: Option<Weekday>,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days changes nothing more.
    client_mutation_id: Option<String>,
}

/// What came of `setTaskDigest`.
#[derive(SimpleObject)]
pub(crate) struct SetTaskDigestPayload {
    /// You as you are now; null with `userErrors`.
    viewer: Option<Viewer>,
    /// Why nothing changed, as far as you can mend it; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

impl SetTaskDigestInput {
    fn wish(&self) -> roomm8_db::Result<Option<Wish>> {
        let Some(LocalTime(at)) = self.at else { return Ok(None) };
        let at = WallTime::new(at)?;
        let message = "is needed with a time: say by which clocks, for example Europe/Berlin";
        let missing = || DbError::refused(RefusalCode::Invalid, "timeZone", message);
        let time_zone = self.time_zone.clone().ok_or_else(missing)?;
        Ok(Some(Wish { at, weekday: self.weekday.map(Into::into), time_zone }))
    }
}

#[derive(Default)]
pub(crate) struct DigestMutation;

#[Object]
impl DigestMutation {
    /// Says when you are told, by mail, what is due in all your households, tomorrow or in a week; or that you are not.
    async fn set_task_digest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "When to tell you, if at all.")] input: SetTaskDigestInput,
    ) -> Nullable<SetTaskDigestPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            scope.release_connection().await;
            let id = input.client_mutation_id.as_deref();
            let set = match input.wish() {
                Ok(wish) => digest::set(scope.database(), user, wish.as_ref(), id).await,
                Err(error) => Err(error),
            };
            let (viewer, error) = match settled(set)? {
                Ok(_) => (Some(current_viewer(ctx).await?), None),
                Err(error) => (None, Some(error)),
            };
            Ok(SetTaskDigestPayload {
                viewer,
                user_errors: error.into_iter().collect(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Person, System};
    use serde_json::{Value, json};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_digest_is_set_and_turned_off() {
        let system = System::new().await;
        let ada = Person::new(&system, "Ada").await;
        let selection = "viewer { taskDigest { at timeZone } } userErrors { code field }";
        let set = async |input: Value| ada.does("setTaskDigest", input, selection).await;
        let input = json!({ "at": "20:00", "timeZone": "Europe/Berlin", "clientMutationId": "one" });
        let evening = json!({ "viewer": { "taskDigest": { "at": "20:00", "timeZone": "Europe/Berlin" } }, "userErrors": [] });
        assert_eq!(set(input.clone()).await, evening);
        let wrong = json!({ "viewer": null, "userErrors": [{ "code": "INVALID", "field": ["timeZone"] }] });
        assert_eq!(set(json!({ "at": "20:00" })).await, wrong);
        assert_eq!(set(json!({ "at": "20:00", "timeZone": "Berlin" })).await, wrong);
        let off = json!({ "viewer": { "taskDigest": null }, "userErrors": [] });
        assert_eq!(set(json!({})).await, off);
        // A repeat of what was done before changes nothing.
        assert_eq!(set(input).await, off);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_digest_comes_once_a_week_or_every_day() {
        let system = System::new().await;
        let ada = Person::new(&system, "Ada").await;
        let selection = "viewer { taskDigest { at weekday } } userErrors { code field }";
        let set = async |weekday: Value| {
            let input = json!({ "at": "20:00", "timeZone": "Europe/Berlin", "weekday": weekday });
            ada.does("setTaskDigest", input, selection).await
        };
        for weekday in [json!("SUNDAY"), json!("MONDAY"), Value::Null] {
            let digest = json!({ "at": "20:00", "weekday": weekday });
            let expected = json!({ "viewer": { "taskDigest": digest }, "userErrors": [] });
            assert_eq!(set(weekday).await, expected);
        }
    }
}
