// SPDX-License-Identifier: Apache-2.0
//! The query options that are no boolean expressions.

use super::parser::Parser;
use super::{Clause, SyntaxError};

/// Methods of `aggregate` ("OData Extension for Data Aggregation").
const METHODS: [&str; 5] = ["sum", "min", "max", "average", "countdistinct"];

impl Parser<'_, '_> {
    pub(super) fn clause(&mut self, clause: Clause) -> Result<(), SyntaxError> {
        match clause {
            Clause::Filter => self.condition(),
            Clause::OrderBy => self.ordering(),
            Clause::Select => self.selection(),
            Clause::Expand => self.expansion(),
            Clause::Apply => self.transformations(),
        }
    }

    /// `lastname desc,primarycontactid/fullname`
    fn ordering(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.property("$orderby")?;
            let _ = self.cursor.take_word("asc") || self.cursor.take_word("desc");
            if !self.cursor.take_sign(",") {
                return Ok(());
            }
        }
    }

    /// A path whose property is used by `operator`.
    fn property(&mut self, operator: &'static str) -> Result<(), SyntaxError> {
        let at = self.cursor.at();
        let mut names = vec![self.cursor.name()?];
        while self.cursor.take_sign("/") {
            names.push(self.cursor.name()?);
        }
        let path = self.path(&names, at)?;
        self.use_all([path], operator);
        Ok(())
    }

    /// Names only: nothing stands for a value in it.
    fn selection(&mut self) -> Result<(), SyntaxError> {
        self.cursor.list(
            |cursor| {
                if cursor.take_sign("*") { Ok(()) } else { cursor.name().map(drop) }
            },
        )
    }

    /// `primarycontactid($select=fullname;$expand=…),contact_customer_accounts/$ref`
    fn expansion(&mut self) -> Result<(), SyntaxError> {
        loop {
            let name = self.cursor.name()?;
            if self.cursor.take_sign("/") && !self.cursor.take_word("$ref") {
                return Err(self.cursor.expected("$ref"));
            }
            if self.cursor.take_sign("(") {
                self.cursor.enter()?;
                self.base.push(name.to_owned());
                self.nested_options()?;
                self.base.pop();
                self.cursor.leave();
                self.cursor.sign(")")?;
            }
            if !self.cursor.take_sign(",") {
                return Ok(());
            }
        }
    }

    fn nested_options(&mut self) -> Result<(), SyntaxError> {
        loop {
            let name = self.cursor.any_word()?;
            self.cursor.sign("=")?;
            match name {
                "$filter" => self.condition()?,
                "$orderby" => self.ordering()?,
                "$select" => self.selection()?,
                "$expand" => self.expansion()?,
                "$top" | "$skip" | "$levels" => self.cursor.count()?,
                "$count" if self.cursor.take_word("true") || self.cursor.take_word("false") => {}
                _ => return Err(self.cursor.expected("a known option")),
            }
            if !self.cursor.take_sign(";") {
                return Ok(());
            }
        }
    }

    /// `filter(…)/groupby((statuscode),aggregate($count as count))`
    fn transformations(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.transformation()?;
            if !self.cursor.take_sign("/") {
                return Ok(());
            }
        }
    }

    fn transformation(&mut self) -> Result<(), SyntaxError> {
        let name = self.cursor.any_word()?;
        self.cursor.sign("(")?;
        self.cursor.enter()?;
        match name {
            "filter" => self.condition()?,
            "aggregate" => self.aggregates()?,
            "groupby" => {
                self.cursor.sign("(")?;
                loop {
                    self.property("groupby")?;
                    if !self.cursor.take_sign(",") {
                        break;
                    }
                }
                self.cursor.sign(")")?;
                if self.cursor.take_sign(",") {
                    self.transformations()?;
                }
            }
            _ => return Err(self.cursor.expected("a known transformation")),
        }
        self.cursor.leave();
        self.cursor.sign(")")
    }

    /// `revenue with sum as total,$count as count`
    fn aggregates(&mut self) -> Result<(), SyntaxError> {
        loop {
            if !self.cursor.take_word("$count") {
                let start = self.found.uses.len();
                self.property("aggregate")?;
                if !self.cursor.take_word("with") {
                    return Err(self.cursor.expected("with"));
                }
                let method = METHODS.into_iter().find(|method| self.cursor.take_word(method));
                let method = method.ok_or_else(|| self.cursor.expected("a known method"))?;
                for found in self.found.uses.iter_mut().skip(start) {
                    found.operator = method;
                }
            }
            if !self.cursor.take_word("as") {
                return Err(self.cursor.expected("as"));
            }
            let name = self.cursor.name()?.to_owned();
            self.found.computed.push(name);
            if !self.cursor.take_sign(",") {
                return Ok(());
            }
        }
    }
}
