// Two people chat: one with Apollo Client, one with graphql-ws alone, on two servers where there are two.
import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode, print } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { CreateHousehold, Dashboard, Events, Invite, Join, Login, Messages, Register, Send } from './documents.js';
import type { EventsSubscription, MessagesSubscription } from './generated/graphql.js';
import { told } from './told.js';

const here = process.env.ROOMM8_URL ?? 'http://127.0.0.1:9090';
const there = process.env.ROOMM8_OTHER_URL ?? here;

const socket = (url: string, token?: string): Client =>
  createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: token ? { authorization: `Bearer ${token}` } : {},
    retryAttempts: 5,
  });

/** Apollo Client as its guide sets it up: HTTP for queries and mutations, graphql-ws for subscriptions. */
function apollo(url: string, token?: string): { client: ApolloClient; close: () => Promise<void> } {
  const http = new HttpLink({
    uri: `${url}/graphql`,
    headers: token ? { authorization: `Bearer ${token}` } : {},
  });
  const live = socket(url, token);
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(live),
    http,
  );
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  return { client, close: async () => { client.stop(); await live.dispose(); } };
}

async function signIn(name: string): Promise<string> {
  const { client, close } = apollo(here);
  const email = `${name.toLowerCase()}-${crypto.randomUUID()}@example.org`;
  const password = `kettle ${crypto.randomUUID()}`;
  const registered = await client.mutate({
    mutation: Register,
    variables: { input: { email, password, displayName: name } },
  });
  assert.equal(registered.data?.register?.accepted, true);
  const signedIn = await client.mutate({
    mutation: Login,
    variables: { input: { email, password, device: 'npm' } },
  });
  await close();
  const token = signedIn.data?.login?.token;
  assert.ok(token, JSON.stringify(signedIn.data));
  return token;
}

/** Reads this many user messages from a subscription and then leaves it. */
async function read(client: Client, household: string, after: string, count: number) {
  const heard: { body: string; cursor: string }[] = [];
  const events = client.iterate<MessagesSubscription>({
    query: print(Messages),
    variables: { household, after },
  });
  for await (const { data, errors } of events) {
    assert.equal(errors, undefined);
    const event = data?.messages;
    if (event?.kind === 'MESSAGE_SENT' && event.message?.kind === 'USER') {
      heard.push({ body: event.message.body ?? '', cursor: event.cursor });
    }
    if (heard.length === count) break;
  }
  return heard;
}

const [ainosToken, bosToken] = [await signIn('Aino'), await signIn('Bo')];
const aino = apollo(here, ainosToken);
const bo = apollo(there, bosToken);
const bosSocket = socket(there, bosToken);

const created = await aino.client.mutate({
  mutation: CreateHousehold,
  variables: { input: { name: 'Rue du Four', timeZone: 'Europe/Paris', currency: 'EUR' } },
});
const household = created.data?.createHousehold?.household;
assert.ok(household);
const invited = await aino.client.mutate({
  mutation: Invite,
  variables: { input: { householdId: household.id, role: 'MEMBER' } },
});
const token = invited.data?.createInvitation?.token;
assert.ok(token);
const joined = await bo.client.mutate({ mutation: Join, variables: { input: { token } } });
assert.equal(joined.data?.acceptInvitation?.household?.id, household.id);

const send = (body: string) =>
  aino.client.mutate({
    mutation: Send,
    variables: {
      input: { conversationId: household.generalConversation.id, body, clientMutationId: crypto.randomUUID() },
    },
  });

// graphql-ws alone, in two goes: the second begins where the first ended. Fewer than what would be throttled.
const bodies = Array.from({ length: 18 }, (_, number) => `message ${number}`);
const first = read(bosSocket, household.id, household.cursor, 9);
for (const body of bodies) {
  const sent = await send(body);
  assert.equal(sent.data?.sendMessage?.message?.body, body);
}
const early = await first;
const late = await read(bosSocket, household.id, early.at(-1)?.cursor ?? '', 9);
assert.deepEqual([...early, ...late].map((event) => event.body), bodies);

// Everything that happened, from the start, in words that cover all that can.
const story: string[] = [];
const happened = bosSocket.iterate<EventsSubscription>({
  query: print(Events),
  variables: { household: household.id, after: household.cursor },
});
for await (const { data } of happened) {
  if (data?.householdEvents) story.push(told(data.householdEvents));
  if (story.at(-1)?.endsWith(bodies.at(-1) ?? '')) break;
}
assert.equal(story[0], 'Aino made an invitation used 1 times');
assert.ok(story.includes('Bo let in Bo, a member'), story.join('\n'));

// Apollo's own subscription.
const next = new Promise<string>((resolve, reject) => {
  bo.client
    .subscribe({ query: Messages, variables: { household: household.id, after: late.at(-1)?.cursor ?? null } })
    .subscribe({ next: ({ data }) => resolve(data?.messages.message?.body ?? ''), error: reject });
});
await send('to Apollo');
assert.equal(await next, 'to Apollo');

// And its normalised cache, filled by the dashboard.
const dashboard = await bo.client.query({ query: Dashboard, variables: { household: household.id } });
const shown = dashboard.data?.household;
assert.equal(shown?.members.nodes.length, 2);
const said = shown?.generalConversation.messages.nodes.filter((message) => message.kind === 'USER');
assert.deepEqual(said?.map((message) => message.body), [...bodies, 'to Apollo']);
const cached = bo.client.readQuery({ query: Dashboard, variables: { household: household.id } });
assert.deepEqual(cached, dashboard.data);

// Who is signed out learns it as an error with a code, not as an empty answer.
const nobody = apollo(here);
const refused = await nobody.client.query({
  query: Dashboard,
  variables: { household: household.id },
  errorPolicy: 'all',
});
assert.match(JSON.stringify(refused.error), /UNAUTHENTICATED/);

await Promise.all([aino.close(), bo.close(), nobody.close(), bosSocket.dispose()]);
console.log('two people chatted through Apollo Client and graphql-ws');
process.exit(0);
