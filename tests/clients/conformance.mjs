// The report of conformance, as Markdown: asks a server what the audits of GraphQL over HTTP ask (npm graphql-http), and
// adds the results of other suites, from files.
//
//   node conformance.mjs URL [RESULTS.json...]
//
// A file of results is { summary: { suite }, results: [{ id, level, title, status, detail }] }. Fails if an audit does.
import { readFileSync } from "node:fs";
import { serverAudits } from "graphql-http";

const [url, ...files] = process.argv.slice(2);
if (!url) {
  console.error("say which server to ask: node conformance.mjs URL [RESULTS.json...]");
  process.exit(64);
}

async function audit({ id, name, fn }) {
  const [level, ...title] = name.split(" ");
  const { status, reason } = await fn().catch((error) => ({ status: "fatal", reason: error.message }));
  if (status !== "ok") console.error(`${id} ${name}: ${reason}`);
  return { id, level, title: title.join(" "), status: status === "ok" ? "pass" : "fail" };
}

const audits = [];
for (const each of serverAudits({ url, fetchFn: fetch })) audits.push(await audit(each));

const count = (rows, status, level) =>
  rows.filter((row) => row.status === status && (level ?? row.level) === row.level).length;
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
// What a case saw differs from run to run, in milliseconds if nothing else: only its verdict is told.
const words = { pass: "passes", fail: "**fails**", info: "for information" };
const verdict = ({ status, detail }) => (status === "skip" ? `left out: ${cell(detail)}` : words[status]);

function section(title, rows) {
  const levels = ["MUST", "SHOULD", "MAY"].filter((level) => rows.some((row) => row.level === level));
  const failed = levels.map((level) => `${level} ${count(rows, "fail", level)}`).join(", ");
  const counts = `${rows.length} cases: ${count(rows, "pass")} pass, ${count(rows, "fail")} fail (${failed}), `
    + `${count(rows, "skip")} are left out, ${count(rows, "info")} are for information.`;
  const table = rows.map((row) => `| ${row.id} | ${row.level} | ${cell(row.title)} | ${verdict(row)} |`);
  return [`## ${title}`, "", counts, "", "| case | level | what | |", "| --- | --- | --- | --- |", ...table, ""];
}

const report = section("GraphQL over HTTP: the audits of npm graphql-http", audits);
for (const file of files) {
  const { summary, results } = JSON.parse(readFileSync(file, "utf8"));
  report.push(...section(summary.suite, results));
}
console.log(report.join("\n"));
process.exitCode = count(audits, "fail") ? 1 : 0;
