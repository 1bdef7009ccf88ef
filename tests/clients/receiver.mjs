// What notifications go to besides mail: a browser with its push service, and a webhook. It opens and checks what comes with
// libraries that are not ours, and says in lines of JSON what that was.
//
//   node receiver.mjs    first it says where both are; what it is told on standard input is the webhook's `secret`, and
//                        `statuses` to answer with, one a request, before all others are taken
import { createECDH, createPublicKey, randomBytes, verify } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import ece from "http_ece";
import { Webhook } from "standardwebhooks";

const browser = createECDH("prime256v1");
const p256dh = browser.generateKeys("base64url");
const auth = randomBytes(16).toString("base64url");
let secret;
const statuses = [];

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const need = (holds, what) => {
  if (!holds) throw new Error(what);
};

// RFC 8030, 8188, 8291 and 8292.
function open(headers, body, origin) {
  need(headers["content-encoding"] === "aes128gcm", "it is not sealed");
  need(Number(headers.ttl) > 0 && headers.urgency === "normal", "it has no TTL or urgency");
  need(/^[\w-]{1,32}$/.test(headers.topic), "its topic is none");
  const [, token, key] = headers.authorization.match(/^vapid t=([^,]+), k=([\w-]+)$/);
  const [head, claims, signature] = token.split(".");
  const point = Buffer.from(key, "base64url");
  const jwk = { kty: "EC", crv: "P-256", x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url") };
  const signer = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
  need(verify("sha256", Buffer.from(`${head}.${claims}`), signer, Buffer.from(signature, "base64url")), "nobody signed it");
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, "base64url"));
  const ahead = exp - Date.now() / 1000;
  need(aud === origin && ahead > 0 && ahead <= 86400 && /^(mailto|https):/.test(sub), "its claims are wrong");
  const text = ece.decrypt(body, { version: "aes128gcm", privateKey: browser, authSecret: auth });
  return { to: "browser", key, id: JSON.parse(text).id, payload: JSON.parse(text) };
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const status = statuses.shift() ?? 201;
  try {
    const origin = `http://${request.headers.host}`;
    const told =
      request.url === "/push"
        ? open(request.headers, body, origin)
        : { to: "webhook", id: request.headers["webhook-id"], payload: new Webhook(secret).verify(body, request.headers) };
    say({ ...told, status });
  } catch (error) {
    say({ error: String(error) });
  }
  response.writeHead(status).end();
});

server.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  say({ browser: { endpoint: `${url}/push`, p256dh, auth }, webhook: `${url}/hook` });
});

const told = createInterface({ input: process.stdin });
told.on("line", (line) => {
  const wish = JSON.parse(line);
  secret = wish.secret ?? secret;
  statuses.push(...(wish.statuses ?? []));
  say({ heard: true });
});
// Whoever started it is gone.
told.on("close", () => process.exit());
