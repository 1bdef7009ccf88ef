//! The loaders of one request.

use crate::loader::{Batch, Loader};
use crate::scope::Store;
use roomm8_db::account::session::{self, Session};
use roomm8_db::account::{self, User};
use roomm8_db::announcement::{self, Announcement};
use roomm8_db::conversation::{self, Conversation, State, Unread};
use roomm8_db::event::Position;
use roomm8_db::grocery::changes::{self, Changes};
use roomm8_db::grocery::learned;
use roomm8_db::grocery::list::Counts;
use roomm8_db::grocery::store::Layout;
use roomm8_db::grocery::suggestion::{self, Suggestion};
use roomm8_db::household::{self, Household};
use roomm8_db::member::{self, Absence, Profile};
use roomm8_db::message::{self, Message, Reaction, Revision};
use roomm8_db::page::Window;
use roomm8_db::task::{self, Occurrence, Swap, Task, occurrence, swap};
use roomm8_db::{
    AnnouncementId, ConversationId, GroceryCategoryId, GroceryItemId, GroceryListId, GroceryProductId,
    GroceryStapleId, GroceryStoreId, GroceryTripId, HouseholdId, MemberId, MessageId, OccurrenceId, Result,
    SessionId, SwapId, TaskId, Time, UserId, grocery,
};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// The most suggestions for a list at once.
pub(crate) const SUGGESTION_LIMIT: usize = 50;

/// The loaders of one request. What they load was found in something the caller may see.
pub(crate) struct Loaders {
    pub users: Loader<Users>,
    pub sessions: Loader<Sessions>,
    pub last_seen: Loader<LastSeen>,
    pub households: Loader<Households>,
    pub household_unread: Loader<HouseholdUnreads>,
    pub members: Loader<Members>,
    pub absences: Loader<Absences>,
    pub conversations: Loader<Conversations>,
    pub participants: Loader<Participants>,
    pub states: Loader<States>,
    pub unread: Loader<Unreads>,
    pub receipts: Loader<Receipts>,
    pub messages: Loader<Messages>,
    pub conversation_messages: Loader<ConversationMessages>,
    pub mentions: Loader<Mentions>,
    pub reactions: Loader<Reactions>,
    pub revisions: Loader<Revisions>,
    pub announcements: Loader<Announcements>,
    pub acknowledgements: Loader<Acknowledgements>,
    pub tasks: Loader<Tasks>,
    pub occurrences: Loader<Occurrences>,
    pub open_occurrences: Loader<OpenOccurrences>,
    pub task_occurrences: Loader<TaskOccurrences>,
    pub swaps: Loader<Swaps>,
    pub grocery_lists: Loader<GroceryLists>,
    pub grocery_items: Loader<GroceryItems>,
    pub grocery_products: Loader<GroceryProducts>,
    pub grocery_categories: Loader<GroceryCategories>,
    pub grocery_stores: Loader<GroceryStores>,
    pub grocery_trips: Loader<GroceryTrips>,
    pub grocery_staples: Loader<GroceryStaples>,
    pub listed_items: Loader<ListedItems>,
    pub trip_items: Loader<TripItems>,
    pub list_counts: Loader<ListCounts>,
    pub list_trips: Loader<ListTrips>,
    pub list_changes: Loader<ListChanges>,
    pub list_suggestions: Loader<ListSuggestions>,
    pub grocery_layouts: Loader<Layouts>,
    pub learned_orders: Loader<LearnedOrders>,
}

