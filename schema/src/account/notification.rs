//! What people are told outside of RoomM8, of what they can do without, and when.

use super::{Viewer, current_viewer, settled};
use crate::error::{Nullable, Result, nullable};
use crate::payload::UserError;
use crate::scalar::LocalTime;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use roomm8_db::notification::preference::{self, QuietHours as Hours, Topic};
use roomm8_db::{Error as DbError, RefusalCode, UserId, WallTime};

/// A kind of notification that you can do without. What you ask for yourself, such as a new password, and what warns you,
/// such as a new device, is none: it always comes. For the evening's mail about tomorrow there is `setTaskDigest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Topic")]
pub(crate) enum NotificationKind {
    /// Somebody mentioned you in a message.
    Mention,
    /// A chore that you are to do is due, or soon, or was.
    TaskReminder,
    /// Somebody asks you to do a chore.
    TaskNudge,
}

/// What you are told outside of RoomM8, of what you can do without, and when not.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct NotificationPreferences {
    /// The kinds that you are mailed: all of them, unless you chose, or followed the link in a mail, to get less.
    mailed: Vec<NotificationKind>,
    /// When none of these mails comes; null if they always may.
    quiet_hours: Option<QuietHours>,
}

/// When mails that can wait do not come; they come afterwards, if there is still a reason.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct QuietHours {
    /// The local time from which on they wait.
    from: LocalTime,
    /// The local time at which they come again; if it is earlier than `from`, on the next day.
    until: LocalTime,
    /// The IANA time zone of both.
    time_zone: String,
}

/// The viewer's preferences.
pub(super) async fn of_viewer(ctx: &Context<'_>, user: UserId) -> Result<NotificationPreferences> {
    let found = preference::of_user(&mut *ctx.scope()?.connection().await?, user).await?;
    let mailed = Topic::ALL.iter().filter(|topic| !found.refused.contains(topic));
    Ok(NotificationPreferences {
        mailed: mailed.copied().map(NotificationKind::from).collect(),
        quiet_hours: found.quiet.map(|Hours { from, until, time_zone }| QuietHours {
            from: LocalTime(from.naive()),
            until: LocalTime(until.naive()),
            time_zone,
        }),
    })
}

/// What you wish to be mailed.
#[derive(InputObject)]
pub(crate) struct SetMailedNotificationsInput {
    /// These kinds and no others.
    mailed: Vec<NotificationKind>,
    /// Given back in the payload. It needs no remembering: to say it twice is the same as once.
    client_mutation_id: Option<String>,
}

