//! Trading occurrences: a member offers one that they are to do for one that another is to do, who accepts or not. The rosters
//! stay as they are, so that a trade costs nobody a turn. As soon as either is no longer what was offered, the offer is void.

use super::assign::give;
use super::occurrence::{Occurrence, with_task};
use super::refuse_strangers;
use super::rotation::Strategy;
use crate::access::{Permission, Reader};
use crate::among::among;
use crate::labels::labels;
use crate::message::End;
use crate::page::Window;
use crate::prepared::Prepare as _;
use crate::tables::swaps;
use crate::{
    Change, Connection, Entry, Error, HouseholdId, MemberId, OccurrenceId, Operation, RefusalCode, Result,
    SubjectId, SwapId, Time, event,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;

/// The most offers of one member that are open at once.
pub const OFFER_LIMIT: i64 = 20;

labels! {
    /// What became of an offer.
    State {
        /// Nothing yet.
        Open = "OPEN",
        /// The two have changed hands.
        Accepted = "ACCEPTED",
        /// It was turned down.
        Declined = "DECLINED",
        /// It was taken back.
        Withdrawn = "WITHDRAWN",
        /// One of the two was closed, cancelled, or became another's to do.
        Void = "VOID",
    }
}

/// An offer to trade one occurrence for another.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = swaps, treat_none_as_default_value = false)]
pub struct Swap {
    /// Its identifier.
    pub id: SwapId,
    /// Whose chores these are.
    pub household_id: HouseholdId,
    /// The occurrence that is offered; it may have been cancelled since.
    pub offered_id: OccurrenceId,
    /// The one that is wanted for it; likewise.
    pub wanted_id: OccurrenceId,
    /// Who offers.
    pub offered_by: MemberId,
    /// Who is to do the one that is wanted.
    pub offered_to: MemberId,
    /// What became of it.
    pub state: State,
    /// When it was made.
    pub created_at: Time,
    /// When it was no longer open.
    pub closed_at: Option<Time>,
    /// Counts its changes.
    pub version: i32,
}

impl crate::Subject for Swap {
    fn subject_id(&self) -> SubjectId {
        self.id.into()
    }

    async fn find(conn: &mut Connection, id: SubjectId) -> Result<Self> {
        let query = swaps::table.filter(swaps::id.eq(SwapId::from(id)));
        run!(conn, |c| query.select(Self::as_select()).first(c).await)
    }
}

/// The open offers of the member's household in a window, in the order in which they were made.
pub async fn page(conn: &mut Connection, reader: &Reader, window: Window) -> Result<Vec<Swap>> {
    let (after, before): (SwapId, SwapId) = window.bounds();
    let query = swaps::table
        .filter(swaps::household_id.eq(reader.household_id()))
        .filter(swaps::state.eq(State::Open))
        .filter(swaps::id.gt(after))
        .filter(swaps::id.lt(before))
        .limit(window.limit);
    let found = match window.end {
        End::Oldest => {
            let query = query.order(swaps::id.asc());
            run!(conn, |c| query.select(Swap::as_select()).load(c).await)?
        }
        End::Newest => {
            let query = query.order(swaps::id.desc());
            run!(conn, |c| query.select(Swap::as_select()).load(c).await)?
        }
    };
    Ok(window.oldest_first(found))
}

/// The offers with these ids, of the households named with them. Both are only ever taken from what the asker was allowed to
/// see: events, or proofs of membership.
pub async fn known(conn: &mut Connection, ids: &[(HouseholdId, SwapId)]) -> Result<Vec<Swap>> {
    let swaps: Vec<SwapId> = ids.iter().map(|(_, id)| *id).collect();
    let query = swaps::table.filter(among(swaps::id, &swaps));
    let found: Vec<Swap> = run!(conn, |c| query.select(Swap::as_select()).load(c).await)?;
    Ok(found.into_iter().filter(|found| ids.contains(&(found.household_id, found.id))).collect())
}

/// Offers an occurrence that one is to do for one that another is to do. An offer of the same that is open stands: it is not
/// made twice.
#[derive(Debug, Serialize)]
pub struct Propose {
    /// Which is offered.
    pub offered: OccurrenceId,
    /// Which is wanted for it.
    pub wanted: OccurrenceId,
}

impl Operation for Propose {
    type Outcome = Swap;
    const NAME: &'static str = "proposeSwap";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Swap> {
        let actor = change.actor()?.id();
        let offered = to_trade(change, self.offered, OFFERED).await?;
        let wanted = to_trade(change, self.wanted, WANTED).await.map_err(|error| match error {
            Error::NotFound => {
                let message = "must be an occurrence of the same household";
                Error::refused(RefusalCode::InvalidReference, WANTED, message)
            }
            other => other,
        })?;
        if offered.assignee_id != Some(actor) {
            return Err(invalid(OFFERED, "is not yours to do: you can only offer what is"));
        }
        let Some(owner) = wanted.assignee_id.filter(|owner| *owner != actor) else {
            return Err(invalid(WANTED, "must be another member's to do: what is nobody's can be claimed"));
        };
        let open = open_of(change, actor).await?;
        let same = |swap: &&Swap| (swap.offered_id, swap.wanted_id) == (offered.id, wanted.id);
        if let Some(standing) = open.iter().find(same) {
            return Ok(standing.clone());
        }
        if open.len() >= usize::try_from(OFFER_LIMIT).unwrap_or(0) {
            let message = format!("you have {OFFER_LIMIT} open offers already: take one back first");
            return Err(Error::refused(RefusalCode::Limit, "", message));
        }
        let swap = Swap {
            id: SwapId::new(),
            household_id: change.household_id(),
            offered_id: offered.id,
            wanted_id: wanted.id,
            offered_by: actor,
            offered_to: owner,
            state: State::Open,
            created_at: change.now(),
            closed_at: None,
            version: 1,
        };
        let insert = diesel::insert_into(swaps::table).values(&swap);
        run!(change.conn(), |c| insert.execute(c).await)?;
        record(change, event::Kind::SwapOffered, &swap);
        Ok(swap)
    }
}