impl Loaders {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self {
            users: Loader::new(store),
            sessions: Loader::new(store),
            last_seen: Loader::new(store),
            households: Loader::new(store),
            household_unread: Loader::new(store),
            members: Loader::new(store),
            absences: Loader::new(store),
            conversations: Loader::new(store),
            participants: Loader::new(store),
            states: Loader::new(store),
            unread: Loader::new(store),
            receipts: Loader::new(store),
            messages: Loader::new(store),
            conversation_messages: Loader::new(store),
            mentions: Loader::new(store),
            reactions: Loader::new(store),
            revisions: Loader::new(store),
            announcements: Loader::new(store),
            acknowledgements: Loader::new(store),
            tasks: Loader::new(store),
            occurrences: Loader::new(store),
            open_occurrences: Loader::new(store),
            task_occurrences: Loader::new(store),
            swaps: Loader::new(store),
            grocery_lists: Loader::new(store),
            grocery_items: Loader::new(store),
            grocery_products: Loader::new(store),
            grocery_categories: Loader::new(store),
            grocery_stores: Loader::new(store),
            grocery_trips: Loader::new(store),
            grocery_staples: Loader::new(store),
            listed_items: Loader::new(store),
            trip_items: Loader::new(store),
            list_counts: Loader::new(store),
            list_trips: Loader::new(store),
            list_changes: Loader::new(store),
            list_suggestions: Loader::new(store),
            grocery_layouts: Loader::new(store),
            learned_orders: Loader::new(store),
        }
    }
}

/// Users by id.
pub(crate) struct Users;

impl Batch for Users {
    type Key = UserId;
    type Value = User;

    async fn load(store: &Store, ids: &[UserId]) -> Result<HashMap<UserId, User>> {
        let found = account::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|user| (user.id, user)).collect())
    }
}

/// Sessions that have not ended, by whose they are and by id.
pub(crate) struct Sessions;

impl Batch for Sessions {
    type Key = (UserId, SessionId);
    type Value = Session;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Session>> {
        store.refuse_several()?;
        let users: HashSet<UserId> = keys.iter().map(|(user, _)| *user).collect();
        let mut found = HashMap::new();
        // Of one person, unless a new field asks for more.
        for user in users {
            let sessions = session::of_user(&mut *store.connection().await?, user).await?;
            found.extend(sessions.into_iter().map(|session| ((user, session.id), session)));
        }
        Ok(found)
    }
}

/// When people were last seen.
pub(crate) struct LastSeen;

impl Batch for LastSeen {
    type Key = UserId;
    type Value = Time;

    async fn load(store: &Store, ids: &[UserId]) -> Result<HashMap<UserId, Time>> {
        store.refuse_several()?;
        member::last_seen(&mut *store.connection().await?, ids).await
    }
}

/// Households by id.
pub(crate) struct Households;

impl Batch for Households {
    type Key = HouseholdId;
    type Value = Household;

    async fn load(store: &Store, ids: &[HouseholdId]) -> Result<HashMap<HouseholdId, Household>> {
        let found = household::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|household| (household.id, household)).collect())
    }
}

/// What the viewer has not read in whole households.
pub(crate) struct HouseholdUnreads;

impl Batch for HouseholdUnreads {
    type Key = HouseholdId;
    type Value = Unread;

    async fn load(store: &Store, households: &[HouseholdId]) -> Result<HashMap<HouseholdId, Unread>> {
        let mut found = HashMap::new();
        for household in households {
            let member = store.proof(*household).await?;
            let unread = household::unread(&mut *store.connection().await?, &member).await?;
            found.insert(*household, unread);
        }
        Ok(found)
    }
}

/// Members by id.
pub(crate) struct Members;

impl Batch for Members {
    type Key = MemberId;
    type Value = Profile;

    async fn load(store: &Store, ids: &[MemberId]) -> Result<HashMap<MemberId, Profile>> {
        let found = member::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|member| (member.id, member)).collect())
    }
}

/// The absences of members that are not over.
pub(crate) struct Absences;

impl Batch for Absences {
    type Key = MemberId;
    type Value = Vec<Absence>;

    async fn load(store: &Store, members: &[MemberId]) -> Result<HashMap<MemberId, Vec<Absence>>> {
        store.refuse_several()?;
        let found = member::absence::known(&mut *store.connection().await?, members).await?;
        Ok(grouped(found, |absence| absence.member_id))
    }
}

/// Conversations by id.
pub(crate) struct Conversations;

impl Batch for Conversations {
    type Key = ConversationId;
    type Value = Conversation;

