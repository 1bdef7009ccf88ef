// Asks a server and graphql-js the same, thousands of times, and compares the answers.
//
//   node differential.mjs URL [--seed N] [--count N]
//
// The server is the protocol layer's stub (api/tests/protocol/stub): its schema is learnt by introspection, and `Lab`
// and what is below it have the same resolvers here. Documents and variables are made at random, valid and invalid,
// and each is reproducible from the number that is printed with a difference. Equal means: the same data, byte for
// byte; errors at the same paths; or no data at all on both sides. What errors say is not compared.
import { parseArgs } from "node:util";
import {
  buildClientSchema, execute, getIntrospectionQuery, getNamedType, isAbstractType, isCompositeType, isLeafType,
  isNonNullType, isListType, parse, specifiedRules, validate,
} from "graphql";

const { values: options, positionals: [url] } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: "string", default: "1" }, count: { type: "string", default: "1000" } },
});
const [seed, count] = [Number(options.seed), Number(options.count)];

async function ask(query, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

// The world, as api/tests/protocol/stub/lab.rs has it.
const animal = (n) => (n >= 0 ? { __typename: n % 2 === 0 ? "Cat" : "Dog", n } : null);
const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
const fail = (message) => { throw new Error(message); };
const words = (box) =>
  `${box.count} ${box.label} ${box.moods == null ? "none" : box.moods.length} (${box.inner == null ? "nothing" : words(box.inner)})`;
const animals = {
  id: ({ __typename, n }) => `${__typename.toLowerCase()}-${n}`,
  name: ({ __typename, n }) => (__typename === "Cat" && n % 3 === 0 ? null : `${__typename} ${n}`),
  friend: ({ n }) => animal(n - 1),
  enemies: ({ n }) => (n === 2 ? null : range(0, Math.min(n, 2)).map(animal)),
  flaw: ({ n }) => (n % 3 === 0 ? null : n % 3 === 1 ? fail("a flaw") : n),
  fault: ({ n }) => (n % 4 === 3 ? fail("a fault") : n),
};
const world = {
  Query: { hello: () => "world", me: () => ({}), lab: () => ({}) },
  Lab: {
    cat: (_, { n }) => (n >= 0 ? { __typename: "Cat", n } : null),
    dog: (_, { n }) => ({ __typename: "Dog", n }),
    animal: (_, { n }) => animal(n ?? 4),
    animals: (_, { to }) => range(0, Math.min(to, 5)).map(animal),
    maybe: (_, { to }) => (to == null ? null : range(-1, Math.min(to, 5)).map(animal)),
    pet: (_, { n }) => animal(n),
    pets: () => range(0, 4).map(animal),
    number: (_, { v }) => v,
    float: (_, { v }) => v,
    text: (_, { v }) => v,
    mood: (_, { v }) => v,
    lists: (_, { v }) => v,
    unpacked: (_, { v }) => (v == null ? null : words(v)),
    broken: () => fail("broken"),
    again: () => ({}),
  },
  Cat: { ...animals, lives: ({ n }) => n, size: ({ n }, { times }) => Math.imul(n, times) },
  Dog: { ...animals, barks: ({ n }) => n > 1, size: ({ n }) => `${n} feet` },
};

const introspected = await ask(getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true }), {});
const schema = buildClientSchema(introspected.data);
for (const [type, fields] of Object.entries(world)) {
  for (const [name, resolve] of Object.entries(fields)) schema.getType(type).getFields()[name].resolve = resolve;
}

// Chance, from a number (mulberry32).
function chance(state) {
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { often: (share) => next() < share, below: (n) => Math.floor(next() * n), of: (list) => list[Math.floor(next() * list.length)] };
}

