# SPDX-License-Identifier: Apache-2.0
"""Presidio's pattern recognisers over texts of JSON lines: what `--example scan` compares with.

No language model is loaded: each recogniser is asked by itself. `pip install presidio-analyzer`.
Reads files from the arguments, writes for each text a line of [start, end, class].
"""
import gzip
import json
import sys

import tldextract
from presidio_analyzer import predefined_recognizers as known

CLASSES = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "card",
    "US_SSN": "national_id",
    "US_ITIN": "national_id",
    "AU_TFN": "national_id",
    "AU_MEDICARE": "national_id",
    "DE_TAX_ID": "national_id",
    "DE_SOCIAL_SECURITY": "national_id",
    "DE_HEALTH_INSURANCE": "national_id",
}
REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR", "AT", "CH", "AU")


# The list of top-level domains that comes with it: nothing is fetched, so its time is its own.
tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())


def recognizers():
    yield known.EmailRecognizer()
    yield known.PhoneRecognizer(supported_regions=REGIONS)
    yield known.IbanRecognizer()
    yield known.CreditCardRecognizer()
    yield known.UsSsnRecognizer()
    yield known.UsItinRecognizer()
    yield known.AuTfnRecognizer()
    yield known.AuMedicareRecognizer()
    yield known.DeTaxIdRecognizer()
    yield known.DeSocialSecurityRecognizer()
    yield known.DeHealthInsuranceRecognizer()


def main():
    asked = [(it, it.supported_entities) for it in recognizers()]
    for path in sys.argv[1:]:
        for line in gzip.open(path, "rt", encoding="utf-8"):
            text = json.loads(line)["text"]
            found = []
            for recognizer, entities in asked:
                for it in recognizer.analyze(text, entities, None) or []:
                    found.append([it.start, it.end, CLASSES[it.entity_type]])
            print(json.dumps(found))


main()
