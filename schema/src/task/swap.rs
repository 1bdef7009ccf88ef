//! Trading occurrences between two members.

use super::occurrence::Occurrence;
use crate::connection::{Connection, PageArguments};
use crate::error::{Error, Nullable, Result, nullable, nullable_option};
use crate::id::GlobalId;
use crate::member::{self, Member};
use crate::payload::perform;
use crate::row::Row;
use crate::scalar::{Cursor, DateTime};
use crate::scope::ScopeExt as _;
use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use roomm8_db::event::Event;
use roomm8_db::task::swap;
use roomm8_db::{HouseholdId, OccurrenceId, SwapId};

/// What became of an offer to trade. Expect new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "swap::State")]
pub(crate) enum SwapState {
    /// Nothing yet.
    Open,
    /// The two have changed hands.
    Accepted,
    /// It was turned down.
    Declined,
    /// It was taken back.
    Withdrawn,
    /// One of the two was closed, cancelled, or became another's to do.
    Void,
}

/// An offer to trade one occurrence for another.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct SwapOffer {
    /// Its global id.
    pub(crate) id: ID,
    /// What became of it.
    state: SwapState,
    /// When it was made.
    created_at: DateTime,
    /// When it was no longer open; null while it is.
    closed_at: Option<DateTime>,
    /// Counts its changes, from 1. Of two states of an offer the one with the higher version holds.
    version: i32,
    #[graphql(skip)]
    row: swap::Swap,
}

// Its lists go the ordinary way.
impl Row for SwapOffer {}

impl From<swap::Swap> for SwapOffer {
    fn from(row: swap::Swap) -> Self {
        Self {
            id: GlobalId::Swap(row.household_id, row.id).to_id(),
            state: row.state.into(),
            created_at: DateTime(row.created_at),
            closed_at: row.closed_at.map(DateTime),
            version: row.version,
            row,
        }
    }
}

#[ComplexObject]
impl SwapOffer {
    /// The occurrence that is offered, as it is now; null once it was cancelled.
    async fn offered(&self, ctx: &Context<'_>) -> Nullable<Occurrence> {
        nullable_option(self.occurrence(ctx, self.row.offered_id)).await
    }

    /// The occurrence that is wanted for it, as it is now; null once it was cancelled.
    async fn wanted(&self, ctx: &Context<'_>) -> Nullable<Occurrence> {
        nullable_option(self.occurrence(ctx, self.row.wanted_id)).await
    }

    /// Who offers.
    async fn offered_by(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.row.offered_by).await
    }

    /// Whose it is to accept or decline: who is to do the one that is wanted.
    async fn offered_to(&self, ctx: &Context<'_>) -> Result<Member> {
        member::known(ctx, self.row.offered_to).await
    }
}

impl SwapOffer {
    async fn occurrence(&self, ctx: &Context<'_>, id: OccurrenceId) -> Result<Option<Occurrence>> {
        let found = ctx.scope()?.loaders().occurrences.load((self.row.household_id, id)).await?;
        Ok(found.map(Occurrence::from))
    }

    /// Its place in the list of offers.
    fn place(&self) -> Cursor {
        Cursor::Item(self.row.id.into())
    }
}

/// The offer with this id, if the viewer is a member of its household.
pub(crate) async fn find_swap(ctx: &Context<'_>, household: HouseholdId, id: SwapId) -> Result<SwapOffer> {
    let scope = ctx.scope()?;
    scope.member(household).await?;
    let found = scope.loaders().swaps.load((household, id)).await?;
    found.map(SwapOffer::from).ok_or_else(Error::not_found)
}

/// The offer an event is about, as it is now.
pub(crate) async fn swap_of(ctx: &Context<'_>, event: &Event) -> Result<Option<SwapOffer>> {
    let key = (event.household_id, SwapId::from(event.subject_id));
    Ok(ctx.scope()?.loaders().swaps.load(key).await?.map(SwapOffer::from))
}

/// A page of a household's open offers.
pub(crate) async fn swap_offers(
    ctx: &Context<'_>,
    household: HouseholdId,
    arguments: &PageArguments,
) -> Result<Connection<SwapOffer>> {
    let scope = ctx.scope()?;
    let reader = scope.reader(household).await?;
    let window = arguments.window()?;
    let rows = swap::page(&mut *scope.connection().await?, &reader, window).await?;
    let offers = rows.into_iter().map(SwapOffer::from).collect();
    Ok(Connection::new(arguments, offers, SwapOffer::place))
}

