//! What people are told of what they can do without: by which way, of which household, and when.

use super::{Viewer, current_viewer, settled};
use crate::error::{Nullable, Result, nullable};
use crate::household::Household;
use crate::id::GlobalId;
use crate::payload::UserError;
use crate::scalar::LocalTime;
use crate::scope::ScopeExt as _;
use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use roomm8_db::household::Archived;
use roomm8_db::notification::preference::{self, Channel, Choice, QuietHours as Hours, Topic};
use roomm8_db::{Error as DbError, RefusalCode, UserId, WallTime};

/// A kind of notification that you can do without. What you ask for yourself, such as a new password, and what warns you,
/// such as a new device, is none: it always comes. For the evening's mail about tomorrow there is `setTaskDigest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Topic")]
pub(crate) enum NotificationKind {
    /// Somebody mentioned you in a message.
    Mention,
    /// Something was announced to everybody.
    Announcement,
    /// A chore that you are to do is due, or soon, or was.
    TaskReminder,
    /// Somebody asks you to do a chore.
    TaskNudge,
    /// Somebody put something on a shopping list. Nobody is mailed of that: it is passed over in `mailed`.
    GroceriesAdded,
}

/// What you are told of what you can do without, by which way, and when not.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct NotificationPreferences {
    /// The kinds that you are mailed: all of them, unless you chose, or followed the link in a mail, to get less.
    mailed: Vec<NotificationKind>,
    /// The kinds that come into your inbox: all of them, unless you chose to get less.
    in_app: Vec<NotificationKind>,
    /// The kinds that your browsers are pushed, those that you named with `addWebPush`: all of them, unless you chose to get
    /// less.
    web_push: Vec<NotificationKind>,
    /// The kinds that your webhooks are told, those that you named with `addWebhook`: all of them, unless you chose to get less.
    webhook: Vec<NotificationKind>,
    /// The households of which you chose something else, the oldest first. For all others the lists above hold.
    households: Vec<HouseholdNotificationPreferences>,
    /// When nothing of this comes by mail, web push or webhook; null if it always may.
    quiet_hours: Option<QuietHours>,
}

/// What you are told of one household, where you chose that.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct HouseholdNotificationPreferences {
    /// Which household.
    household: Household,
    /// The kinds that you are mailed of it.
    mailed: Vec<NotificationKind>,
    /// The kinds of it that come into your inbox.
    in_app: Vec<NotificationKind>,
    /// The kinds of it that your browsers are pushed.
    web_push: Vec<NotificationKind>,
    /// The kinds of it that your webhooks are told.
    webhook: Vec<NotificationKind>,
}

/// When what can wait does not come by mail, web push or webhook; it comes afterwards, if there is still a reason.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct QuietHours {
    /// The local time from which on it waits.
    from: LocalTime,
    /// The local time at which it comes again; if it is earlier than `from`, on the next day.
    until: LocalTime,
    /// The IANA time zone of both.
    time_zone: String,
}

/// The viewer's preferences.
pub(super) async fn of_viewer(ctx: &Context<'_>, user: UserId) -> Result<NotificationPreferences> {
    let found = preference::of_user(&mut *ctx.scope()?.connection().await?, user).await?;
    let wanted = |household, channel| found.wanted(household, channel).into_iter().map(Into::into).collect();
    let chosen = found.households();
    let mut households = Vec::new();
    if !chosen.is_empty() {
        // Of one that they are no longer a member of nothing is told, and nothing is shown.
        for proof in ctx.scope()?.memberships(Archived::Included).await? {
            let id = proof.household_id();
            if chosen.contains(&id) {
                households.push(HouseholdNotificationPreferences {
                    household: proof.household().clone().into(),
                    mailed: wanted(Some(id), Channel::Mail),
                    in_app: wanted(Some(id), Channel::Inbox),
                    web_push: wanted(Some(id), Channel::WebPush),
                    webhook: wanted(Some(id), Channel::Webhook),
                });
            }
        }
    }
    Ok(NotificationPreferences {
        mailed: wanted(None, Channel::Mail),
        in_app: wanted(None, Channel::Inbox),
        web_push: wanted(None, Channel::WebPush),
        webhook: wanted(None, Channel::Webhook),
        households,
        quiet_hours: found.quiet.map(|Hours { from, until, time_zone }| QuietHours {
            from: LocalTime(from.naive()),
            until: LocalTime(until.naive()),
            time_zone,
        }),
    })
}

