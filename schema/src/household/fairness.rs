//! How fair the chores of a household were.

use crate::error::Result;
use crate::member::{self, Member};
use crate::scalar::LocalDate;
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, SimpleObject};
use roomm8_db::task::fairness;
use roomm8_db::task::rotation::{Load, Part};
use roomm8_db::{HouseholdId, MemberId};

/// Some occurrences, and what they weigh together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
pub(crate) struct ChoreLoad {
    /// How many.
    occurrences: i64,
    /// What they weigh together, each what its chore did when it was closed.
    weight: i64,
}

impl From<Load> for ChoreLoad {
    fn from(load: Load) -> Self {
        Self { occurrences: load.occurrences.into(), weight: i64::try_from(load.weight).unwrap_or(i64::MAX) }
    }
}

/// One member's part in a period.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct FairnessPart {
    /// What they did, whosever it was to do. It counts on the day it was done; what has to be approved, once it is.
    done: ChoreLoad,
    /// What was theirs to do, and was done by whomever, or missed; not what was skipped.
    assigned: ChoreLoad,
    /// What was theirs to do, and was missed. It counts on the day it was due.
    missed: ChoreLoad,
    /// Their share of the weight of all that was done, in hundredths of a percent. All sum to 10,000, or to 0 if nothing of
    /// any weight was done.
    share: i64,
    /// Their share of the days on which they all were there, in hundredths of a percent: what was to be expected of them.
    /// All sum to 10,000, or to 0 if nobody was there.
    expected_share: i64,
    /// On how many days of the period they were there: members, and not away.
    presence_days: i64,
    #[graphql(skip)]
    whose: MemberId,
}

impl From<Part<MemberId>> for FairnessPart {
    fn from(part: Part<MemberId>) -> Self {
        Self {
            done: part.done.into(),
            assigned: part.assigned.into(),
            missed: part.missed.into(),
            share: part.share.into(),
            expected_share: part.expected_share.into(),
            presence_days: part.presence_days.into(),
            whose: part.member,
        }
    }
}

#[ComplexObject]
impl FairnessPart {
    /// Whose, a former member perhaps.
    async fn member(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.whose).await
    }
}

/// What each did in a period, beside what was to be expected of them.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Fairness {
    /// A part for each current member who may do chores, and for each former one who was there or did something.
    parts: Vec<FairnessPart>,
}

pub(super) async fn fairness(
    ctx: &Context<'_>,
    household: HouseholdId,
    from: LocalDate,
    to: LocalDate,
) -> Result<Fairness> {
    let scope = ctx.scope()?;
    let viewer = scope.member(household).await?;
    let parts = fairness::of_household(&mut *scope.connection().await?, &viewer, from.0, to.0).await?;
    Ok(Fairness { parts: parts.into_iter().map(FairnessPart::from).collect() })
}