const OFFERED: &str = "occurrenceId";
const WANTED: &str = "forOccurrenceId";

/// One of the two: open, and of a chore of which turns can change hands.
async fn to_trade(change: &mut Change<'_>, id: OccurrenceId, field: &'static str) -> Result<Occurrence> {
    let (occurrence, task) = with_task(change, id).await?;
    if !occurrence.is_open() {
        return Err(Error::refused(RefusalCode::Gone, field, "is closed: only what is open can be traded"));
    }
    if task.strategy == Strategy::Everyone {
        return Err(invalid(field, "is of a chore that everybody does for themselves"));
    }
    Ok(occurrence)
}

/// The open offers that this member has made.
async fn open_of(change: &mut Change<'_>, member: MemberId) -> Result<Vec<Swap>> {
    let query = swaps::table
        .filter(swaps::household_id.eq(change.household_id()))
        .filter(swaps::state.eq(State::Open))
        .filter(swaps::offered_by.eq(member))
        .order(swaps::id);
    run!(change.conn(), |c| query.select(Swap::as_select()).load(c).await)
}

/// Accepts an offer: the two occurrences change hands at once, and no roster changes. Who comes too late gets the offer as it
/// is, by [`Error::Over`].
#[derive(Debug, Serialize)]
pub struct Accept {
    /// Which.
    pub swap: SwapId,
}

impl Operation for Accept {
    type Outcome = Swap;
    const NAME: &'static str = "acceptSwap";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Swap> {
        let swap = open_swap(change, self.swap).await?;
        refuse_others(change, swap.offered_to, "is not made to you")?;
        // Who is a guest by now does no chores.
        refuse_strangers(change, "swapId", &[swap.offered_by]).await?;
        let (offered, of_offered) = with_task(change, swap.offered_id).await?;
        let (wanted, of_wanted) = with_task(change, swap.wanted_id).await?;
        // Before the two change hands, which makes every other offer of them void.
        let swap = close(change, swap, State::Accepted).await?;
        give(change, &of_offered, offered, Some(swap.offered_to)).await?;
        give(change, &of_wanted, wanted, Some(swap.offered_by)).await?;
        Ok(swap)
    }
}