/// What you wish to be told of what you can do without. What you leave out stays as it is.
#[derive(InputObject)]
pub(crate) struct SetNotificationPreferencesInput {
    /// The household that it is about; leave it out for all of which you chose nothing of their own.
    household_id: Option<ID>,
    /// To be mailed these kinds and no others; null for all, or, with a `householdId`, as of your other households again.
    mailed: MaybeUndefined<Vec<NotificationKind>>,
    /// To find these kinds and no others in your inbox; null for all, or, with a `householdId`, as of your other households
    /// again.
    in_app: MaybeUndefined<Vec<NotificationKind>>,
    /// To have your browsers pushed these kinds and no others; null as above.
    web_push: MaybeUndefined<Vec<NotificationKind>>,
    /// To have your webhooks told these kinds and no others; null as above.
    webhook: MaybeUndefined<Vec<NotificationKind>>,
    /// Given back in the payload. It needs no remembering: to say it twice is the same as once.
    client_mutation_id: Option<String>,
}

impl SetNotificationPreferencesInput {
    fn choices(&self) -> Vec<(Channel, Choice)> {
        let asked = [
            (Channel::Mail, &self.mailed),
            (Channel::Inbox, &self.in_app),
            (Channel::WebPush, &self.web_push),
            (Channel::Webhook, &self.webhook),
        ];
        let chosen = asked.into_iter().filter_map(|(channel, kinds)| match kinds {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some((channel, Choice::AsElsewhere)),
            MaybeUndefined::Value(kinds) => {
                Some((channel, Choice::Only(kinds.iter().copied().map(Into::into).collect())))
            }
        });
        chosen.collect()
    }
}

/// What came of `setNotificationPreferences`.
#[derive(SimpleObject)]
pub(crate) struct SetNotificationPreferencesPayload {
    /// You as you are now.
    viewer: Viewer,
    /// Always empty.
    user_errors: Vec<UserError>,
    /// The `clientMutationId` of the input.
    client_mutation_id: Option<String>,
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

/// When what can wait is not to come by mail, web push or webhook. Leave all three out, or give null, for never.
#[derive(InputObject)]
pub(crate) struct SetQuietHoursInput {
    /// The local time from which on it waits.
    from: Option<LocalTime>,
    /// The local time at which it comes again; if it is earlier than `from`, on the next day.
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
    /// Says what you are told of what you can do without: by mail, in your inbox, by web push or by
    /// webhook, of one household or of all the others.
    /// `NOT_FOUND` for a household that you are no member of.
    async fn set_notification_preferences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to tell you.")] input: SetNotificationPreferencesInput,
    ) -> Nullable<SetNotificationPreferencesPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            let household = match &input.household_id {
                Some(id) => Some(scope.member(GlobalId::household(id)?).await?.household_id()),
                None => None,
            };
            scope.release_connection().await;
            preference::choose(scope.database(), user, household, &input.choices()).await?;
            Ok(SetNotificationPreferencesPayload {
                viewer: current_viewer(ctx).await?,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Says which notifications you are mailed, of those that you can do without, of all households of which you chose
    /// nothing of their own.
    #[graphql(
        deprecation = "Use `setNotificationPreferences`, which also knows households and the inbox. It goes on 2027-06-01."
    )]
    async fn set_mailed_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to mail you.")] input: SetMailedNotificationsInput,
    ) -> Nullable<SetMailedNotificationsPayload> {
        nullable(async {
            let scope = ctx.scope()?;
            let user = scope.viewer()?.user_id;
            scope.release_connection().await;
            let mailed = Choice::Only(input.mailed.into_iter().map(Topic::from).collect());
            preference::choose(scope.database(), user, None, &[(Channel::Mail, mailed)]).await?;
            Ok(SetMailedNotificationsPayload {
                viewer: current_viewer(ctx).await?,
                user_errors: Vec::new(),
                client_mutation_id: input.client_mutation_id,
            })
        })
        .await
    }

    /// Says when you are not told, by mail, web push or webhook, what can wait, such as mentions at night; or that you always
    /// may be.
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
        let all = json!(["MENTION", "ANNOUNCEMENT", "TASK_REMINDER", "TASK_NUDGE"]);
        assert_eq!(set(all.clone()).await["mailed"], all);
        assert_eq!(set(json!(["TASK_NUDGE", "GROCERIES_ADDED"])).await["mailed"], json!(["TASK_NUDGE"]));
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