    async fn load(store: &Store, ids: &[ConversationId]) -> Result<HashMap<ConversationId, Conversation>> {
        let found = conversation::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|conversation| (conversation.id, conversation)).collect())
    }
}

/// Who takes part in direct conversations.
pub(crate) struct Participants;

impl Batch for Participants {
    type Key = ConversationId;
    type Value = Vec<MemberId>;

    async fn load(store: &Store, ids: &[ConversationId]) -> Result<HashMap<ConversationId, Vec<MemberId>>> {
        store.refuse_several()?;
        conversation::participants(&mut *store.connection().await?, ids).await
    }
}

/// How far the viewer has read, by household and conversation.
pub(crate) struct States;

impl Batch for States {
    type Key = (HouseholdId, ConversationId);
    type Value = State;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, State>> {
        let mut found = HashMap::new();
        for (household, conversations) in by_household(keys) {
            let member = store.proof(household).await?;
            let states =
                conversation::states(&mut *store.connection().await?, &member, &conversations).await?;
            found.extend(states.into_iter().map(|(conversation, state)| ((household, conversation), state)));
        }
        Ok(found)
    }
}

/// What the viewer has not read, by household and conversation.
pub(crate) struct Unreads;

impl Batch for Unreads {
    type Key = (HouseholdId, ConversationId);
    type Value = Unread;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Unread>> {
        let mut found = HashMap::new();
        for (household, conversations) in by_household(keys) {
            let member = store.proof(household).await?;
            let unread =
                conversation::unread(&mut *store.connection().await?, &member, &conversations).await?;
            found
                .extend(unread.into_iter().map(|(conversation, unread)| ((household, conversation), unread)));
        }
        Ok(found)
    }
}

/// How far members have read conversations, as far as the viewer may know, by household and conversation.
pub(crate) struct Receipts;

impl Batch for Receipts {
    type Key = (HouseholdId, ConversationId);
    type Value = Arc<[(MemberId, i64)]>;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Self::Value>> {
        let mut found = HashMap::new();
        for (household, conversations) in by_household(keys) {
            let member = store.proof(household).await?;
            let conn = &mut *store.connection().await?;
            let receipts = message::receipts(conn, &member, &conversations).await?;
            found.extend(receipts.into_iter().map(|(of, receipts)| ((household, of), receipts.into())));
        }
        Ok(found)
    }
}

fn by_household<T: Copy>(keys: &[(HouseholdId, T)]) -> HashMap<HouseholdId, Vec<T>> {
    let mut households: HashMap<_, Vec<_>> = HashMap::new();
    for (household, key) in keys {
        households.entry(*household).or_default().push(*key);
    }
    households
}

/// Messages by the conversation they are known to be of, and id.
pub(crate) struct Messages;

impl Batch for Messages {
    type Key = (ConversationId, MessageId);
    type Value = Message;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, Message>> {
        let found = message::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|message| ((message.conversation_id, message.id), message)).collect())
    }
}

/// What is said in conversations of households, by the stretch that is wanted of each.
pub(crate) struct ConversationMessages;

impl Batch for ConversationMessages {
    type Key = (HouseholdId, ConversationId, message::Window);
    type Value = Vec<Message>;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Vec<Message>>> {
        let mut found = HashMap::new();
        for ((household, window), keys) in
            grouped(keys.to_vec(), |(household, _, window)| (*household, *window))
        {
            let reader = store.reader(household).await?;
            let conversations: Vec<_> = keys.into_iter().map(|(_, conversation, _)| conversation).collect();
            let conn = &mut *store.connection().await?;
            let pages = message::pages(conn, &reader, &conversations, window).await?;
            found.extend(pages.into_iter().map(|(of, messages)| ((household, of, window), messages)));
        }
        Ok(found)
    }
}

/// Who is mentioned in messages.
pub(crate) struct Mentions;

impl Batch for Mentions {
    type Key = MessageId;
    type Value = Vec<MemberId>;

