//! Relay connections: pages of lists that can grow (Relay Cursor Connections Specification).

use crate::account::{Notification, Session};
use crate::announcement::Announcement;
use crate::conversation::Conversation;
use crate::error::{Error, Result};
use crate::grocery::{GroceryItem, GroceryList, GroceryProduct, GroceryStaple, GroceryTrip};
use crate::household::Household;
use crate::invitation::Invitation;
use crate::member::Member;
use crate::message::Message;
use crate::row::{Ahead, Plain as _, Row, Rows, object, selected};
use crate::scalar::Cursor;
use crate::scope::Scope;
use crate::task::{Occurrence, SwapOffer, Task};
use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::{OutputType, SimpleObject};
use roomm8_db::SubjectId;
use roomm8_db::message::End;
use roomm8_db::page::Window;
use std::sync::Arc;

/// The most items on a page.
pub(crate) const PAGE_LIMIT: i32 = 100;

/// Which page of a list is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageArguments {
    pub after: Option<Cursor>,
    pub before: Option<Cursor>,
    /// At most so many.
    pub limit: usize,
    /// From which end.
    pub end: End,
}

impl PageArguments {
    /// Checks Relay's arguments; without `first` and `last` the first `default` items are meant.
    pub(crate) fn new(
        first: Option<i32>,
        after: Option<Cursor>,
        last: Option<i32>,
        before: Option<Cursor>,
        default: i32,
    ) -> Result<Self> {
        let (limit, end) = match (first, last) {
            (Some(_), Some(_)) => return Err(Error::bad_input("give `first` or `last`, not both")),
            (Some(first), None) => (checked("first", first)?, End::Oldest),
            (None, Some(last)) => (checked("last", last)?, End::Newest),
            (None, None) => (checked("first", default)?, End::Oldest),
        };
        Ok(Self { after, before, limit, end })
    }

    /// The stretch of a list ordered by id that has the page, and one item more.
    pub(crate) fn window(&self) -> Result<Window> {
        let (after, before) = (item(self.after)?, item(self.before)?);
        Ok(Window { after, before, limit: self.probe(), end: self.end })
    }

    /// Leaves of a list in memory what [`Self::window`] reads of one that is not.
    pub(crate) fn cut<T>(&self, items: &mut Vec<T>) {
        let probe = self.limit.saturating_add(1);
        match self.end {
            End::Oldest => items.truncate(probe),
            End::Newest => drop(items.drain(..items.len().saturating_sub(probe))),
        }
    }

    /// One more than the page holds, so that it is known whether there are more.
    pub(crate) fn probe(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(0) + 1
    }
}

/// The id a cursor stands for.
fn item(cursor: Option<Cursor>) -> Result<Option<SubjectId>> {
    match cursor {
        None => Ok(None),
        Some(Cursor::Item(id)) => Ok(Some(id)),
        Some(Cursor::Log(_) | Cursor::Timed(..)) => Err(Error::bad_input("this cursor is not of this list")),
    }
}

pub(crate) fn checked(name: &str, count: i32) -> Result<usize> {
    match usize::try_from(count) {
        Ok(count) if count <= usize::try_from(PAGE_LIMIT).unwrap_or(0) => Ok(count),
        _ => Err(Error::bad_input(format!("`{name}` is {count}; it must be 0 to {PAGE_LIMIT}"))),
    }
}

/// Where a page lies in its list.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether there are items after this page.
    pub has_next_page: bool,
    /// Whether there are items before this page.
    pub has_previous_page: bool,
    /// The first item's cursor: pass it as `before` to read backwards. Null on an empty page.
    pub start_cursor: Option<Cursor>,
    /// The last item's cursor: pass it as `after` to read on. Null on an empty page.
    pub end_cursor: Option<Cursor>,
}

/// An item of a list with its place in it.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(concrete(name = "MessageEdge", params(Message)))]
#[graphql(concrete(name = "MemberEdge", params(Member)))]
#[graphql(concrete(name = "InvitationEdge", params(Invitation)))]
#[graphql(concrete(name = "ConversationEdge", params(Conversation)))]
#[graphql(concrete(name = "HouseholdEdge", params(Household)))]
#[graphql(concrete(name = "SessionEdge", params(Session)))]
#[graphql(concrete(name = "NotificationEdge", params(Notification)))]
#[graphql(concrete(name = "AnnouncementEdge", params(Announcement)))]
#[graphql(concrete(name = "TaskEdge", params(Task)))]
#[graphql(concrete(name = "OccurrenceEdge", params(Occurrence)))]
#[graphql(concrete(name = "SwapOfferEdge", params(SwapOffer)))]
#[graphql(concrete(name = "GroceryListEdge", params(GroceryList)))]
#[graphql(concrete(name = "GroceryItemEdge", params(GroceryItem)))]
#[graphql(concrete(name = "GroceryProductEdge", params(GroceryProduct)))]
#[graphql(concrete(name = "GroceryTripEdge", params(GroceryTrip)))]
#[graphql(concrete(name = "GroceryStapleEdge", params(GroceryStaple)))]
pub(crate) struct Edge<T: Row> {
    /// Its place in the list.
    pub cursor: Cursor,
    /// The item.
    pub node: Arc<T>,
}