/// A trade to propose.
#[derive(Debug, InputObject)]
#[expect(clippy::struct_field_names, reason = "they are all ids")]
pub(crate) struct ProposeSwapInput {
    /// The occurrence you offer; an open one that is yours to do.
    occurrence_id: ID,
    /// The occurrence you want for it; an open one of the same household that is another's to do.
    for_occurrence_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An offer to accept.
#[derive(Debug, InputObject)]
pub(crate) struct AcceptSwapInput {
    /// The offer; an open one that was made to you.
    swap_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An offer to turn down.
#[derive(Debug, InputObject)]
pub(crate) struct DeclineSwapInput {
    /// The offer; an open one that was made to you.
    swap_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

/// An offer to take back.
#[derive(Debug, InputObject)]
pub(crate) struct WithdrawSwapInput {
    /// The offer; an open one that you made.
    swap_id: ID,
    /// Your name for this intent, 1 to 64 visible ASCII characters; a repeat within 7 days gets the first answer.
    client_mutation_id: Option<String>,
}

payload! {
    /// What came of `proposeSwap`.
    ProposeSwapPayload {
        /// The offer.
        swap_offer: SwapOffer
    }
}

payload! {
    /// What came of `acceptSwap`.
    AcceptSwapPayload {
        /// The offer as it is now; with `GONE` too, as it was over before.
        swap_offer: SwapOffer
    }
}

payload! {
    /// What came of `declineSwap`.
    DeclineSwapPayload {
        /// The offer as it is now; with `GONE` too, as it was over before.
        swap_offer: SwapOffer
    }
}

payload! {
    /// What came of `withdrawSwap`.
    WithdrawSwapPayload {
        /// The offer as it is now; with `GONE` too, as it was over before.
        swap_offer: SwapOffer
    }
}

#[derive(Default)]
pub(crate) struct SwapMutation;

#[Object]
impl SwapMutation {
    /// Offers an occurrence that is yours to do for one that is another's, but none of a chore that `EVERYONE` does for
    /// themselves. An open offer of the same stands, and is not made twice. It comes to nothing (`VOID`) as soon as either
    /// is closed, cancelled or another's to do. At most 20 offers of a member are open at once: `LIMIT` beyond that. Needs
    /// `DO_TASKS`.
    async fn propose_swap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which for which.")] input: ProposeSwapInput,
    ) -> Nullable<ProposeSwapPayload> {
        nullable(async {
            let (household, offered) = GlobalId::occurrence(&input.occurrence_id)?;
            let wanted = wanted(&input.for_occurrence_id, household);
            let operation = swap::Propose { offered, wanted };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(ProposeSwapPayload::new(outcome.map(SwapOffer::from), input.client_mutation_id))
        })
        .await
    }

    /// Accepts an offer that was made to you: the two occurrences change hands at once. Rosters and turns stay as they are.
    /// `GONE` with the offer if it is over. Needs `DO_TASKS`.
    async fn accept_swap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which offer.")] input: AcceptSwapInput,
    ) -> Nullable<AcceptSwapPayload> {
        nullable(async {
            let (household, swap) = GlobalId::swap(&input.swap_id)?;
            let operation = swap::Accept { swap };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(AcceptSwapPayload::new(outcome.map(SwapOffer::from), input.client_mutation_id))
        })
        .await
    }

    /// Turns an offer down that was made to you. `GONE` with the offer if it is over. Needs `DO_TASKS`.
    async fn decline_swap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which offer.")] input: DeclineSwapInput,
    ) -> Nullable<DeclineSwapPayload> {
        nullable(async {
            let (household, swap) = GlobalId::swap(&input.swap_id)?;
            let operation = swap::Decline { swap };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(DeclineSwapPayload::new(outcome.map(SwapOffer::from), input.client_mutation_id))
        })
        .await
    }

    /// Takes an offer back that you made. `GONE` with the offer if it is over. Needs `DO_TASKS`.
    async fn withdraw_swap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which offer.")] input: WithdrawSwapInput,
    ) -> Nullable<WithdrawSwapPayload> {
        nullable(async {
            let (household, swap) = GlobalId::swap(&input.swap_id)?;
            let operation = swap::Withdraw { swap };
            let outcome = perform(ctx, household, input.client_mutation_id.as_deref(), &operation).await?;
            Ok(WithdrawSwapPayload::new(outcome.map(SwapOffer::from), input.client_mutation_id))
        })
        .await
    }
}

/// The occurrence that is wanted. What is none of this household becomes the id of nothing, and is refused beside its field.
fn wanted(id: &ID, household: HouseholdId) -> OccurrenceId {
    match GlobalId::occurrence(id) {
        Ok((of, occurrence)) if of == household => occurrence,
        _ => OccurrenceId::from_bytes([0; 16]),
    }
}
