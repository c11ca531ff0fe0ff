// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use regex::Regex;

use super::context::{Clue, Clues};
use super::{pattern, stands_alone};

/// Kinds of German streets that are a word of their own, too.
const STREETS: &str =
    "straße|strasse|str\\.|str|gasse|allee|weg|chaussee|promenade|damm|ufer|steig|pfad";

/// Others, which are streets only as the end of a name.
const ENDINGS: &str = "platz|ring|markt|hof|berg|graben|wall|winkel|anger|zeile|tor|brücke|park|\
    kamp|feld|heide|garten|stieg|twiete|redder|kai|hang|rain|bogen";

/// What streets are in English (USPS, Publication 28, and what the United Kingdom and
/// Australia have besides).
const ENGLISH: &str = "Alley|Avenue|Ave|Bend|Boulevard|Blvd|Branch|Bridge|Brook|Brooks|Bypass|Camp|\
    Canyon|Center|Centers|Centre|Circle|Circles|Close|Cliff|Cliffs|Club|Common|Commons|Corner|\
    Corners|Course|Court|Courts|Cove|Coves|Creek|Crescent|Crest|Crossing|Crossroad|Curve|Dale|Dam|\
    Divide|Drive|Drives|Dr|Estate|Estates|Expressway|Extension|Fall|Falls|Ferry|Field|Fields|Flat|\
    Flats|Ford|Fords|Forest|Forge|Forges|Fork|Forks|Fort|Freeway|Garden|Gardens|Gateway|Glen|Glens|\
    Green|Greens|Grove|Groves|Harbor|Harbors|Haven|Heights|Highway|Hill|Hills|Hollow|Inlet|Island|\
    Islands|Isle|Junction|Junctions|Key|Keys|Knoll|Knolls|Lake|Lakes|Land|Landing|Lane|Ln|Light|\
    Lights|Loaf|Lock|Locks|Lodge|Loop|Mall|Manor|Manors|Meadow|Meadows|Mews|Mill|Mills|Mission|\
    Motorway|Mount|Mountain|Mountains|Neck|Orchard|Oval|Overpass|Park|Parks|Parade|Parkway|\
    Parkways|Pass|Passage|Path|Pike|Pine|Pines|Place|Plain|Plains|Plaza|Point|Points|Port|Ports|\
    Prairie|Radial|Ramp|Ranch|Rapid|Rapids|Rest|Ridge|Ridges|River|Road|Roads|Rd|Route|Row|Rue|\
    Run|Shoal|Shoals|Shore|Shores|Skyway|Spring|Springs|Spur|Spurs|Square|Squares|Station|\
    Stravenue|Stream|Street|Streets|St|Summit|Terrace|Throughway|Trace|Track|Trafficway|Trail|\
    Tunnel|Turnpike|Underpass|Union|Unions|Valley|Valleys|Via|Viaduct|View|Views|Village|Villages|\
    Ville|Vista|Walk|Walks|Wall|Way|Ways|Well|Wells";

const STATES: &str = "A[KLRSZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|\
    P[ARW]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|NSW|VIC|QLD|ACT|TAS|NT|SA";

const BRITISH: &str = r"[A-Z]{1,2}[0-9][0-9A-Z]?\ ?[0-9][A-Z]{2}";

/// A town, of up to three words; small ones bind others to it.
const TOWN: &str = r"\p{Lu}[\p{L}'’/-]+(?:\ (?:am|an\ der|ob\ der|vor\ der|in|im|bei)\ \p{Lu}[\p{L}-]+|\ \([\p{L}.]+\)|\ \p{Lu}[\p{L}'’/-]+){0,2}";

/// Patterns of postal addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    streets: Regex,
    places: Regex,
}

