// What this front end asks for; the types of the answers are generated from these.
import { graphql } from './generated/gql.js';

export const Register = graphql(`
  mutation Register($input: RegisterInput!) {
    register(input: $input) { accepted userErrors { code field message } }
  }
`);

export const Login = graphql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) { token viewer { user { id displayName } } userErrors { code field message } }
  }
`);

export const CreateHousehold = graphql(`
  mutation CreateHousehold($input: CreateHouseholdInput!) {
    createHousehold(input: $input) {
      household { id name cursor generalConversation { id } }
      userErrors { code field message }
    }
  }
`);

export const Invite = graphql(`
  mutation Invite($input: CreateInvitationInput!) {
    createInvitation(input: $input) { token userErrors { code field message } }
  }
`);

export const Join = graphql(`
  mutation Join($input: AcceptInvitationInput!) {
    acceptInvitation(input: $input) { household { id } userErrors { code field message } }
  }
`);

export const Send = graphql(`
  mutation Send($input: SendMessageInput!) {
    sendMessage(input: $input) {
      message { id body author { id displayName } }
      cursor
      userErrors { code field message }
    }
  }
`);

export const Dashboard = graphql(`
  query Dashboard($household: ID!) {
    household(id: $household) {
      id
      name
      unreadCount
      members(first: 10) { nodes { id displayName role user { id } } }
      generalConversation {
        id
        messages(last: 50) { nodes { id kind body createdAt author { id displayName } } }
      }
    }
  }
`);

export const Messages = graphql(`
  subscription Messages($household: ID!, $after: Cursor) {
    messages(householdId: $household, after: $after) {
      cursor
      kind
      message { id kind body author { id } }
    }
  }
`);

export const Events = graphql(`
  subscription Events($household: ID!, $after: Cursor) {
    householdEvents(householdId: $household, after: $after) {
      cursor
      kind
      actor { displayName }
      subject {
        __typename
        ... on Household { name }
        ... on Member { displayName role status }
        ... on Invitation { uses }
        ... on Conversation { kind title }
        ... on Message { body }
        ... on Announcement { announced: title }
        ... on Task { chore: title }
        ... on Occurrence { number task { title } }
        ... on SwapOffer { state }
        ... on GroceryList { list: name }
        ... on GroceryItem { item: name }
        ... on GroceryProduct { product: name }
        ... on GroceryCategory { category: name }
        ... on GroceryStore { store: name }
        ... on GroceryTrip { itemCount }
        ... on GroceryStaple { rule }
      }
    }
  }
`);
