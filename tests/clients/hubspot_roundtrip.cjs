// SPDX-License-Identifier: Apache-2.0
/*
Drives an unmodified @hubspot/api-client through the proxy.

Usage: hubspot_roundtrip.cjs PROXY_URL

The library sends no headers of its caller's choice, so the proxy has to know the caller
without a key. Exits 0 when everything that is read equals what was written, with a line
per check.
*/
"use strict";

const assert = require("node:assert/strict");
const { Client } = require("@hubspot/api-client");

const PROPERTIES = ["email", "firstname", "lastname", "phone"];
const CONTACTS = [
  {
    email: "juergen.mueller@example.org",
    firstname: "Jürgen",
    lastname: "Müller-Lüdenscheidt",
    phone: "+49 30 901820 4711",
  },
  {
    email: "sian.obrien+crm@example.org",
    firstname: 'Siân "Ziggy"',
    lastname: "O'Brien & Söhne <GmbH>",
    phone: "0171/5550101",
  },
  {
    email: "emoji@example.net",
    firstname: "😀 Emoji",
    lastname: "Ünïcödé \\ back\\slash",
    phone: "+1 (202) 555-0143",
  },
];
const MANY = Array.from({ length: 1000 }, (_, n) => ({
  email: `bulk.person${n}@example.com`,
  firstname: `Vorname${n}`,
  lastname: `Massenhaft${n}`,
  phone: `+49 89 77${String(n).padStart(4, "0")}`,
}));

function check(what, actual, expected) {
  assert.deepEqual(actual, expected, what);
  console.log(`ok: ${what}`);
}

const pick = (record) =>
  Object.fromEntries(PROPERTIES.map((name) => [name, record.properties[name]]));

function hundreds(list) {
  return Array.from({ length: list.length / 100 }, (_, n) => list.slice(100 * n, 100 * n + 100));
}

async function failure(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call should have failed");
}

async function main() {
  const client = new Client({
    accessToken: "pat-eu1-x",
    basePath: process.argv[2],
    limiterOptions: { minTime: 0, maxConcurrent: 4 },
  });
  const { basicApi, batchApi, searchApi } = client.crm.contacts;
  const equals = (propertyName, value) => ({
    filterGroups: [{ filters: [{ propertyName, operator: "EQ", value }] }],
    properties: PROPERTIES,
    limit: 10,
  });

  const ids = [];
  for (const properties of CONTACTS) {
    const created = await basicApi.create({ properties, associations: [] });
    check("create answers with what was sent", pick(created), properties);
    ids.push(created.id);
  }
  for (const [n, expected] of CONTACTS.entries()) {
    check("read by id", pick(await basicApi.getById(ids[n], PROPERTIES)), expected);
    const read = await basicApi.getById(
      expected.email,
      PROPERTIES,
      undefined,
      undefined,
      false,
      "email",
    );
    check("read by e-mail", [read.id, pick(read)], [ids[n], expected]);
    const shouting = await searchApi.doSearch(equals("email", expected.email.toUpperCase()));
    check("search in another case", shouting.results.map(pick), [expected]);
    const named = await searchApi.doSearch(equals("lastname", expected.lastname));
    check("search by name", named.results.map(pick), [expected]);
  }
  check("nobody is found", (await searchApi.doSearch(equals("email", "no@example.org"))).total, 0);

  const changed = { ...CONTACTS[0], phone: "+49 30 1234567" };
  await basicApi.update(ids[0], { properties: { phone: changed.phone } });
  check("update", pick(await basicApi.getById(ids[0], PROPERTIES)), changed);
  const renamed = { properties: { lastname: "Schmitz" } };
  await basicApi.update(changed.email, renamed, "email");
  const after = pick(await basicApi.getById(ids[0], PROPERTIES));
  check("update by e-mail", after, { ...changed, lastname: "Schmitz" });

  const bulk = [];
  for (const inputs of hundreds(MANY)) {
    const answer = await batchApi.create({
      inputs: inputs.map((properties) => ({ properties, associations: [] })),
    });
    bulk.push(...answer.results);
  }
  check("a thousand are created in batches", bulk.map(pick), MANY);
  const wanted = MANY.slice(7, 107);
  const byMail = await batchApi.read({
    inputs: wanted.map(({ email }) => ({ id: email })),
    idProperty: "email",
    properties: PROPERTIES,
    propertiesWithHistory: [],
  });
  const order = (a, b) => a.email.localeCompare(b.email);
  check("batch read by e-mail", byMail.results.map(pick).sort(order), wanted.sort(order));
  const moved = await batchApi.update({
    inputs: bulk.slice(0, 100).map(({ id }) => ({ id, properties: { firstname: "Umbenannt" } })),
  });
  check("batch update", new Set(moved.results.map((it) => it.properties.firstname)).size, 1);
  const upserted = await batchApi.upsert({
    inputs: [MANY[500], { ...CONTACTS[1], email: "brand.new@example.org" }].map((properties) => ({
      id: properties.email,
      idProperty: "email",
      properties,
    })),
  });
  check("batch upsert", upserted.results.map((it) => it.properties.email).sort(), [
    "brand.new@example.org",
    MANY[500].email,
  ]);

  const all = await client.crm.contacts.getAll(100, undefined, PROPERTIES);
  check("all pages", all.length, 1004);
  const shown = new Map(all.map((record) => [record.id, pick(record)]));
  check("a record of a later page", shown.get(bulk[999].id), MANY[999]);
  const raw = await client.apiRequest({
    path: `/crm/v3/objects/contacts?limit=5&properties=${PROPERTIES.join(",")}`,
  });
  const { paging } = await raw.json();
  check("the link to the next page leads here", paging.next.link.split("/crm/")[0], process.argv[2]);
  const followed = await client.apiRequest({ path: paging.next.link.slice(process.argv[2].length) });
  check("it can be followed", pick((await followed.json()).results[0]), pick(all[5]));

  const twice = await failure(basicApi.create({ properties: CONTACTS[2], associations: [] }));
  check("a conflict has its status", twice.code, 409);
  check("a conflict has its category", twice.body.category, "CONFLICT");
  const unreadable = await failure(searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: "email", operator: "CONTAINS_TOKEN", value: "*@example.org" }] }],
  }));
  check("what surrogates cannot answer is refused", unreadable.code, 400);
  assert.match(unreadable.body.message, /CONTAINS_TOKEN/);

  await activities(client, ids[0]);

  await basicApi.archive(ids[1]);
  check("deleted", (await failure(basicApi.getById(ids[1]))).code, 404);
  await batchApi.archive({ inputs: bulk.slice(0, 100).map(({ id }) => ({ id })) });
  check("deleted in a batch", (await failure(basicApi.getById(bulk[0].id))).code, 404);
}