// A document and variables, mostly right. `wrong` is the share of choices made without looking at the type.
function invent(number) {
  const random = chance(number);
  const wrong = random.of([0, 0, 0, 0, 0.02, 0.06]);
  const variables = [];
  const values = {};
  const fragments = [];
  let aliases = 0;
  const composite = ["Lab", "Cat", "Dog", "Animal", "Pet"];

  const literal = (type, depth = 0, mayBeNull = true) => {
    if (random.often(wrong)) return random.of(["1", "\"x\"", "true", "null", "SAD", "[1]", "{count: 1}", "1.5", "3000000000", "[[1, null]]"]);
    if (isNonNullType(type)) return literal(type.ofType, depth, false);
    if (mayBeNull && random.often(0.1)) return "null";
    if (isListType(type)) return random.often(0.15) ? literal(type.ofType, depth) : `[${range(0, random.below(3)).map(() => literal(type.ofType, depth)).join(", ")}]`;
    switch (type.name) {
      case "Int": return String(random.below(9) - 1);
      case "Float": return random.of(["1", "2.5", "-0.25", "1e3"]);
      case "String": return random.of(["\"\"", "\"text\"", "\"\u00e9\\n\"", "\"\"\" block \"\"\""]);
      case "Boolean": return random.of(["true", "false"]);
      case "Mood": return random.of(["HAPPY", "SAD"]);
      default: {
        const fields = ["label: \"l\""];
        if (random.often(0.4)) fields.push(`count: ${random.often(0.3) ? variable(schema.getType("Int")) : random.below(5)}`);
        if (random.often(0.3)) fields.push("moods: [SAD, HAPPY]");
        if (random.often(0.3) && depth < 2) fields.push(`inner: ${literal(schema.getType("Box"), depth + 1)}`);
        return `{${fields.join(", ")}}`;
      }
    }
  };
  const json = (type, depth = 0, mayBeNull = true) => {
    if (random.often(wrong * 2)) return random.of([1, "x", true, null, "SAD", [1], { count: 1 }, 1.5, 3e9, [[1, null]]]);
    if (isNonNullType(type)) return json(type.ofType, depth, false);
    if (mayBeNull && random.often(0.1)) return null;
    if (isListType(type)) return random.often(0.15) ? json(type.ofType, depth) : range(0, random.below(3)).map(() => json(type.ofType, depth));
    switch (type.name) {
      case "Int": return random.below(9) - 1;
      case "Float": return random.of([1, 2.5, -0.25, 1000]);
      case "String": return random.of(["", "text", "\u00e9\n"]);
      case "Boolean": return random.often(0.5);
      case "Mood": return random.of(["HAPPY", "SAD"]);
      default: return { label: "l", ...(random.often(0.4) && { count: random.below(5) }), ...(random.often(0.3) && depth < 2 && { inner: json(schema.getType("Box"), depth + 1) }) };
    }
  };
  const variable = (type) => {
    const name = `v${variables.length}`;
    const declared = random.often(wrong) ? random.of(["Int", "String!", "[Int]", "Mood", "Box", "Boolean!"]) : String(type);
    const nullable = declared.endsWith("!") ? declared.slice(0, -1) : declared;
    const spelled = random.of([declared, declared, nullable, `${nullable}!`]);
    const hasDefault = !isNonNullType(type) && random.often(0.3) && type === getNamedType(type);
    variables.push(`$${name}: ${spelled}${hasDefault ? ` = ${literal(type)}` : ""}`);
    if (!random.often(0.15)) values[name] = json(type);
    return `$${name}`;
  };
  const directives = () => {
    if (!random.often(0.12)) return "";
    const condition = random.often(0.4) ? variable({ toString: () => "Boolean!", name: "Boolean" }) : random.of(["true", "false"]);
    return ` @${random.of(["skip", "include"])}(if: ${condition})`;
  };
  const field = (type, depth) => {
    if (random.often(0.1)) return `${random.often(0.1) ? "a: " : ""}__typename${directives()}`;
    const known = world[type.name] ?? animals;
    const names = Object.keys(type.getFields?.() ?? {}).filter((name) => name in known);
    if (names.length === 0 || random.often(wrong)) return random.of(["nothing", "size", "lives", "id { id }", "__typename"]);
    const definition = type.getFields()[random.of(names)];
    const given = definition.args
      .filter((arg) => (isNonNullType(arg.type) && arg.defaultValue === undefined ? !random.often(wrong) : random.often(0.6)))
      .map((arg) => `${arg.name}: ${random.often(0.35) ? variable(arg.type) : literal(arg.type)}`);
    // Fields that differ need names that differ, mostly.
    const alias = given.length > 0 && random.often(0.8) ? `${definition.name}${(aliases += 1)}: ` : random.often(0.1) ? `${random.of(["a", "b", "c"])}: ` : "";
    const of = getNamedType(definition.type);
    const selection = isLeafType(of) ? (random.often(wrong / 2) ? " { id }" : "") : random.often(wrong / 2) ? "" : ` ${set(of, depth + 1)}`;
    return `${alias}${definition.name}${given.length ? `(${given.join(", ")})` : ""}${directives()}${selection}`;
  };
  const set = (type, depth) => {
    const parts = range(0, 1 + random.below(depth > 4 ? 2 : 4)).map(() => {
      if (depth < 6 && random.often(0.25)) {
        const on = random.often(wrong) ? schema.getType(random.of(composite)) : near(type);
        if (random.often(0.1)) return `...${directives()} ${set(type, depth + 1)}`;
        if (random.often(0.5)) return `... on ${on.name}${directives()} ${set(on, depth + 1)}`;
        const name = `F${fragments.length}`;
        fragments.push(null);
        fragments[Number(name.slice(1))] = `fragment ${name} on ${on.name} ${set(on, depth + 1)}`;
        return `...${name}${directives()}${random.often(0.1) ? ` ...${name}` : ""}`;
      }
      return depth > 5 ? "__typename" : field(type, depth);
    });
    return `{ ${parts.join(" ")} }`;
  };
  const near = (type) => {
    if (isAbstractType(type)) return random.of([type, schema.getType("Cat"), schema.getType("Dog")]);
    return ["Cat", "Dog"].includes(type.name) ? random.of([type, schema.getType("Animal"), schema.getType("Pet")]) : type;
  };
  const body = `{ lab ${set(schema.getType("Lab"), 1)}${random.often(0.3) ? ` lab ${set(schema.getType("Lab"), 1)}` : ""} }`;
  const head = variables.length ? `query(${variables.join(", ")}) ` : "";
  return { query: `${head}${body} ${fragments.join(" ")}`, variables: values };
}