impl<T: Row> Row for Edge<T>
where
    Self: OutputType,
{
    async fn load(rows: &[&Self], fields: &SelectionSet, scope: &Scope, ahead: &mut Ahead) -> Result<()> {
        let nodes: Vec<_> = rows.iter().map(|edge| edge.node.as_ref()).collect();
        for node in selected(fields, "node") {
            T::load(&nodes, &node.selection_set.node, scope, ahead).await?;
        }
        Ok(())
    }

    fn write(&self, field: &Field, ahead: &Ahead, json: &mut Vec<u8>) -> Option<()> {
        match field.name.node.as_str() {
            "cursor" => self.cursor.write(json),
            "node" => object(self.node.as_ref(), &field.selection_set.node, ahead, json),
            _ => None,
        }
    }
}

/// A page of a list, oldest first unless the list has an order of its own.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(concrete(name = "MessageConnection", params(Message)))]
#[graphql(concrete(name = "MemberConnection", params(Member)))]
#[graphql(concrete(name = "InvitationConnection", params(Invitation)))]
#[graphql(concrete(name = "ConversationConnection", params(Conversation)))]
#[graphql(concrete(name = "HouseholdConnection", params(Household)))]
#[graphql(concrete(name = "SessionConnection", params(Session)))]
#[graphql(concrete(name = "NotificationConnection", params(Notification)))]
#[graphql(concrete(name = "AnnouncementConnection", params(Announcement)))]
#[graphql(concrete(name = "TaskConnection", params(Task)))]
#[graphql(concrete(name = "OccurrenceConnection", params(Occurrence)))]
#[graphql(concrete(name = "SwapOfferConnection", params(SwapOffer)))]
#[graphql(concrete(name = "GroceryListConnection", params(GroceryList)))]
#[graphql(concrete(name = "GroceryItemConnection", params(GroceryItem)))]
#[graphql(concrete(name = "GroceryProductConnection", params(GroceryProduct)))]
#[graphql(concrete(name = "GroceryTripConnection", params(GroceryTrip)))]
#[graphql(concrete(name = "GroceryStapleConnection", params(GroceryStaple)))]
pub(crate) struct Connection<T: Row>
where
    Edge<T>: OutputType,
{
    /// The items, each with its cursor.
    pub edges: Rows<Edge<T>>,
    /// The items alone.
    pub nodes: Rows<Arc<T>>,
    /// Where this page lies in the list.
    pub page_info: PageInfo,
}

impl<T: Row> Connection<T>
where
    Edge<T>: OutputType,
{
    /// The page out of what was read: up to one item more than asked for, oldest first.
    pub(crate) fn new(arguments: &PageArguments, mut items: Vec<T>, cursor: impl Fn(&T) -> Cursor) -> Self {
        let has_more = items.len() > arguments.limit;
        match arguments.end {
            End::Oldest => items.truncate(arguments.limit),
            End::Newest => drop(items.drain(..items.len().saturating_sub(arguments.limit))),
        }
        let (has_next_page, has_previous_page) = match arguments.end {
            End::Oldest => (has_more, arguments.after.is_some()),
            End::Newest => (arguments.before.is_some(), has_more),
        };
        Self::with_ends(items, has_previous_page, has_next_page, cursor)
    }

    pub(crate) fn with_ends(
        items: Vec<T>,
        has_previous_page: bool,
        has_next_page: bool,
        cursor: impl Fn(&T) -> Cursor,
    ) -> Self {
        let nodes: Vec<_> = items.into_iter().map(Arc::new).collect();
        let edges: Vec<_> =
            nodes.iter().map(|node| Edge { cursor: cursor(node), node: Arc::clone(node) }).collect();
        let page_info = PageInfo {
            has_next_page,
            has_previous_page,
            start_cursor: edges.first().map(|edge| edge.cursor),
            end_cursor: edges.last().map(|edge| edge.cursor),
        };
        Self { edges: Rows(edges), nodes: Rows(nodes), page_info }
    }
}
