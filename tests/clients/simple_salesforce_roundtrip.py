# SPDX-License-Identifier: Apache-2.0
"""Drives an unmodified simple-salesforce through the proxy.

Usage: simple_salesforce_roundtrip.py PROXY_URL CA_FILE

The caller key is read from the environment variable ZOLLHAUS_KEY. Exits 0 when
everything that is read equals what was written, with a line per check.
"""

import os
import sys

import requests
from simple_salesforce import Salesforce
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


def main():
    proxy, ca = sys.argv[1:3]
    session = requests.Session()
    session.verify = ca
    session.headers["Zollhaus-Key"] = os.environ["ZOLLHAUS_KEY"]
    sf = Salesforce(instance_url=proxy, session_id="00Dxx!session", session=session)

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

    sf.Contact.delete(ids[2])
    try:
        sf.Contact.get(ids[2])
        sys.exit("a deleted contact was still there")
    except SalesforceResourceNotFound:
        print("ok: a deleted contact is gone")


if __name__ == "__main__":
    main()