// What is written about a person, who it is linked to, and who is in charge.
async function activities(client, contact) {
  const { notes, emails } = client.crm.objects;
  const { v4 } = client.crm.associations;
  const body = "<p>Rückruf bei <b>Jürgen</b> Müller&#8209;Lüdenscheidt, 0171/5550101</p>";
  const note = await notes.basicApi.create({
    properties: { hs_timestamp: "2026-03-01T09:00:00Z", hs_note_body: body },
    associations: [
      {
        to: { id: contact },
        types: [{ associationCategory: "HUBSPOT_DEFINED", associationTypeId: 202 }],
      },
    ],
  });
  check("a note comes back", note.properties.hs_note_body, body);

  const headers = {
    from: { email: "sabine.schulz@acme.example", firstName: "Sabine", lastName: "Schulz" },
    to: [
      { email: CONTACTS[0].email, firstName: "Jürgen", lastName: 'Müller "M"' },
      { email: CONTACTS[1].email },
    ],
    cc: [],
  };
  const written = {
    hs_timestamp: "2026-03-01T09:00:00Z",
    hs_email_direction: "EMAIL",
    hs_email_headers: JSON.stringify(headers),
    hs_email_subject: "Ihr Anruf, Herr Müller",
    hs_email_text: "Lieber Jürgen",
  };
  const email = await emails.basicApi.create({ properties: written, associations: [] });
  const shown = Object.keys(written).map((name) => email.properties[name]);
  check("an e-mail comes back", shown, Object.values(written));
  const made = ["hs_email_from_email", "hs_email_to_email", "hs_email_to_lastname"];
  const read = await emails.basicApi.getById(email.id, made);
  check("what is made of its headers", made.map((name) => read.properties[name]), [
    headers.from.email,
    `${CONTACTS[0].email};${CONTACTS[1].email}`,
    'Müller "M"',
  ]);

  await v4.basicApi.createDefault("emails", email.id, "contacts", contact);
  const ids = async (type) =>
    (await v4.basicApi.getPage("contacts", contact, type)).results.map((it) => it.toObjectId);
  check("a record is linked when it is made", await ids("notes"), [note.id]);
  check("and later", await ids("emails"), [email.id]);
  const batch = await v4.batchApi.getPage("notes", "contacts", { inputs: [{ id: note.id }] });
  check("links in a batch", batch.results[0].to.map((it) => it.toObjectId), [contact]);
  await v4.basicApi.archive("contacts", contact, "notes", note.id);
  check("a link is taken away", await ids("notes"), []);

  const owners = (await client.crm.owners.ownersApi.getPage()).results;
  check("owners", owners.map((it) => it.lastName), ["Schulz", "Aziz"]);
  const one = await client.crm.owners.ownersApi.getById(Number(owners[0].id));
  check("one owner", one.email, "sabine.schulz@acme.example");
  const found = await failure(client.crm.owners.ownersApi.getPage(one.email));
  check("owners are not found by surrogates", found.code, 400);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