/// Turns an offer down that was made to one.
#[derive(Debug, Serialize)]
pub struct Decline {
    /// Which.
    pub swap: SwapId,
}

impl Operation for Decline {
    type Outcome = Swap;
    const NAME: &'static str = "declineSwap";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Swap> {
        let swap = open_swap(change, self.swap).await?;
        refuse_others(change, swap.offered_to, "is not made to you")?;
        close(change, swap, State::Declined).await
    }
}

/// Takes an offer back that one has made.
#[derive(Debug, Serialize)]
pub struct Withdraw {
    /// Which.
    pub swap: SwapId,
}

impl Operation for Withdraw {
    type Outcome = Swap;
    const NAME: &'static str = "withdrawSwap";
    const ENTRY: Entry = Entry::Member(Permission::DoTasks);

    async fn apply(&self, change: &mut Change<'_>) -> Result<Swap> {
        let swap = open_swap(change, self.swap).await?;
        refuse_others(change, swap.offered_by, "is not yours to take back")?;
        close(change, swap, State::Withdrawn).await
    }
}

/// The offer, if it is open and of the household being changed.
async fn open_swap(change: &mut Change<'_>, id: SwapId) -> Result<Swap> {
    let query = swaps::table.filter(swaps::household_id.eq(change.household_id())).filter(swaps::id.eq(id));
    let swap: Swap = run!(change.conn(), |c| query.select(Swap::as_select()).first(c).await)?;
    if swap.state == State::Open { Ok(swap) } else { Err(Error::Over(id.into())) }
}

fn refuse_others(change: &Change<'_>, whose: MemberId, message: &'static str) -> Result<()> {
    if change.actor()?.id() == whose { Ok(()) } else { Err(invalid("swapId", message)) }
}

fn invalid(field: &'static str, message: &'static str) -> Error {
    Error::refused(RefusalCode::Invalid, field, message)
}

async fn close(change: &mut Change<'_>, mut swap: Swap, state: State) -> Result<Swap> {
    swap.state = state;
    swap.closed_at = Some(change.now());
    swap.version += 1;
    let update = diesel::update(swaps::table)
        .filter(swaps::id.eq(swap.id))
        .set((
            swaps::state.eq(swap.state),
            swaps::closed_at.eq(swap.closed_at),
            swaps::version.eq(swap.version),
        ))
        .prepared();
    run!(change.conn(), |c| update.execute(c).await)?;
    record(change, event::Kind::SwapClosed, &swap);
    Ok(swap)
}

/// Makes the open offers void that an occurrence no longer is what it was in: it is closed, or another's to do.
pub(super) async fn void_stale(change: &mut Change<'_>, occurrence: &Occurrence) -> Result<()> {
    let is_stale = |swap: &Swap| {
        let whose = if swap.offered_id == occurrence.id { swap.offered_by } else { swap.offered_to };
        !occurrence.is_open() || occurrence.assignee_id != Some(whose)
    };
    void(change, occurrence.id, is_stale).await
}

/// Makes all open offers void that an occurrence is in which is about to be gone.
pub(super) async fn void_all(change: &mut Change<'_>, occurrence: &Occurrence) -> Result<()> {
    void(change, occurrence.id, |_| true).await
}

async fn void(change: &mut Change<'_>, id: OccurrenceId, is_void: impl Fn(&Swap) -> bool) -> Result<()> {
    let query = swaps::table
        .filter(swaps::offered_id.eq(id).or(swaps::wanted_id.eq(id)))
        .filter(swaps::state.eq(State::Open))
        .order(swaps::id);
    let open: Vec<Swap> = run!(change.conn(), |c| query.select(Swap::as_select()).load(c).await)?;
    for swap in open.into_iter().filter(is_void) {
        close(change, swap, State::Void).await?;
    }
    Ok(())
}

fn record(change: &mut Change<'_>, kind: event::Kind, swap: &Swap) {
    change.record_for_all(kind, swap.id, swap.version, &["state"]);
}
