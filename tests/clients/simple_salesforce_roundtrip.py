# SPDX-License-Identifier: Apache-2.0
"""Drives an unmodified simple-salesforce through the proxy.

Usage: simple_salesforce_roundtrip.py PROXY_URL CA_FILE

The caller key is read from the environment variable ZOLLHAUS_KEY. Exits 0 when
everything that is read equals what was written, with a line per check.
"""

import csv
import io
import os
import sys

import requests
from simple_salesforce import Salesforce, SalesforceLogin
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

CONTACTS = [
    {
        "FirstName": "Jürgen",
        "LastName": "Müller-Lüdenscheidt",
        "Email": "juergen.mueller@example.org",
        "Phone": "+49 30 901820 4711",
    },
    {
        "FirstName": "Siân \"Ziggy\"",
        "LastName": "O'Brien & Söhne <GmbH>",
        "Email": "sian.obrien+crm@example.org",
        "Phone": "0171/5550101",
    },
    {
        "FirstName": "😀 Emoji",
        "LastName": "Ünïcödé \\ back\\slash",
        "Email": "emoji@example.net",
        "Phone": "+1 (202) 555-0143",
    },
]


def check(what, actual, expected):
    if actual != expected:
        sys.exit(f"{what}: expected {expected!r}, got {actual!r}")
    print(f"ok: {what}")


def fields(record, names):
    return {name: record[name] for name in names}


def bulk(sf):
    """A thousand contacts go out as CSV in jobs of several hundred, and come back."""
    people = [
        {
            "LastName": f"Massen;haft, \"{number}\"",
            "FirstName": "Zeile\nzwei" if number % 7 == 0 else "Ünal",
            "Email": f"bulk{number:04}@example.org",
            "LeadSource": "Web",
        }
        for number in range(1000)
    ]
    jobs = sf.bulk2.Contact.insert(records=people, batch_size=400, wait=0)
    check("every row is taken", sum(job["numberRecordsProcessed"] for job in jobs), 1000)
    check("no row fails", sum(job["numberRecordsFailed"] for job in jobs), 0)
    done = sf.bulk2.Contact.get_successful_records(jobs[0]["job_id"])
    rows = list(csv.DictReader(io.StringIO(done.encode("latin-1").decode("utf-8"), newline="")))
    check("results show what was sent", fields(rows[0], people[0]), people[0])
    ids = {row["Email"]: row["sf__Id"] for row in rows}
    check("and under which id", len(ids), 400)

    pages = sf.bulk2.Contact.query(
        "SELECT Id, Name, LastName, Email FROM Contact WHERE LeadSource = 'Web'", max_records=300
    )
    found = [row for page in pages for row in csv.DictReader(io.StringIO(page, newline=""))]
    check("pages of a query job hold every row", len(found), 1000)
    names = {row["Email"]: row["LastName"] for row in found}
    check("and are opened", names, {person["Email"]: person["LastName"] for person in people})
    check("composed names too", found[1]["Name"], f"Ünal {people[1]['LastName']}")

    jobs = sf.bulk2.Contact.upsert(
        records=[{"Email": "BULK0001@example.org", "LastName": "Geändert"}],
        external_id_field="Email",
        wait=0,
    )
    check("an upsert by e-mail is done", jobs[0]["numberRecordsFailed"], 0)
    changed = sf.Contact.get(ids["bulk0001@example.org"])
    check("and finds the contact in any spelling", changed["LastName"], "Geändert")

    failing = [{"Id": "003000000000000AAA", "LastName": "Nirgendwo"}]
    jobs = sf.bulk2.Contact.update(records=failing, wait=0)
    failed = sf.bulk2.Contact.get_failed_records(jobs[0]["job_id"])
    check("a row that failed is shown as it was sent", "Nirgendwo" in failed, True)


