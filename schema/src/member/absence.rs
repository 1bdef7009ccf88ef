//! When members are away.

use super::Member;
use crate::error::{Nullable, nullable};
use crate::id::GlobalId;
use crate::payload::perform;
use crate::scalar::LocalDate;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use roomm8_db::Date;
use roomm8_db::member::{self, EndAway, SetAway};

/// What becomes of the open occurrences that somebody who goes away was to do in that time, and of what they have left
/// overdue when it begins. What is opened meanwhile is given to others, except of a chore that `EVERYONE` does for
/// themselves: there it waits for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "member::OpenChores")]
pub(crate) enum OpenChores {
    /// Others do them, by each chore's strategy; those they have of their own, as of a chore that `EVERYONE` does for
    /// themselves, are postponed.
    PassOn,
    /// They stay theirs, and due when they are.
    Keep,
    /// They are due on the day after the return, at the same time of the day.
    Postpone,
}

/// Days in a row on which a member is away: they get no turns then.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub(crate) struct Absence {
    /// The first day, by the household's calendar.
    from: LocalDate,
    /// The last day; they are back on the next.
    until: LocalDate,
    /// What became of their open chores when it was last set.
    open_chores: OpenChores,
}

impl From<member::Absence> for Absence {
    fn from(row: member::Absence) -> Self {
        Self {
            from: LocalDate(row.first_on.naive()),
            until: LocalDate(row.last_on.naive()),
            open_chores: row.open_chores.into(),
        }
    }
}

/// Days on which a member is away.
#[derive(Debug, InputObject)]
pub(crate) struct SetAwayInput {
    /// The household.
    household_id: ID,
    /// Who is away: you, unless said otherwise. For others you need `MANAGE_MEMBERS`.
    member_id: Option<ID>,
    /// The first day, by the household's calendar: today or later.
    from: LocalDate,
    /// The last day: not before `from`, and at most three years ahead.
    until: LocalDate,
    /// What becomes of what they were to do in that time.
    open_chores: OpenChores,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// A day on which a member is back.
#[derive(Debug, InputObject)]
pub(crate) struct EndAwayInput {
    /// The household.
    household_id: ID,
    /// Who is back: you, unless said otherwise. For others you need `MANAGE_MEMBERS`.
    member_id: Option<ID>,
    /// The day on which they are back, by the household's calendar: today or later, and a day of an absence. That
    /// absence ends the day before; one that would begin on this day is gone.
    on: LocalDate,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `setAway`.
    SetAwayPayload {
        /// The member, with their absences as they are now.
        member: Member
    }
}

payload! {
    /// What came of `endAway`.
    EndAwayPayload {
        /// The member, with their absences as they are now.
        member: Member
    }
}

#[derive(Default)]
pub(crate) struct AbsenceMutation;

#[Object]
impl AbsenceMutation {
    /// Says that you, or somebody else, are away on some days: no turns are given to you then, by any strategy. Absences
    /// that overlap become one; at most 100 that are not over are kept, `LIMIT` beyond that. Everybody may for themselves;
    /// for others it needs `MANAGE_MEMBERS`.
    async fn set_away(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, when, and what becomes of their chores.")] input: SetAwayInput,
    ) -> Nullable<SetAwayPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = SetAway {
                member: input.member_id.as_ref().map(GlobalId::named_member),
                first_on: Date::from(input.from.0),
                last_on: Date::from(input.until.0),
                open_chores: input.open_chores.into(),
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(SetAwayPayload::new(outcome.map(Member::from), input.client_mutation_id))
        })
        .await
    }

    /// Says that you, or somebody else, are back earlier than was said, or not away after all. What the absence passed on
    /// and is open is assigned again, so that you have your turns back; what it postponed is due when it was, or on the
    /// day you are back if that is past. Everybody may for themselves; for others it needs `MANAGE_MEMBERS`.
    async fn end_away(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and when.")] input: EndAwayInput,
    ) -> Nullable<EndAwayPayload> {
        nullable(async {
            let household = GlobalId::household(&input.household_id)?;
            let operation = EndAway {
                member: input.member_id.as_ref().map(GlobalId::named_member),
                on: Date::from(input.on.0),
            };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(EndAwayPayload::new(outcome.map(Member::from), input.client_mutation_id))
        })
        .await
    }
}
