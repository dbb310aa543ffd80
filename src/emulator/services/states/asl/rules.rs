//! From the JSON of a Choice state's ways to their compiled form.

use serde_json::Value;

use super::super::choice::{Comparison, Domain, Operand, Rule, Test, Trait};
use super::super::eval::template::Language;
use super::super::eval::{Expression, Template};
use super::fields::Fields;
use super::handlers::{read_assign, read_list, target};
use super::reader::Setting;
use super::{Choice, Condition, Problem};

pub(super) fn read_choice(fields: Fields<'_>, setting: Setting<'_>, problems: &mut Vec<Problem>) -> Option<Choice> {
    fields.require(&["Next"], problems);
    let next = target(&fields, "Next", setting, problems);
    let condition = if fields.language == Language::Jsonata {
        fields.only(&[&["Comment", "Condition", "Next", "Assign", "Output"]], problems);
        fields.require(&["Condition"], problems);
        match fields.get("Condition")? {
            Value::Bool(_) => {}
            Value::String(text) if Template::is_formula(text) => {}
            _ => {
                let message = "Expected value of type Boolean or a JSONata expression";
                problems.push(Problem::schema(message, fields.place("Condition")));
            }
        }
        Condition::Formula(fields.template("Condition", problems)?)
    } else {
        Condition::Rule(read_rule(&fields, true, problems)?)
    };
    Some(Choice {
        condition,
        next: next?,
        assign: read_assign(&fields, problems),
        output: fields.template("Output", problems),
    })
}

fn read_rule(fields: &Fields<'_>, top: bool, problems: &mut Vec<Problem>) -> Option<Rule> {
    let beside = |name: &str| matches!(name, "Variable" | "Comment") || (top && matches!(name, "Next" | "Assign"));
    let operators: Vec<&str> = fields.members.keys().map(String::as_str).filter(|name| !beside(name)).collect();
    let [operator] = operators[..] else {
        problems.push(Problem::schema("Exactly one comparison is required in a choice rule", fields.at.clone()));
        return None;
    };
    let nested = |problems: &mut Vec<Problem>| {
        read_list(fields, operator, problems, |fields, problems| read_rule(&fields, false, problems))
    };
    match operator {
        "And" => return Some(Rule::And(nested(problems))),
        "Or" => return Some(Rule::Or(nested(problems))),
        "Not" => {
            let inner = Fields::of(fields.get("Not")?, fields.place("Not"), fields.language, problems)?;
            return read_rule(&inner, false, problems).map(|rule| Rule::Not(Box::new(rule)));
        }
        _ => {}
    }
    let test = if operator == "StringMatches" {
        Test::Matches(fields.string(operator, problems)?.to_owned())
    } else if let Some(kind) = Trait::named(operator) {
        Test::Is(kind, fields.boolean(operator, problems)?)
    } else if let Some((comparison, path)) = Comparison::named(operator) {
        if path {
            Test::Compare(comparison, Operand::Path(fields.path(operator, problems)?))
        } else {
            let literal = fields.get(operator)?;
            if !comparison.fits(literal) {
                let message = match comparison.domain {
                    Domain::Text => "Expected value of type String",
                    Domain::Number => "Expected value of type Number",
                    Domain::Boolean => "Expected value of type Boolean",
                    Domain::Moment => "String does not match RFC3339 timestamp",
                };
                problems.push(Problem::schema(message, fields.place(operator)));
            }
            Test::Compare(comparison, Operand::Literal(literal.clone()))
        }
    } else {
        problems.push(Problem::schema("Field is not supported", fields.place(operator)));
        return None;
    };
    fields.require(&["Variable"], problems);
    let variable: Expression = fields.path("Variable", problems)?;
    Some(Rule::Test { variable, test })
}
