// SPDX-License-Identifier: Apache-2.0
//! Calls of functions.

use super::cursor::Constant;
use super::functions::QueryFunction;
use super::parser::{Parser, Side};
use super::{Comparison, Operand, SyntaxError};
use crate::carrier::Role;

impl<'t> Parser<'t, '_> {
    /// `contains(lastname,'x')`: what it is given is of no use to a surrogate.
    pub(super) fn computed(&mut self, name: &'static str) -> Result<Side, SyntaxError> {
        let start = self.cursor.at();
        self.cursor.any_word()?;
        self.cursor.sign("(")?;
        let mut fields = Vec::new();
        // What a search is given: the property itself, and then a text.
        let (mut searched, mut arguments) = (None, 0);
        let has_arguments = !self.cursor.next_is(")");
        if has_arguments {
            loop {
                self.cursor.enter()?;
                arguments += 1;
                match self.side()?.ok_or_else(|| self.cursor.expected("a value"))? {
                    Side::Field(field) => {
                        searched = (arguments == 1).then(|| (field.clone(), None));
                        fields.push(field);
                    }
                    Side::Computed(_, inner) => fields.extend(inner),
                    Side::Constant(Constant::Alias(name)) => self.found.passed.push(name),
                    Side::Search(_, field, ..) => fields.push(field),
                    Side::Constant(Constant::Literal(literal)) => {
                        if let Some((_, text)) = &mut searched {
                            *text = Some(literal);
                        }
                    }
                    Side::Constant(_) => {}
                }
                self.cursor.leave();
                if !self.cursor.take_sign(",") {
                    break;
                }
            }
        }
        if fields.is_empty() && (name != "now" || has_arguments) {
            // Its values would belong to nothing.
            return Err(self.cursor.expected("a property"));
        }
        self.cursor.sign(")")?;
        let is_search = matches!(name, "contains" | "startswith" | "endswith");
        match searched {
            Some((field, Some(text))) if is_search && arguments == 2 => {
                let whole = start..self.cursor.end_of_last();
                Ok(Side::Search(name, field, text, whole))
            }
            _ => Ok(Side::Computed(name, fields)),
        }
    }

    /// `Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['x','y'])`.
    pub(super) fn query_function(
        &mut self,
        function: QueryFunction,
        names: Vec<&'t str>,
    ) -> Result<(), SyntaxError> {
        let at = self.cursor.at();
        self.cursor.any_word()?;
        self.cursor.sign("(")?;
        if !self.cursor.take_word("PropertyName") {
            return Err(self.cursor.expected("PropertyName"));
        }
        self.cursor.sign("=")?;
        let name = self.property_name()?;
        let names: Vec<&str> = names.into_iter().chain(name.split('/')).collect();
        let field = self.path(&names, at)?;
        if let QueryFunction::Other(name) = function {
            self.use_all([field.clone()], name);
        }
        if function == (QueryFunction::Membership { is_negated: true }) {
            self.found.finds_others = true;
        }
        while self.cursor.take_sign(",") {
            let parameter = self.cursor.name()?;
            self.cursor.sign("=")?;
            let is_list = parameter == "PropertyValues" && self.cursor.next_is("[");
            match function {
                QueryFunction::Membership { .. } if is_list => self.values(&field, "[", "]")?,
                QueryFunction::Membership { .. } => {
                    let Some(Constant::Alias(name)) = self.cursor.take_constant(false)? else {
                        return Err(self.cursor.expected("a list"));
                    };
                    let (role, with) = (Role::Equality, Operand::Alias(name));
                    self.found.comparisons.push(Comparison { field: field.clone(), role, with });
                }
                QueryFunction::Other(_) if is_list => {
                    let before = self.found.comparisons.len();
                    self.values(&field, "[", "]")?;
                    self.found.comparisons.truncate(before);
                }
                QueryFunction::Other(_) => match self.cursor.take_constant(false)? {
                    Some(Constant::Alias(name)) => self.found.passed.push(name),
                    Some(_) => {}
                    None => return Err(self.cursor.expected("a value")),
                },
            }
        }
        self.cursor.sign(")")
    }

    /// The name in `PropertyName=…`, also behind an alias.
    fn property_name(&mut self) -> Result<String, SyntaxError> {
        let is_path = |name: &String| name.split('/').all(is_name);
        let quoted = |text: &str| text.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned);
        let missing = self.cursor.expected("the name of a property");
        let name = match self.cursor.take_constant(false)? {
            Some(Constant::Literal(literal)) => quoted(self.cursor.raw(literal.span)),
            Some(Constant::Alias(alias)) => {
                let name = (self.alias)(&alias).and_then(|text| quoted(&text));
                self.found.passed.push(alias);
                name
            }
            _ => None,
        };
        name.filter(is_path).ok_or(missing)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