def batches(sf):
    """The older Bulk API, whose batches are JSON."""
    people = [
        {"LastName": f"Stapel {number}", "Email": f"batch{number:03}@example.org", "LeadSource": "Other"}
        for number in range(120)
    ]
    done = sf.bulk.Contact.insert(people, batch_size=50)
    check("every record of the batches is taken", sum(each["success"] for each in done), 120)
    query = "SELECT Id, LastName, Email FROM Contact WHERE LeadSource = 'Other'"
    rows = sf.bulk.Contact.query(query)
    names = {row["Email"]: row["LastName"] for row in rows}
    check("rows of a batch are opened", names, {it["Email"]: it["LastName"] for it in people})
    wanted = "SELECT Id, LastName FROM Contact WHERE Email = 'BATCH007@example.org'"
    row = sf.bulk.Contact.query(wanted)[0]
    check("a batch finds an address in any spelling", row["LastName"], "Stapel 7")

    changed = [{"Id": row["Id"], "LastName": "Umgestapelt"}]
    done = sf.bulk.Contact.update(changed, include_detailed_results=True)
    check("what was sent is shown with what became of it", done[0]["LastName"], "Umgestapelt")
    check("a batch of changes is read back", sf.Contact.get(row["Id"])["LastName"], "Umgestapelt")
    upsert = [{"Email": "batch008@example.org", "LastName": "Aufgestapelt"}]
    done = sf.bulk.Contact.upsert(upsert, "Email")
    check("an upsert in a batch finds its record", done[0]["created"], False)
    failed = sf.bulk.Contact.insert([{"FirstName": "Unstapelbar"}])
    check("a record that fails says so", failed[0]["success"], False)
    gone = sf.bulk.Contact.delete([{"Id": row["Id"]}])
    check("a batch deletes", gone[0]["success"], True)
    try:
        sf.bulk.Contact.query("SELECT Id FROM Contact WHERE Email LIKE 'batch%'")
        sys.exit("LIKE on a protected field was not refused in a batch")
    except SalesforceMalformedRequest as refused:
        check("a batch is refused in its form", refused.content["exceptionCode"], "ClientInputError")


def main():
    proxy, ca = sys.argv[1:3]
    session = requests.Session()
    session.verify = ca
    session.headers["Zollhaus-Key"] = os.environ["ZOLLHAUS_KEY"]
    session_id, instance = SalesforceLogin(
        username="integration@example.com",
        password="<secret> & 'more'",
        security_token="token",
        scratch_url=proxy,
        session=session,
    )
    check("a login over SOAP leads back to the proxy", f"https://{instance}", proxy)
    sf = Salesforce(instance_url=proxy, session_id=session_id, session=session)

    ids = []
    for contact in CONTACTS:
        created = sf.Contact.create(contact)
        check("create answers success", created["success"], True)
        ids.append(created["id"])
        read = sf.Contact.get(created["id"])
        check("what is read equals what was written", fields(read, contact), contact)
        check(
            "the composed name is opened in place",
            read["Name"],
            f"{contact['FirstName']} {contact['LastName']}",
        )

    sf.Contact.update(ids[0], {"LastName": "Mustermann", "Phone": "+49 40 66969 100"})
    read = sf.Contact.get(ids[0])
    check("an update is read back", read["LastName"], "Mustermann")
    check("an update leaves other fields", read["Email"], CONTACTS[0]["Email"])

    sf.Contact.upsert("Ext_Id__c/4711", {"LastName": "Upsert", "Email": "upsert@example.com"})
    sf.Contact.upsert("Ext_Id__c/4711", {"LastName": "Upsert-Zwei"})
    read = sf.Contact.get_by_custom_id("Ext_Id__c", "4711")
    check("an upsert by external id is read back", read["LastName"], "Upsert-Zwei")
    check("an upsert leaves other fields", read["Email"], "upsert@example.com")

    for email in (CONTACTS[1]["Email"], CONTACTS[1]["Email"].upper()):
        quoted = email.replace("'", "\\'")
        found = sf.query(f"SELECT Id, LastName, Email FROM Contact WHERE Email = '{quoted}'")
        check(f"one contact is found by e-mail, spelling {email.isupper()}", found["totalSize"], 1)
        check("it is the right one", found["records"][0]["Id"], ids[1])
        check("its name is opened", found["records"][0]["LastName"], CONTACTS[1]["LastName"])

    many = {}
    for number in range(25):
        email = f"page{number:02}@example.org"
        created = sf.Contact.create({"LastName": f"Seite {number:02}", "Email": email})
        many[created["id"]] = email
    session.headers["Sforce-Query-Options"] = "batchSize=10"
    rows = sf.query_all("SELECT Id, Email, LastName FROM Contact")["records"]
    del session.headers["Sforce-Query-Options"]
    check("paging returns every contact", len(rows), len(CONTACTS) + 1 + len(many))
    paged = {row["Id"]: row["Email"] for row in rows if row["Id"] in many}
    check("paged addresses are opened", paged, many)

    try:
        sf.query("SELECT Id FROM Contact WHERE Email LIKE 'juergen%'")
        sys.exit("LIKE on a protected field was not refused")
    except SalesforceMalformedRequest as refused:
        check("a refusal is one that the client parses", refused.content[0]["errorCode"], "INVALID_FIELD")

    bulk(sf)
    batches(sf)

    sf.Contact.delete(ids[2])
    try:
        sf.Contact.get(ids[2])
        sys.exit("a deleted contact was still there")
    except SalesforceResourceNotFound:
        print("ok: a deleted contact is gone")


if __name__ == "__main__":
    main()