impl Addresses {
    pub(super) fn new() -> Self {
        let house = r"[0-9]{1,4}(?:\ ?[a-zA-Z]\b)?(?:\ ?[-/+]\ ?[0-9]{1,4}(?:\ ?[a-zA-Z]\b)?){0,2}";
        let german = format!(r"(?:(?:[DACH]{{1,2}}-)?[0-9]{{4,5}},?\ {TOWN})");
        let german_tail =
            format!(r"(?:,?\s{{1,2}}{german}|,\ {TOWN},?\ [0-9]{{4,5}}|\ in\ {german})");
        let code = format!(
            r"(?:(?:{STATES}),?\ [0-9]{{4,5}}(?:-[0-9]{{3,4}})?|{BRITISH}|[A-Z][0-9][A-Z]\ ?[0-9][A-Z][0-9]|[0-9]{{5}}(?:-[0-9]{{3,4}})?|[0-9]{{4}})\b"
        );
        let unit = r"(?:(?i:Suite|Ste\.?|Apt\.?|Apartment|Unit|Flat|Studio|Floor|Room)\ [0-9]{1,5}[a-zA-Z]?|\#\ ?[0-9]{1,5})";
        let english_tail = format!(r"(?:(?:,?\s{{1,2}}{TOWN}){{0,2}},?\s{{1,2}}{code}|,\ {TOWN})");
        let streets = format!(
            r"(?x)
            # Lange Straße 5a, 80331 München
            (?:(?:\p{{Lu}}[\p{{L}}.]*[-\ ]){{0,4}}(?:\p{{Lu}}\p{{L}}*)?(?i:{STREETS})
                |(?:\p{{Lu}}[\p{{L}}.]*[-\ ]){{0,4}}\p{{Lu}}\p{{L}}{{2,30}}(?:{ENDINGS})
                |(?:\p{{Lu}}[\p{{L}}.]*-){{1,4}}(?i:{ENDINGS}))
            \ ?{house}(?:{german_tail})?
            # Am Alten Markt 5, 80331 München
            | (?:Am|An\ der|An\ den|Auf\ der|Auf\ dem|Im|In\ der|In\ den|Zum|Zur|Unter\ den|Vor\ dem|Hinter\ der)
                (?:\ \p{{Lu}}[\p{{L}}-]+){{1,3}}\ {house},?\s{{1,2}}{german}
            # 12 North Main Street, Suite 5, Springfield, IL 62704
            | [0-9]{{1,5}}[a-zA-Z]?\ (?:\p{{Lu}}[\p{{L}}'’.]*\ ){{1,4}}(?:{ENGLISH})\b\.?(?:,?\ {unit})?{english_tail}?
            # Flat 22i, Lake Geoffrey, WF88 3RL
            | {unit},?\ (?:[0-9]{{1,5}}\ )?{TOWN}(?:,\ {TOWN})?,?\ {code}
            # P.O. Box 12, Postfach 12 34 56, 80331 München
            | (?:P\.?\ ?O\.?\ ?Box|GPO\ Box|Postfach|Locked\ Bag)\ [0-9](?:\ ?[0-9]){{0,9}}(?:{german_tail}|{english_tail})?
            # PSC 3117, Box 0609, APO AA 44332
            | (?:PSC|Unit|USNS|USS|USCGC)\ [\p{{L}}0-9]+,?\s(?:Box\ [0-9]+,?\s)?(?:APO|FPO|DPO)\ A[AEP]\ [0-9]{{5}}"
        );
        let places = format!(r"(?x)(?P<country>(?:D|A|CH|DE|AT)-)?[0-9]{{4,5}}\ {TOWN}");
        Self { streets: pattern(&streets), places: pattern(&places) }
    }

    /// A street with a number, with the town where one follows; a post code with its town
    /// behind a country or a word for an address.
    pub(super) fn find(&self, text: &str, clues: &Clues) -> Vec<Range<usize>> {
        let streets = self.streets.find_iter(text).map(|found| found.range());
        let mut found: Vec<_> = streets.filter(|span| stands_alone(text, span)).collect();
        let places = self.places.captures_iter(text).filter_map(|captures| {
            let span = captures.get(0)?.range();
            let is_said =
                captures.name("country").is_some() || clues.before(span.start, Clue::Address);
            (is_said && stands_alone(text, &span)).then_some(span)
        });
        found.extend(places);
        found
    }
}
