// GraphiQL for this server, with tabs that lead from nothing to two people who chat live.

const endpoint = new URL('graphql', location.href);
const socket = new URL(endpoint);
socket.protocol = socket.protocol.replace('http', 'ws');

/** Answers one operation the way GraphiQL asks: over HTTP, or over a socket if it is a subscription. */
function fetcher(parameters, { headers = {}, documentAST } = {}) {
  const isAsked = ({ operation, name }) =>
    operation === 'subscription' && (!parameters.operationName || name?.value === parameters.operationName);
  return documentAST?.definitions.some(isAsked) ? follow(parameters, headers) : ask(parameters, headers);
}

async function ask(parameters, headers) {
  const accept = 'application/graphql-response+json, application/json;q=0.9';
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(parameters),
  });
  return answer.json();
}

/** Each subscription has its own socket: it is signed in with the headers of its tab. */
function follow(parameters, headers) {
  return {
    subscribe(observer) {
      const client = graphqlWs.createClient({ url: socket.href, connectionParams: headers, retryAttempts: 0 });
      const stop = client.subscribe(parameters, { ...observer, error: (error) => observer.error(readable(error)) });
      return { unsubscribe() { stop(); client.dispose(); } };
    },
  };
}

/** What befell a socket is an event, which GraphiQL would show as {}; a close frame says why. */
function readable(error) {
  if (error instanceof CloseEvent) return { message: `the socket was closed: ${error.code} ${error.reason}` };
  return error instanceof Event ? { message: 'the socket could not be opened' } : error;
}

const signIn = `# Two people, one home, live: three tabs, and a second
# window at the end.
#
# 1. Ada and Bo sign up. Put the cursor into the
#    operation and press Ctrl-Enter.

mutation SignUp {
  ada: register(input: {
    email: "ada@example.org"
    displayName: "Ada"
    password: "we water the ferns on sundays"
  }) { accepted userErrors { code field message } }

  bo: register(input: {
    email: "bo@example.org"
    displayName: "Bo"
    password: "violet kettle nine stairs"
  }) { accepted userErrors { code field message } }
}

# 2. They sign in: the same again, down here.

mutation SignIn {
  ada: login(input: {
    email: "ada@example.org"
    password: "we water the ferns on sundays"
    device: "GraphiQL"
  }) { token userErrors { code field message } }

  bo: login(input: {
    email: "bo@example.org"
    password: "violet kettle nine stairs"
    device: "GraphiQL"
  }) { token userErrors { code field message } }
}

# 3. Each token stands for one person on one device.
#    Copy Ada's, and go to the tab "Found".
`;

const ada = `# You are Ada: paste her token into Headers, below.
#
# 4. Found a household.

mutation Found {
  createHousehold(input: {
    name: "Rue du Four 12"
    timeZone: "Europe/Paris"
    currency: "EUR"
  }) {
    household { id name generalConversation { id } }
    userErrors { code field message }
  }
}

# 5. Copy both ids into Variables, below, and invite Bo.
#    Then take the code to the tab "Join".

mutation Invite($household: ID!) {
  createInvitation(input: {
    householdId: $household
    role: MEMBER
  }) { code userErrors { code field message } }
}

# 7. Once Bo has joined, listen. This goes on until you
#    stop it or leave this tab.

subscription Listen($household: ID!) {
  messages(householdId: $household) {
    kind
    cursor
    message { body createdAt author { displayName } }
  }
}

# 9. Stop listening, and answer. Bo can listen, too.

mutation Answer($conversation: ID!) {
  sendMessage(input: {
    conversationId: $conversation
    body: "Welcome, @Bo! The kettle is on. 🫖"
  }) {
    message { id body mentions { displayName } }
    userErrors { code field message }
  }
}
`;

const bo = `# You are Bo: go back for his token, and paste it into
# Headers, below.
#
# 6. Put Ada's code into Variables, and join. Then copy
#    both ids from the answer to Variables.

mutation Join($code: String!) {
  acceptInvitation(input: { code: $code }) {
    household { id name generalConversation { id } }
    userErrors { code field message }
  }
}

# 8. While Ada listens in her tab, open this page in a
#    second window, be Bo there, and say something: it
#    appears in her window at once.

mutation Say($conversation: ID!) {
  sendMessage(input: {
    conversationId: $conversation
    body: "Hello @Ada, I'm home! 👋"
  }) {
    message { id body }
    userErrors { code field message }
  }
}

subscription ListenAsBo($household: ID!) {
  messages(householdId: $household) {
    kind
    cursor
    message { body createdAt author { displayName } }
  }
}

# And this is what was said so far.

query Read($conversation: ID!) {
  conversation(id: $conversation) {
    unreadCount
    messages(last: 20) {
      nodes {
        kind
        body
        author { displayName }
        reactions { emoji count }
      }
      pageInfo { hasPreviousPage startCursor }
    }
  }
}
`;

const json = (value) => JSON.stringify(value, null, 2);
const tokenOf = (name) => json({ Authorization: `Bearer paste ${name}'s token here` });
const defaultTabs = [
  { query: signIn, headers: '' },
  { query: ada, headers: tokenOf('Ada'), variables: json({ household: '', conversation: '' }) },
  { query: bo, headers: tokenOf('Bo'), variables: json({ code: '', household: '', conversation: '' }) },
];

if (globalThis.GraphiQL && globalThis.graphqlWs) {
  const properties = { fetcher, defaultTabs, defaultEditorToolsVisibility: 'headers', inputValueDeprecation: true };
  ReactDOM.createRoot(document.getElementById('graphiql')).render(React.createElement(GraphiQL, properties));
}