    async fn load(store: &Store, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<MemberId>>> {
        message::mentions(&mut *store.connection().await?, ids).await
    }
}

/// The reactions to messages.
pub(crate) struct Reactions;

impl Batch for Reactions {
    type Key = MessageId;
    type Value = Vec<Reaction>;

    async fn load(store: &Store, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Reaction>>> {
        let found = message::reactions(&mut *store.connection().await?, ids).await?;
        Ok(grouped(found, |reaction| reaction.message_id))
    }
}

/// What messages said before.
pub(crate) struct Revisions;

impl Batch for Revisions {
    type Key = MessageId;
    type Value = Vec<Revision>;

    async fn load(store: &Store, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Revision>>> {
        let found = message::history(&mut *store.connection().await?, ids).await?;
        Ok(grouped(found, |revision| revision.message_id))
    }
}

/// Announcements by household and id.
pub(crate) struct Announcements;

impl Batch for Announcements {
    type Key = (HouseholdId, AnnouncementId);
    type Value = Announcement;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, Announcement>> {
        let found = announcement::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|found| ((found.household_id, found.id), found)).collect())
    }
}

/// Who knows of announcements.
pub(crate) struct Acknowledgements;

impl Batch for Acknowledgements {
    type Key = AnnouncementId;
    type Value = Vec<(MemberId, Time)>;

    async fn load(store: &Store, ids: &[AnnouncementId]) -> Result<HashMap<AnnouncementId, Self::Value>> {
        announcement::acknowledgements(&mut *store.connection().await?, ids).await
    }
}

/// Chores by the household they are known to be of, and id.
pub(crate) struct Tasks;

impl Batch for Tasks {
    type Key = (HouseholdId, TaskId);
    type Value = Task;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, Task>> {
        let found = task::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|task| ((task.household_id, task.id), task)).collect())
    }
}

/// Occurrences by the household they are known to be of, and id.
pub(crate) struct Occurrences;

impl Batch for Occurrences {
    type Key = (HouseholdId, OccurrenceId);
    type Value = Occurrence;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, Occurrence>> {
        let found = occurrence::known(&mut *store.connection().await?, ids).await?;
        Ok(found
            .into_iter()
            .map(|occurrence| ((occurrence.household_id, occurrence.id), occurrence))
            .collect())
    }
}

/// The open occurrences of chores.
pub(crate) struct OpenOccurrences;

impl Batch for OpenOccurrences {
    type Key = TaskId;
    type Value = Vec<Occurrence>;

    async fn load(store: &Store, tasks: &[TaskId]) -> Result<HashMap<TaskId, Vec<Occurrence>>> {
        let found = occurrence::open_of(&mut *store.connection().await?, tasks).await?;
        Ok(grouped(found, |occurrence| occurrence.task_id))
    }
}

/// The occurrences of chores, by what is wanted of each.
pub(crate) struct TaskOccurrences;

impl Batch for TaskOccurrences {
    type Key = (TaskId, occurrence::Filter, occurrence::Window);
    type Value = Vec<Occurrence>;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Vec<Occurrence>>> {
        let mut found = HashMap::new();
        for ((filter, window), keys) in
            grouped(keys.to_vec(), |(_, filter, window)| (filter.clone(), *window))
        {
            let tasks: Vec<_> = keys.into_iter().map(|(task, ..)| task).collect();
            let conn = &mut *store.connection().await?;
            let pages = occurrence::pages(conn, &tasks, &filter, window).await?;
            found.extend(pages.into_iter().map(|(task, page)| ((task, filter.clone(), window), page)));
        }
        Ok(found)
    }
}

/// Offers to trade by the household they are known to be of, and id.
pub(crate) struct Swaps;

impl Batch for Swaps {
    type Key = (HouseholdId, SwapId);
    type Value = Swap;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, Swap>> {
        let found = swap::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|swap| ((swap.household_id, swap.id), swap)).collect())
    }
}

/// Shopping lists by the household they are known to be of, and id.
pub(crate) struct GroceryLists;