async function expected(query, variables) {
  let document;
  try { document = parse(query); } catch (error) { return { errors: [error] }; }
  const errors = validate(schema, document, specifiedRules);
  if (errors.length > 0) return { errors };
  return JSON.parse(JSON.stringify(await execute({ schema, document, variableValues: variables, rootValue: {} })));
}

// Whether two answers say the same. Two differences are known. Where an error makes the item of a list null, the server's path may end there.
function agree(ours, theirs, variables) {
  // Where a variable brings null to where null may not be, graphql-js runs what is around it, and the server nothing.
  if (ours.errors?.[0].message.startsWith("null stands where")) return Object.values(variables).includes(null);
  if (ours.data === undefined || theirs.data === undefined) return ours.data === theirs.data;
  if (JSON.stringify(ours.data) !== JSON.stringify(theirs.data)) return false;
  const left = (theirs.errors ?? []).map((error) => error.path);
  // The longest first: they fit least.
  const paths = (ours.errors ?? []).map((error) => error.path).sort((one, other) => other?.length - one?.length);
  return paths.every((path) => {
    const isSame = (other) => path && path.every((segment, at) => segment === other[at])
      && (path.length === other.length || typeof path.at(-1) === "number");
    const at = left.findIndex(isSame);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  }) && left.length === 0;
}

const essence = ({ data, errors }) => JSON.stringify({ data, errors: errors?.map(({ path, message }) => ({ path, message })) });

let [refused, partial, different] = [0, 0, 0];
for (let number = seed; number < seed + count; number += 1) {
  const { query, variables } = invent(number);
  const [ours, theirs] = [await ask(query, variables), await expected(query, variables)];
  if (theirs.data === undefined) refused += 1;
  else if (theirs.errors) partial += 1;
  if (!agree(ours, theirs, variables) && (different += 1) <= 10) {
    console.error(`number ${number} differs\n  ${query}\n  ${JSON.stringify(variables)}\n  server:     ${essence(ours)}\n  graphql-js: ${essence(theirs)}`);
  }
}
console.log(`${count} documents from ${seed} on: ${refused} refused, ${partial} with errors, ${different} different`);
process.exit(different > 0 ? 1 : 0);
