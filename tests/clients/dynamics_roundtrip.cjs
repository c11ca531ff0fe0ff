// SPDX-License-Identifier: Apache-2.0
/*
Drives an unmodified dynamics-web-api through the proxy.

Usage: dynamics_roundtrip.cjs PROXY_URL

The library leaves a path out of the URL that it is given, so the proxy has to know the
upstream without one. Exits 0 when everything that is read equals what was written, with
a line per check.
*/
"use strict";

const assert = require("node:assert/strict");
const { DynamicsWebApi } = require("dynamics-web-api");

const COLUMNS = ["firstname", "lastname", "emailaddress1", "telephone1", "description"];
const CONTACTS = [
  {
    firstname: "Jürgen",
    lastname: "Müller-Lüdenscheidt",
    emailaddress1: "juergen.mueller@example.org",
    telephone1: "+49 30 901820 4711",
    description: "Rückruf: Jürgen, 030/9018204711",
  },
  {
    firstname: 'Siân "Ziggy"',
    lastname: "O'Brien & Söhne <GmbH>",
    emailaddress1: "sian.o'brien@example.org",
    telephone1: "0171/5550101",
    description: "😀",
  },
  {
    firstname: "Ünïcödé",
    lastname: "\\ back\\slash",
    emailaddress1: "some_body@example.net",
    telephone1: "+1 (202) 555-0143",
    description: "x".repeat(500),
  },
];

function check(what, actual, expected) {
  assert.deepEqual(actual, expected, what);
  console.log(`ok: ${what}`);
}

const pick = (record) => Object.fromEntries(COLUMNS.map((name) => [name, record[name]]));
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const escaped = (text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

async function failure(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call should have failed");
}

async function main() {
  const api = new DynamicsWebApi({
    serverUrl: process.argv[2],
    dataApi: { version: "9.2" },
    onTokenRefresh: async () => "a token",
  });
  const collection = "contacts";

  check("who am I", (await api.callFunction({ name: "WhoAmI" })).UserId.length, 36);
  const ids = [];
  for (const data of CONTACTS) ids.push(await api.create({ collection, data }));
  check("create answers with an id", new Set(ids.map((id) => id.length)), new Set([36]));
  for (const [n, expected] of CONTACTS.entries()) {
    const read = await api.retrieve({ collection, key: ids[n], select: COLUMNS, includeAnnotations: "*" });
    check("read by id", pick(read), expected);
    check("the full name", read.fullname, `${expected.firstname} ${expected.lastname}`);
    const filter = `emailaddress1 eq ${quoted(expected.emailaddress1.toUpperCase())}`;
    const found = await api.retrieveMultiple({ collection, select: COLUMNS, filter, count: true });
    check("found in another case", found.value.map(pick), [expected]);
    const named = await api.retrieveMultiple({ collection, filter: `lastname eq ${quoted(expected.lastname)}` });
    check("found by name", named.value.map(pick), [expected]);
    const fetchXml = `<fetch mapping="logical"><entity name="contact"><all-attributes/><filter><condition attribute="lastname" operator="eq" value="${escaped(expected.lastname)}"/></filter></entity></fetch>`;
    const fetched = await api.fetch({ collection, fetchXml });
    check("fetched by name", fetched.value.map(pick), [expected]);
  }
  const byKey = await api.retrieve({ collection, key: `emailaddress1=${quoted(CONTACTS[0].emailaddress1)}` });
  check("read by an alternate key", pick(byKey), CONTACTS[0]);

  const long = CONTACTS.map((it) => `lastname eq ${quoted(it.lastname)}`).join(" or ") + " or lastname eq 'nobody'".repeat(100);
  const many = await api.retrieveMultiple({ collection, filter: long });
  check("a URL that is too long goes in a batch", many.value.map(pick), CONTACTS);

  const changed = { ...CONTACTS[0], telephone1: "+49 30 1234567" };
  check("update", await api.update({ collection, key: ids[0], data: { telephone1: changed.telephone1 } }), true);
  const updated = await api.update({ collection, key: ids[0], data: { lastname: "Schmitz" }, returnRepresentation: true });
  check("update answers with the record", pick(updated), { ...changed, lastname: "Schmitz" });
  await api.updateSingleProperty({ collection, key: ids[0], fieldValuePair: { telephone1: "112" } });
  check("one column", (await api.retrieve({ collection, key: ids[0] })).telephone1, "112");
  await api.deleteRecord({ collection, key: ids[0], property: "telephone1" });
  check("no column", (await api.retrieve({ collection, key: ids[0] })).telephone1, null);
  const key = "emailaddress1='brand.new@example.org'";
  const upserted = await api.upsert({ collection, key, data: { lastname: "Neu" }, returnRepresentation: true });
  check("upsert", [upserted.lastname, upserted.emailaddress1], ["Neu", "brand.new@example.org"]);
  await api.associate({
    collection: "accounts",
    primaryKey: ids[0],
    relationshipName: "contact_customer_accounts",
    relatedCollection: "contacts",
    relatedKey: key,
  });
  console.log("ok: associate");

  api.startBatch();
  api.create({ collection, data: CONTACTS[1], contentId: "1" });
  api.update({ collection: "$1", data: { lastname: "Im Stapel" } });
  api.retrieve({ collection, key: ids[2] });
  const [made, , read] = await api.executeBatch();
  check("a batch answers part by part", [made.length, pick(read)], [36, CONTACTS[2]]);
  const inBatch = await api.retrieve({ collection, key: made });
  check("what a change set refers to", inBatch.lastname, "Im Stapel");

  const all = await api.retrieveAll({ collection, select: COLUMNS });
  check("all", all.value.length, 5);
  let page = await api.retrieveMultiple({ collection, maxPageSize: 2 });
  const paged = [...page.value];
  while (page.oDataNextLink) {
    check("the next page is here", page.oDataNextLink.startsWith(process.argv[2]), true);
    page = await api.retrieveMultiple({ collection, maxPageSize: 2 }, page.oDataNextLink);
    paged.push(...page.value);
  }
  check("all pages", paged.map((it) => it.lastname), all.value.map((it) => it.lastname));

  const refused = await failure(api.retrieveMultiple({ collection, filter: "contains(lastname,'x')" }));
  check("what surrogates cannot answer is refused", refused.status, 400);
  assert.match(refused.message, /^Zollhaus: contains/);
  await api.deleteRecord({ collection, key: ids[1] });
  check("deleted", (await failure(api.retrieve({ collection, key: ids[1] }))).status, 404);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
