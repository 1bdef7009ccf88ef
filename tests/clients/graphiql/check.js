// Walks through GraphiQL's tabs in Chromium, as a newcomer does, until two people chat live in two windows.
//
//   ROOMM8_URL         the server, without Ada and Bo of any other password
//   ROOMM8_OTHER_URL   another of its instances, for Bo
//   CHROMIUM           the browser, if it is not called chromium
//   NO_OTHER_HOST      set: the page is to ask no CDN
//   SCREENSHOTS        a folder for pictures of both windows
//
// What the page asks of its CDN is answered with the files of the npm packages, so the digests in the page are
// checked, and nothing leaves the machine.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = process.env.ROOMM8_URL ?? 'http://127.0.0.1:9090';
const there = process.env.ROOMM8_OTHER_URL ?? here;
const packages = fileURLToPath(new URL('node_modules/', import.meta.url));
const executablePath = find(process.env.CHROMIUM ?? 'chromium');
if (!executablePath) {
  console.log('there is no Chromium here: GraphiQL is not tried in a browser');
  process.exit(0);
}

function find(browser) {
  try {
    return execFileSync('which', [browser], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

const profile = mkdtempSync(join(tmpdir(), 'roomm8-graphiql-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath,
  viewport: { width: 1400, height: 900 },
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
browser.setDefaultTimeout(15_000);
await browser.route(({ origin }) => origin !== here && origin !== there, answerForTheNetwork);

/** The CDN's files come from npm; everything else is out of reach. */
async function answerForTheNetwork(route) {
  if (process.env.NO_OTHER_HOST) complaints.push(`the page asks for ${route.request().url()}`);
  const file = /^https:\/\/unpkg\.com\/([^@/]+)@([^/]+)\/(.+\.(js|css))$/.exec(route.request().url());
  if (!file) return route.abort();
  const [, name, version, path, kind] = file;
  assert.equal(version, JSON.parse(readFileSync(`${packages}${name}/package.json`, 'utf8')).version);
  return route.fulfill({
    path: `${packages}${name}/${path}`,
    contentType: kind === 'js' ? 'text/javascript' : 'text/css',
    headers: { 'access-control-allow-origin': '*' },
  });
}

const complaints = [];

async function open(url) {
  const page = await browser.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${url}/`);
  await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
  return page;
}

const turnTo = (page, tab) => page.locator('.graphiql-tab-button', { hasText: tab }).click();

/** Replaces what stands in Variables or Headers. */
async function write(page, pane, value) {
  await page.getByRole('button', { name: pane, exact: true }).click();
  const editor = page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror');
  await editor.evaluate((element, text) => element.CodeMirror.setValue(text), JSON.stringify(value, null, 2));
  // The page notes what is typed after a moment.
  await page.waitForTimeout(300);
}

const shown = (page) => page.locator('.result-window .CodeMirror').evaluate((element) => element.CodeMirror.getValue());

/** What the page shows once it shows something that will do. */
async function seen(page, willDo) {
  for (let tries = 0; tries < 150; tries += 1) {
    const text = await shown(page);
    const answer = text && JSON.parse(text);
    if (answer && willDo(answer)) return answer;
    await page.waitForTimeout(100);
  }
  assert.fail(`the page shows ${await shown(page)}`);
}

async function run(page, operation, willDo) {
  await page.locator('.result-window .CodeMirror').evaluate((element) => element.CodeMirror.setValue(''));
  await page.locator('.graphiql-execute-button').click();
  await page.getByRole('menuitem', { name: operation, exact: true }).click();
  return seen(page, willDo);
}

const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const picture = (page, name) =>
  process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });

try {
  const adas = await open(here);
  const registered = await run(adas, 'SignUp', ({ data }) => data);
  assert.deepEqual([registered.data.ada.accepted, registered.data.bo.accepted], [true, true]);
  const { data: { ada, bo } } = await run(adas, 'SignIn', ({ data }) => data);
  assert.ok(ada.token && bo.token, JSON.stringify({ ada, bo }));

  await turnTo(adas, 'Found');
  await write(adas, 'Headers', bearer(ada.token));
  const founded = await run(adas, 'Found', ({ data }) => data);
  const { id: household, generalConversation: { id: conversation } } = founded.data.createHousehold.household;
  await write(adas, 'Variables', { household, conversation });
  const invited = await run(adas, 'Invite', ({ data }) => data);
  const { code } = invited.data.createInvitation;

  // Bo is in a second window, which knows none of Ada's headers.
  const bos = await open(there);
  await turnTo(bos, 'Join');
  await write(bos, 'Headers', bearer(bo.token));
  await write(bos, 'Variables', { code });
  const joined = await run(bos, 'Join', ({ data }) => data);
  assert.equal(joined.data.acceptInvitation.household.id, household);
  await write(bos, 'Variables', { household, conversation });

  await run(adas, 'Listen', ({ data }) => data?.messages.kind === 'SUBSCRIBED');
  await run(bos, 'Say', ({ data }) => data?.sendMessage.message);
  const heard = await seen(adas, ({ data }) => data?.messages.kind === 'MESSAGE_SENT');
  assert.equal(heard.data.messages.message.body, "Hello @Ada, I'm home! 👋");
  assert.equal(heard.data.messages.message.author.displayName, 'Bo');
  await picture(adas, 'ada-listens');
  await picture(bos, 'bo-speaks');

  // And back: the one who listened speaks, the other listens.
  await adas.locator('.graphiql-execute-button').click();
  await run(bos, 'ListenAsBo', ({ data }) => data?.messages.kind === 'SUBSCRIBED');
  await run(adas, 'Answer', ({ data }) => data?.sendMessage.message);
  await seen(bos, ({ data }) => data?.messages.message?.body.startsWith('Welcome, @Bo!'));

  // Who is not signed in is told so, in words.
  await bos.locator('.graphiql-execute-button').click();
  await write(bos, 'Headers', {});
  await run(bos, 'ListenAsBo', (answer) => /UNAUTHENTICATED/.test(JSON.stringify(answer)));

  await adas.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await adas.locator('.graphiql-doc-explorer').getByText('subscription').first().waitFor();
  assert.deepEqual(complaints, []);
  console.log('two people chatted live in GraphiQL');
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
