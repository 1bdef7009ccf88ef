// Tells events in words, as a front end must: every kind and every subject, or this does not compile.
import type {
  ConversationKind,
  EventsSubscription,
  HouseholdEventKind,
  MemberStatus,
  Role,
} from './generated/graphql.js';

type Event = NonNullable<EventsSubscription['householdEvents']>;
type Subject = NonNullable<Event['subject']>;

const deeds: Record<HouseholdEventKind, string> = {
  SUBSCRIBED: 'listens to',
  HOUSEHOLD_CREATED: 'founded',
  HOUSEHOLD_UPDATED: 'changed',
  HOUSEHOLD_ARCHIVED: 'put away',
  HOUSEHOLD_RESTORED: 'brought back',
  MEMBER_JOINED: 'let in',
  MEMBER_ROLE_CHANGED: 'changed the role of',
  MEMBER_REMOVED: 'removed',
  MEMBER_LEFT: 'took leave as',
  INVITATION_CREATED: 'made',
  INVITATION_REVOKED: 'revoked',
  CONVERSATION_CREATED: 'opened',
  CONVERSATION_STATE_CHANGED: 'looked at',
  MESSAGE_SENT: 'sent',
  MESSAGE_EDITED: 'edited',
  MESSAGE_DELETED: 'deleted',
  REACTION_ADDED: 'reacted to',
  REACTION_REMOVED: 'no longer reacts to',
  ANNOUNCEMENT_POSTED: 'announced',
  ANNOUNCEMENT_EDITED: 'changed',
  ANNOUNCEMENT_REMOVED: 'took back',
  ANNOUNCEMENT_ACKNOWLEDGED: 'knows of',
  TASK_CREATED: 'made',
  TASK_UPDATED: 'changed',
  TASK_ARCHIVED: 'put away',
  TASK_RESTORED: 'brought back',
  OCCURRENCE_OPENED: 'opened',
  OCCURRENCE_CLOSED: 'closed',
  OCCURRENCE_REOPENED: 'took back',
  OCCURRENCE_ASSIGNED: 'gave away',
  OCCURRENCE_CANCELLED: 'cancelled',
  OCCURRENCE_RESCHEDULED: 'put off',
  OCCURRENCE_SUBMITTED: 'says to have done',
  OCCURRENCE_REJECTED: 'does not believe in',
  SUBTASK_CHANGED: 'did a part of',
  SWAP_OFFERED: 'offers to trade',
  SWAP_CLOSED: 'settled the trade of',
  ABSENCE_CHANGED: 'changed the absences of',
  GROCERY_LIST_CREATED: 'made',
  GROCERY_LIST_UPDATED: 'changed',
  GROCERY_LIST_ARCHIVED: 'put away',
  GROCERY_LIST_RESTORED: 'brought back',
  GROCERY_ITEM_ADDED: 'wants',
  GROCERY_ITEM_MERGED: 'wants more of',
  GROCERY_ITEM_UPDATED: 'changed',
  GROCERY_ITEM_STATE_CHANGED: 'said what became of',
  GROCERY_TRIP_FINISHED: 'came home from',
  GROCERY_TRIP_UNDONE: 'undid',
  GROCERY_PRODUCT_UPDATED: 'changed',
  GROCERY_PRODUCT_REMOVED: 'forgot',
  GROCERY_CATEGORY_CREATED: 'named',
  GROCERY_CATEGORY_UPDATED: 'changed',
  GROCERY_CATEGORY_REMOVED: 'removed',
  GROCERY_STORE_CREATED: 'named',
  GROCERY_STORE_UPDATED: 'changed',
  GROCERY_STORE_REMOVED: 'removed',
  GROCERY_STAPLE_CREATED: 'always wants',
  GROCERY_STAPLE_UPDATED: 'changed',
  GROCERY_STAPLE_REMOVED: 'no longer always wants',
};

const roles: Record<Role, string> = { OWNER: 'an owner', ADMIN: 'an admin', MEMBER: 'a member', GUEST: 'a guest' };
const statuses: Record<MemberStatus, string> = { ACTIVE: '', LEFT: ' who left', REMOVED: ' who was removed' };
const conversations: Record<ConversationKind, string> = {
  GENERAL: 'the general conversation',
  TOPIC: 'a conversation about',
  DIRECT: 'a direct conversation',
};

function named(subject: Subject): string {
  switch (subject.__typename) {
    case 'Household': return subject.name;
    case 'Member': return `${subject.displayName}, ${roles[subject.role]}${statuses[subject.status]}`;
    case 'Invitation': return `an invitation used ${subject.uses} times`;
    case 'Conversation': return [conversations[subject.kind], subject.title].filter(Boolean).join(' ');
    case 'Message': return subject.body ?? 'a message that is gone';
    case 'Announcement': return subject.announced ?? 'an announcement that is gone';
    case 'Task': return `the chore ${subject.chore}`;
    case 'Occurrence': return `${subject.task.title}, number ${subject.number}`;
    case 'SwapOffer': return `a trade that is ${subject.state}`;
    case 'GroceryList': return `the list ${subject.list}`;
    case 'GroceryItem': return subject.item;
    case 'GroceryProduct': return subject.product;
    case 'GroceryCategory': return `the category ${subject.category}`;
    case 'GroceryStore': return `the store ${subject.store}`;
    case 'GroceryTrip': return `a trip for ${subject.itemCount} things`;
    case 'GroceryStaple': return `the staple ${subject.rule}`;
    default: return subject satisfies never;
  }
}

export const told = ({ kind, actor, subject }: Event): string =>
  `${actor?.displayName ?? 'nobody'} ${deeds[kind]} ${subject ? named(subject) : 'nothing'}`;