impl Batch for GroceryLists {
    type Key = (HouseholdId, GroceryListId);
    type Value = grocery::List;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, grocery::List>> {
        let found = grocery::list::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|list| ((list.household_id, list.id), list)).collect())
    }
}

/// What is on shopping lists, or was, by the household they are known to be of, and id.
pub(crate) struct GroceryItems;

impl Batch for GroceryItems {
    type Key = (HouseholdId, GroceryItemId);
    type Value = grocery::Item;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, grocery::Item>> {
        let found = grocery::item::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|item| ((item.household_id, item.id), item)).collect())
    }
}

/// Products by the household they are known to be of, and id.
pub(crate) struct GroceryProducts;

impl Batch for GroceryProducts {
    type Key = (HouseholdId, GroceryProductId);
    type Value = grocery::Product;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, grocery::Product>> {
        let found = grocery::product::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|product| ((product.household_id, product.id), product)).collect())
    }
}

/// Categories of groceries by the household they are known to be of, and id.
pub(crate) struct GroceryCategories;

impl Batch for GroceryCategories {
    type Key = (HouseholdId, GroceryCategoryId);
    type Value = grocery::Category;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, grocery::Category>> {
        let found = grocery::category::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|category| ((category.household_id, category.id), category)).collect())
    }
}

/// Stores by the household they are known to be of, and id.
pub(crate) struct GroceryStores;

impl Batch for GroceryStores {
    type Key = (HouseholdId, GroceryStoreId);
    type Value = grocery::Store;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, grocery::Store>> {
        let found = grocery::store::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|store| ((store.household_id, store.id), store)).collect())
    }
}

/// Shopping trips by the household they are known to be of, and id.
pub(crate) struct GroceryTrips;

impl Batch for GroceryTrips {
    type Key = (HouseholdId, GroceryTripId);
    type Value = grocery::Trip;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, grocery::Trip>> {
        let found = grocery::trip::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|trip| ((trip.household_id, trip.id), trip)).collect())
    }
}

/// Staples by the household they are known to be of, and id.
pub(crate) struct GroceryStaples;

impl Batch for GroceryStaples {
    type Key = (HouseholdId, GroceryStapleId);
    type Value = grocery::Staple;

    async fn load(store: &Store, ids: &[Self::Key]) -> Result<HashMap<Self::Key, grocery::Staple>> {
        let found = grocery::staple::known(&mut *store.connection().await?, ids).await?;
        Ok(found.into_iter().map(|staple| ((staple.household_id, staple.id), staple)).collect())
    }
}

/// What is on a list, or left one with a trip, each with what it is.
pub(crate) type ItemsWithProducts = Arc<[(grocery::Item, grocery::Product)]>;

/// All that is on shopping lists.
pub(crate) struct ListedItems;

impl Batch for ListedItems {
    type Key = GroceryListId;
    type Value = ItemsWithProducts;

    async fn load(store: &Store, lists: &[GroceryListId]) -> Result<HashMap<GroceryListId, Self::Value>> {
        let found = grocery::item::listed(&mut *store.connection().await?, lists).await?;
        let lists = grouped(found, |(item, _)| item.list_id);
        Ok(lists.into_iter().map(|(list, items)| (list, items.into())).collect())
    }
}

/// What left its list with shopping trips.
pub(crate) struct TripItems;

impl Batch for TripItems {
    type Key = GroceryTripId;
    type Value = ItemsWithProducts;

    async fn load(store: &Store, trips: &[GroceryTripId]) -> Result<HashMap<GroceryTripId, Self::Value>> {
        let found = grocery::trip::items(&mut *store.connection().await?, trips).await?;
        let mut items: HashMap<_, Vec<_>> = HashMap::new();
        for (item, product) in found {
            if let Some(trip) = item.trip_id {
                items.entry(trip).or_default().push((item, product));
            }
        }
        Ok(items.into_iter().map(|(trip, items)| (trip, items.into())).collect())
    }
}

/// How much is on shopping lists.
pub(crate) struct ListCounts;

impl Batch for ListCounts {
    type Key = GroceryListId;
    type Value = Counts;