/// What came of `setMailedNotifications`.
#[derive(SimpleObject)]
pub(crate) struct SetMailedNotificationsPayload {
    /// You as you are now.
    viewer: Viewer,
    /// Always empty.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

/// When mails that can wait are not to come. Leave all three out, or give null, for never.
#[derive(InputObject)]
pub(crate) struct SetQuietHoursInput {
    /// The local time from which on they wait.
    from: Option<LocalTime>,
    /// The local time at which they come again; if it is earlier than `from`, on the next day.
    until: Option<LocalTime>,
    /// The IANA time zone of both, for example `Europe/Berlin`.
    time_zone: Option<String>,
    /// Given back in the payload. It needs no remembering: to say it twice is the same as once.
    client_mutation_id: Option<String>,
}

/// What came of `setQuietHours`.
#[derive(SimpleObject)]
pub(crate) struct SetQuietHoursPayload {
    /// You as you are now; null with `userErrors`.
    viewer: Option<Viewer>,
    /// Why nothing changed, as far as you can mend it; empty on success.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
}

impl SetQuietHoursInput {
    fn hours(&self) -> roomm8_db::Result<Option<Hours>> {
        let missing = |field| {
            let message = "is needed: give `from`, `until` and `timeZone`, or none of them";
            DbError::refused(RefusalCode::Invalid, field, message)
        };
        match (self.from, self.until, self.time_zone.clone()) {
            (None, None, None) => Ok(None),
            (None, ..) => Err(missing("from")),
            (_, None, _) => Err(missing("until")),
            (.., None) => Err(missing("timeZone")),
            (Some(LocalTime(from)), Some(LocalTime(until)), Some(time_zone)) => {
                Ok(Some(Hours { from: WallTime::new(from)?, until: WallTime::new(until)?, time_zone }))
            }
        }
    }
}

#[derive(Default)]
pub(crate) struct NotificationMutation;

#[Object]
impl NotificationMutation {
    /// Says which notifications you are mailed, of those that you can do without.
    async fn set_mailed_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to mail you.")] input: SetMailedNotificationsInput,
    ) -> Nullable<SetMailedNotificationsPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            scope.release_connection().await;
            let mailed: Vec<Topic> = input.mailed.into_iter().map(Topic::from).collect();
            let refused: Vec<_> =
                Topic::ALL.iter().filter(|topic| !mailed.contains(topic)).copied().collect();
            preference::refuse(scope.database(), user, &refused).await?;
            Ok(SetMailedNotificationsPayload {
                viewer: current_viewer(ctx).await?,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Says when you are not mailed what can wait, such as mentions at night; or that you always may be.
    async fn set_quiet_hours(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "When to leave you alone, if at all.")] input: SetQuietHoursInput,
    ) -> Nullable<SetQuietHoursPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            scope.release_connection().await;
            let set = match input.hours() {
                Ok(hours) => preference::set_quiet_hours(scope.database(), user, hours.as_ref()).await,
                Err(error) => Err(error),
            };
            let (viewer, error) = match settled(set)? {
                Ok(()) => (Some(current_viewer(ctx).await?), None),
                Err(error) => (None, Some(error)),
            };
            Ok(SetQuietHoursPayload {
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
    async fn what_is_mailed_is_chosen() {
        let system = System::new().await;
        let ada = Person::new(&system, "Ada").await;
        let selection =
            "viewer { notificationPreferences { mailed quietHours { from } } } userErrors { code }";
        let set = async |mailed: Value| {
            let input = json!({ "mailed": mailed });
            let mut answer = ada.does("setMailedNotifications", input, selection).await;
            answer["viewer"]["notificationPreferences"].take()
        };
        assert_eq!(set(json!(["TASK_NUDGE"])).await, json!({ "mailed": ["TASK_NUDGE"], "quietHours": null }));
        assert_eq!(set(json!([])).await["mailed"], json!([]));
        let all = json!(["MENTION", "TASK_REMINDER", "TASK_NUDGE"]);
        assert_eq!(set(all.clone()).await["mailed"], all);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn quiet_hours_are_set_and_ended() {
        let system = System::new().await;
        let ada = Person::new(&system, "Ada").await;
        let selection = "viewer { notificationPreferences { quietHours { from until timeZone } } }
            userErrors { code field }";
        let set = async |input: Value| ada.does("setQuietHours", input, selection).await;
        let night = json!({ "from": "22:00", "until": "07:00", "timeZone": "Europe/Berlin" });
        let now = |hours: Value| json!({ "viewer": { "notificationPreferences": { "quietHours": hours } }, "userErrors": [] });
        assert_eq!(set(night.clone()).await, now(night.clone()));
        for (field, wrong) in [
            ("until", json!({ "from": "22:00", "timeZone": "Europe/Berlin" })),
            ("until", json!({ "from": "22:00", "until": "22:00", "timeZone": "Europe/Berlin" })),
            ("timeZone", json!({ "from": "22:00", "until": "07:00", "timeZone": "Berlin" })),
        ] {
            let refused = json!({ "viewer": null, "userErrors": [{ "code": "INVALID", "field": [field] }] });
            assert_eq!(set(wrong).await, refused);
        }
        assert_eq!(set(json!({})).await, now(Value::Null));
    }
}