    async fn load(store: &Store, lists: &[GroceryListId]) -> Result<HashMap<GroceryListId, Counts>> {
        grocery::list::counts(&mut *store.connection().await?, lists).await
    }
}

/// The trips that shopping lists were taken on, by the stretch that is wanted of each.
pub(crate) struct ListTrips;

impl Batch for ListTrips {
    type Key = (GroceryListId, Window);
    type Value = Vec<grocery::Trip>;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Self::Value>> {
        let mut found = HashMap::new();
        for (window, lists) in grouped(keys.to_vec(), |(_, window)| *window) {
            let lists: Vec<_> = lists.into_iter().map(|(list, _)| list).collect();
            let pages = grocery::trip::pages(&mut *store.connection().await?, &lists, window).await?;
            found.extend(pages.into_iter().map(|(list, trips)| ((list, window), trips)));
        }
        Ok(found)
    }
}

/// What has changed on shopping lists of households, by the place in the log since when.
pub(crate) struct ListChanges;

impl Batch for ListChanges {
    type Key = (HouseholdId, GroceryListId, Option<Position>);
    type Value = Arc<Changes>;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Arc<Changes>>> {
        let mut found = HashMap::new();
        for ((household, since), lists) in
            grouped(keys.to_vec(), |(household, _, since)| (*household, *since))
        {
            let member = store.proof(household).await?;
            let lists: Vec<_> = lists.into_iter().map(|(_, list, _)| list).collect();
            let changes = changes::since(&mut *store.connection().await?, &member, &lists, since).await?;
            found.extend(
                changes.into_iter().map(|(list, changes)| ((household, list, since), Arc::new(changes))),
            );
        }
        Ok(found)
    }
}

/// What may be missing on shopping lists of households.
pub(crate) struct ListSuggestions;

impl Batch for ListSuggestions {
    type Key = (HouseholdId, GroceryListId);
    type Value = Arc<[Suggestion]>;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Self::Value>> {
        let mut found = HashMap::new();
        for (household, lists) in by_household(keys) {
            let member = store.proof(household).await?;
            let conn = &mut *store.connection().await?;
            let best = suggestion::of_lists(conn, &member, &lists, SUGGESTION_LIMIT).await?;
            found.extend(best.into_iter().map(|(list, best)| ((household, list), best.into())));
        }
        Ok(found)
    }
}

/// In which order things stand in stores, or in none in particular.
pub(crate) struct Layouts;

impl Batch for Layouts {
    type Key = (HouseholdId, Option<GroceryStoreId>);
    type Value = Arc<Layout>;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Arc<Layout>>> {
        let mut found = HashMap::new();
        for (household, stores) in by_household(keys) {
            let reader = store.reader(household).await?;
            let layouts = grocery::store::layouts(&mut *store.connection().await?, &reader, &stores).await?;
            found.extend(layouts.into_iter().map(|(store, layout)| ((household, store), Arc::new(layout))));
        }
        Ok(found)
    }
}

/// In which order stores are walked through, where that is not their order already, by household and store.
pub(crate) struct LearnedOrders;

impl Batch for LearnedOrders {
    type Key = (HouseholdId, GroceryStoreId);
    type Value = Vec<grocery::Category>;

    async fn load(store: &Store, keys: &[Self::Key]) -> Result<HashMap<Self::Key, Self::Value>> {
        let mut found = HashMap::new();
        for (household, stores) in by_household(keys) {
            let member = store.proof(household).await?;
            let orders = learned::orders(&mut *store.connection().await?, &member, &stores).await?;
            found.extend(orders.into_iter().map(|(store, order)| ((household, store), order)));
        }
        Ok(found)
    }
}

fn grouped<K: Eq + Hash, T>(items: Vec<T>, key: impl Fn(&T) -> K) -> HashMap<K, Vec<T>> {
    let mut groups: HashMap<K, Vec<T>> = HashMap::new();
    for item in items {
        groups.entry(key(&item)).or_default().push(item);
    }
    groups
}
